//! The progress of a load: one line that is updated in a terminal, a line every few seconds elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use load::{Progress, Running};

/// Shows progress on standard error, so that results can be piped.
#[derive(Debug)]
pub struct View {
    in_place: bool,
    quiet: bool,
    /// Whether the progress line is on the screen. Locked while something is written.
    shown: Mutex<bool>,
}

/// The time between two lines without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Seconds in the sparkline, so that the line fits 80 columns.
const SPARKS: usize = 20;

impl View {
    /// Shows progress.
    pub fn new() -> Self {
        Self { in_place: io::stderr().is_terminal(), quiet: false, shown: Mutex::new(false) }
    }

    /// Hides progress.
    pub fn quiet() -> Self {
        Self { in_place: false, quiet: true, shown: Mutex::new(false) }
    }

    /// Prints a line that stays.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let clear = if *shown { "\r\x1b[2K" } else { "" };
            writeln!(anstream::stderr(), "{clear}  {text}").ok(); // if standard error is closed, the load goes on
            *shown = false;
        }
    }

    /// Follows a load until it is over.
    pub async fn follow(&self, load: &Running, duration: Duration) {
        let mut progress = load.progress();
        let mut next = Duration::ZERO;
        while progress.changed().await.is_ok() {
            let now = progress.borrow_and_update().clone();
            if self.in_place {
                self.replace(&describe(&now, duration));
            } else if now.elapsed >= next {
                next = now.elapsed + LINE_INTERVAL;
                self.line(&describe(&now, duration));
            }
        }
        if self.in_place {
            self.replace("");
        }
    }

    fn replace(&self, text: &str) {
        if !self.quiet {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            write!(anstream::stderr(), "\r\x1b[2K{text}").ok();
            *shown = !text.is_empty();
        }
    }
}

impl Default for View {
    fn default() -> Self {
        Self::new()
    }
}

/// For example `12/40 s  212/s  p50 0.4  p99 2.1 ms  3 in flight  0 retries  0 failed  ▅▆▅`.
fn describe(progress: &Progress, duration: Duration) -> String {
    let Progress { elapsed, in_flight, second, rates, failed, retries } = progress;
    let ms = |quantile| format!("{:.1}", second.latencies.value_at_quantile(quantile) as f64 / 1000.0);
    format!(
        "{:>3}/{} s {:>5}/s  p50 {:>5} p99 {:>6} ms  {in_flight} in flight  {retries} retries  {failed} failed  {}",
        elapsed.as_secs(),
        duration.as_secs(),
        second.requests,
        ms(0.5),
        ms(0.99),
        sparkline(&rates[rates.len().saturating_sub(SPARKS)..])
    )
}

/// Values as bars: the highest value is the full bar, zero the lowest.
fn sparkline(values: &[u64]) -> String {
    let highest = values.iter().max().copied().unwrap_or(0).max(1);
    let bar = |value: &u64| BARS[usize::try_from(value * 7 / highest).unwrap_or(0)];
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_value_is_the_full_bar_and_zero_the_lowest() {
        assert_eq!(sparkline(&[70, 0, 35, 70]), "█▁▄█");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn the_progress_line_contains_the_time_the_retries_and_the_sparkline() {
        let progress = Progress {
            elapsed: Duration::from_secs(12),
            retries: 4,
            rates: vec![1, 2],
            ..Progress::default()
        };
        let line = describe(&progress, Duration::from_secs(40));
        assert!(line.starts_with(" 12/40 s") && line.contains("4 retries") && line.ends_with("▄█"), "{line}");
    }
}

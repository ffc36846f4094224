//! How a load gets on: one line that changes, in a terminal; a line now and then, elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use load::{Progress, Running};

/// Where it is shown: standard error, so that results can be piped.
#[derive(Debug)]
pub struct View {
    in_place: bool,
    quiet: bool,
    /// Held while something is written; whether the line that changes is on the screen.
    shown: Mutex<bool>,
}

/// Between two lines where there is no terminal.
const PLAIN: Duration = Duration::from_secs(5);
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Seconds in the sparkline: with it a line fits 80 columns.
const SPARKS: usize = 20;

impl View {
    /// Shows it to people.
    pub fn new() -> Self {
        Self { in_place: io::stderr().is_terminal(), quiet: false, shown: Mutex::new(false) }
    }

    /// Shows nothing.
    pub fn quiet() -> Self {
        Self { in_place: false, quiet: true, shown: Mutex::new(false) }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let clear = if *shown { "\r\x1b[2K" } else { "" };
            writeln!(anstream::stderr(), "{clear}  {text}").ok(); // nobody looks any more: the load goes on
            *shown = false;
        }
    }

    /// Follows a load until it is over.
    pub async fn follow(&self, load: &Running, lasts: Duration) {
        let mut progress = load.progress();
        let mut next = Duration::ZERO;
        while progress.changed().await.is_ok() {
            let now = progress.borrow_and_update().clone();
            if self.in_place {
                self.replace(&told(&now, lasts));
            } else if now.elapsed >= next {
                next = now.elapsed + PLAIN;
                self.line(&told(&now, lasts));
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

/// For example `12/40 s  212/s  p50 0.4  p99 2.1 ms  3 in flight  0 retried  0 failed  ▅▆▅`.
fn told(progress: &Progress, lasts: Duration) -> String {
    let Progress { elapsed, in_flight, second, rates, failed, retries } = progress;
    let ms = |quantile| format!("{:.1}", second.latencies.value_at_quantile(quantile) as f64 / 1000.0);
    format!(
        "{:>3}/{} s {:>5}/s  p50 {:>5} p99 {:>6} ms  {in_flight} in flight  {retries} retried  {failed} failed  {}",
        elapsed.as_secs(),
        lasts.as_secs(),
        second.asked,
        ms(0.5),
        ms(0.99),
        sparkline(&rates[rates.len().saturating_sub(SPARKS)..])
    )
}

/// Values as bars, the highest one full; none at all is the lowest bar.
fn sparkline(values: &[u64]) -> String {
    let highest = values.iter().max().copied().unwrap_or(0).max(1);
    let bar = |value: &u64| BARS[usize::try_from(value * 7 / highest).unwrap_or(0)];
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_is_full_and_an_empty_second_is_a_dent() {
        assert_eq!(sparkline(&[70, 0, 35, 70]), "█▁▄█");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn a_line_says_rate_latency_and_errors() {
        let progress = Progress {
            elapsed: Duration::from_secs(12),
            retries: 4,
            rates: vec![1, 2],
            ..Progress::default()
        };
        let told = told(&progress, Duration::from_secs(40));
        assert!(told.starts_with(" 12/40 s") && told.contains("4 retried") && told.ends_with("▄█"), "{told}");
    }
}

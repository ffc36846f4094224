//! The arrivals of a load, drawn from a seed before it begins, so that every stage gets the same visitors.

use std::time::Duration;

use fastrand::Rng;

use crate::mix::{Mix, Visit};

/// Visitors of one kind, and their rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stream {
    /// What they come for.
    pub mix: Mix,
    /// How many arrive per second.
    pub rate: Rate,
}

/// Arrivals per second. Visitors arrive independently of each other (a Poisson process), so several may arrive at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The average.
    pub per_second: f64,
    /// A period with another rate.
    pub peak: Option<Peak>,
}

/// A period with a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Peak {
    /// Counted from the beginning of the load, warm-up included.
    pub from: Duration,
    pub duration: Duration,
    pub per_second: f64,
}

/// The arrival of one visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Counted from the beginning of the load.
    pub(crate) due: Duration,
    pub(crate) visit: Visit,
    /// Determines what the visitor chooses.
    pub(crate) seed: u64,
}

impl Rate {
    /// The same rate all the time.
    pub fn steady(per_second: f64) -> Self {
        Self { per_second, peak: None }
    }

    /// The rate at a time, counted from the beginning of the load.
    pub fn at(&self, since: Duration) -> f64 {
        match &self.peak {
            Some(peak) if since >= peak.from && since < peak.from + peak.duration => peak.per_second,
            _ => self.per_second,
        }
    }

    fn highest(&self) -> f64 {
        self.peak.map_or(self.per_second, |peak| peak.per_second.max(self.per_second))
    }
}

/// All arrivals until then, in order.
pub(crate) fn arrivals(streams: &[Stream], seed: u64, until: Duration) -> Vec<Arrival> {
    let mut seeds = Rng::with_seed(seed);
    let mut all: Vec<_> = streams.iter().flat_map(|stream| of_stream(stream, seeds.fork(), until)).collect();
    all.sort_by_key(|arrival| arrival.due);
    all
}

/// A Poisson process by thinning: exponential gaps at the highest rate, and where the rate is lower, arrivals are dropped
/// in proportion.
fn of_stream(stream: &Stream, mut rng: Rng, until: Duration) -> Vec<Arrival> {
    let highest = stream.rate.highest();
    let mut all = Vec::new();
    let mut due = Duration::ZERO;
    if highest <= 0.0 {
        return all;
    }
    loop {
        // 1 - f64() is never zero, so its logarithm is finite.
        due += Duration::from_secs_f64(-(1.0 - rng.f64()).ln() / highest);
        if due >= until {
            return all;
        }
        if rng.f64() * highest < stream.rate.at(due) {
            all.push(Arrival { due, visit: stream.mix.visit(&mut rng), seed: rng.u64(..) });
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "a few thousand visitors")]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn stream(mix: Mix, per_second: f64) -> Stream {
        Stream { mix, rate: Rate::steady(per_second) }
    }

    #[test]
    fn the_same_seed_gives_the_same_visitors_and_another_seed_does_not() {
        let streams = [stream(Mix::Day, 50.0), stream(Mix::Checkout, 5.0)];
        assert_eq!(arrivals(&streams, 7, MINUTE), arrivals(&streams, 7, MINUTE));
        assert_ne!(arrivals(&streams, 7, MINUTE), arrivals(&streams, 8, MINUTE));
    }

    #[test]
    fn arrivals_are_ordered_and_as_many_as_the_rate_says() {
        let all = arrivals(&[stream(Mix::Browse, 100.0), stream(Mix::Checkout, 20.0)], 1, MINUTE);
        assert!((6900..7500).contains(&all.len()), "{}", all.len()); // 7200 ± 3.5 standard deviations
        assert!(all.is_sorted_by_key(|arrival| arrival.due) && all[all.len() - 1].due < MINUTE);
    }

    #[test]
    fn gaps_between_arrivals_are_random() {
        let all = arrivals(&[stream(Mix::Browse, 100.0)], 1, MINUTE);
        let gap = |pair: &[Arrival]| pair[1].due.as_secs_f64() - pair[0].due.as_secs_f64();
        let gaps: Vec<_> = all.windows(2).map(gap).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;
        assert!((0.9..1.1).contains(&variation), "{variation}"); // 1 for exponential gaps, 0 for a fixed interval
    }

    #[test]
    fn a_peak_changes_the_rate_only_while_it_lasts() {
        let second = Duration::from_secs(1);
        let peak = Peak { from: 20 * second, duration: 10 * second, per_second: 400.0 };
        let rate = Rate { per_second: 50.0, peak: Some(peak) };
        let all = arrivals(&[Stream { mix: Mix::Browse, rate }], 3, MINUTE);
        let within =
            |from: Duration, to: Duration| all.iter().filter(|a| a.due >= from && a.due < to).count();
        assert!((850..1150).contains(&within(Duration::ZERO, 20 * second)));
        assert!((3750..4250).contains(&within(20 * second, 30 * second)));
        assert!((1350..1650).contains(&within(30 * second, MINUTE)));
    }

    #[test]
    fn a_rate_of_zero_brings_no_visitors() {
        assert!(arrivals(&[stream(Mix::Browse, 0.0)], 1, MINUTE).is_empty());
    }

    #[test]
    fn the_day_mix_is_mostly_browsing() {
        let all = arrivals(&[stream(Mix::Day, 200.0)], 5, MINUTE);
        let share = |visit| all.iter().filter(|a| a.visit == visit).count() as f64 / all.len() as f64;
        assert!((0.83..0.87).contains(&share(Visit::Browse)));
        assert!((0.10..0.14).contains(&share(Visit::CheckOut)));
        assert!((0.02..0.04).contains(&share(Visit::LogIn)));
    }
}

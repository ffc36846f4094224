//! Medians, ratios and memory, as a table and as JSON.

use std::{collections::BTreeMap, fmt, fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::{batch::Batch, operation::Operation};

/// Shorter batches are ignored, because the clock's resolution would dominate. Criterion begins its warm-up with such batches.
const MIN_BATCH: Duration = Duration::from_millis(20);

/// An operation and the number in flight.
type Cell = (Operation, usize);

/// All measurements so far.
#[derive(Debug, Default)]
pub struct Results {
    batches: BTreeMap<Cell, Vec<Batch>>,
    ratios: BTreeMap<Cell, Vec<f64>>,
    memory: Vec<Memory>,
    requests: u64,
}

/// Resident memory at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Memory {
    /// Sum of all processes of the shop.
    pub bytes: Option<u64>,
    /// The shop had answered at least this many requests by then.
    pub after_requests: u64,
    /// What these requests were.
    pub after: &'static str,
    /// The upper bound that the course sets itself, in bytes.
    pub goal: u64,
}

/// The results of a run.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Report {
    pub chapter: u32,
    pub cores: usize,
    pub products: u32,
    pub operations: Vec<Row>,
    pub ratios: Vec<Ratio>,
    pub memory: Vec<Memory>,
}

/// One operation with a number in flight. Medians, except `p99_us`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Row {
    pub operation: Operation,
    pub in_flight: usize,
    pub per_second: f64,
    /// Microseconds from an operation's first request until it is done.
    pub p50_us: f64,
    pub p99_us: f64,
    /// How often it was performed.
    pub count: usize,
}

/// An operation compared with its limit, measured in turn: the median of the pairs and their interquartile range.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Ratio {
    pub operation: Operation,
    pub limit: Operation,
    pub in_flight: usize,
    /// The time of one operation divided by that of its limit.
    pub ratio: f64,
    pub interquartile_range: (f64, f64),
    pub goal: Option<f64>,
}

impl Results {
    /// No results yet, for a shop that has answered this many requests.
    pub fn after(requests: u64) -> Self {
        Self { requests, ..Self::default() }
    }

    /// Adds a batch of an operation.
    pub fn add(&mut self, operation: Operation, in_flight: usize, batch: Batch) {
        if operation.pair().1 != Some(operation) {
            self.requests += batch.latencies.len() as u64;
        }
        if batch.took >= MIN_BATCH {
            self.batches.entry((operation, in_flight)).or_default().push(batch);
        }
    }

    /// Adds a batch of an operation and one of its limit, measured one after the other.
    pub fn add_pair(&mut self, operation: Operation, in_flight: usize, batch: &Batch, limit: &Batch) {
        if batch.took.min(limit.took) >= MIN_BATCH {
            let ratio = batch.time_of(1).div_duration_f64(limit.time_of(1));
            self.ratios.entry((operation, in_flight)).or_default().push(ratio);
        }
    }

    /// Adds the memory at this moment, if there were requests since it was last added.
    pub fn add_memory(&mut self, bytes: Option<u64>, after: &'static str, goal: u64) {
        let after_requests = self.requests;
        if self.memory.last().is_none_or(|last| last.after_requests < after_requests) {
            self.memory.push(Memory { bytes, after_requests, after, goal });
        }
    }

    /// The results so far.
    pub fn report(&self, chapter: u32, products: u32) -> Report {
        let rows = self.batches.iter().map(|(cell, batches)| row(*cell, batches)).collect();
        let ratios = self.ratios.iter().filter_map(|(cell, ratios)| ratio(*cell, ratios)).collect();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        Report { chapter, cores, products, operations: rows, ratios, memory: self.memory.clone() }
    }
}

fn row((operation, in_flight): Cell, batches: &[Batch]) -> Row {
    let times = sorted(batches.iter().map(|batch| batch.time_of(1).as_secs_f64()));
    let latencies = sorted(batches.iter().flat_map(|batch| &batch.latencies).map(Duration::as_secs_f64));
    Row {
        operation,
        in_flight,
        per_second: 1.0 / percentile(&times, 50),
        p50_us: percentile(&latencies, 50) * 1e6,
        p99_us: percentile(&latencies, 99) * 1e6,
        count: latencies.len(),
    }
}

fn ratio((operation, in_flight): Cell, ratios: &[f64]) -> Option<Ratio> {
    let ratios = sorted(ratios.iter().copied());
    let goal = match (operation, in_flight) {
        (Operation::ReadProduct, _) => Some(1.0 / 0.75),
        (Operation::PlaceOrder, 32) => Some(2.5),
        _ => None,
    };
    Some(Ratio {
        operation,
        limit: operation.pair().1?,
        in_flight,
        ratio: percentile(&ratios, 50),
        interquartile_range: (percentile(&ratios, 25), percentile(&ratios, 75)),
        goal,
    })
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// A percentile of sorted values. NaN if there are none.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let place = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// Writes a report to `target/bench/NAME.json` of the course.
///
/// # Errors
/// The file cannot be written.
pub fn write(root: &Path, name: &str, report: &impl Serialize) -> Result<()> {
    let folder = root.join("target").join("bench");
    let file = folder.join(format!("{name}.json"));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, serde_json::to_vec_pretty(report)?))
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("written to {}", file.display());
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chapter, cores, products, .. } = self;
        writeln!(f, "chapter {chapter}, {products} products, {cores} cores shared with the load\n")?;
        writeln!(f, "{:<20}{:>10}{:>12}{:>10}{:>10}", "", "in flight", "per second", "p50 ms", "p99 ms")?;
        for Row { operation, in_flight, per_second, p50_us, p99_us, .. } in &self.operations {
            let (name, p50, p99) = (operation.name(), p50_us / 1e3, p99_us / 1e3);
            writeln!(f, "{name:<20}{in_flight:>10}{per_second:>12.0}{p50:>10.2}{p99:>10.2}")?;
        }
        writeln!(
            f,
            "\n{:<30}{:>10}{:>8}{:>22}{:>8}",
            "compared with the limit", "in flight", "ratio", "interquartile range", "goal"
        )?;
        for Ratio { operation, limit, in_flight, ratio, interquartile_range: (low, high), goal } in
            &self.ratios
        {
            let pair = format!("{} / {}", operation.name(), limit.name());
            let (range, goal) = (format!("{low:.2}–{high:.2}"), goal.map(|goal| format!("≤ {goal:.2}")));
            writeln!(f, "{pair:<30}{in_flight:>10}{ratio:>8.2}{range:>22}{:>8}", goal.unwrap_or_default())?;
        }
        writeln!(f)?;
        for Memory { bytes, after_requests, after, goal } in &self.memory {
            let resident = bytes.map_or("unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000));
            writeln!(
                f,
                "resident memory after {after} (≥ {after_requests} requests): {resident}, goal ≤ {} MB",
                goal / 1_000_000
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten operations of a millisecond each, which took this many milliseconds altogether.
    fn batch(took: u64) -> Batch {
        Batch { took: Duration::from_millis(took), latencies: vec![Duration::from_millis(1); 10] }
    }

    #[test]
    fn a_ratio_is_the_median_of_its_pairs() {
        let mut results = Results::default();
        for (shop, limit) in [(900, 100), (300, 100), (200, 100)] {
            results.add_pair(Operation::PlaceOrder, 32, &batch(shop), &batch(limit));
        }
        let ratio = &results.report(1, 0).ratios[0];
        assert_eq!((ratio.limit, ratio.goal), (Operation::BareCommit, Some(2.5)));
        assert!((ratio.ratio - 3.0).abs() < 1e-9, "{}", ratio.ratio);
    }

    #[test]
    fn a_rate_is_computed_from_the_batch_and_a_latency_from_one_operation() {
        let mut results = Results::default();
        results.add(Operation::LogIn, 32, batch(100));
        let row = &results.report(1, 0).operations[0];
        assert!((row.per_second - 100.0).abs() < 1e-9, "{}", row.per_second);
        assert!((row.p50_us - 1000.0).abs() < 1e-9, "{}", row.p50_us);
    }

    #[test]
    fn a_batch_too_short_for_the_clock_is_ignored() {
        let mut results = Results::default();
        results.add(Operation::LogIn, 32, batch(19));
        results.add_pair(Operation::ReadProduct, 1, &batch(100), &batch(19));
        let report = results.report(1, 0);
        assert!(report.operations.is_empty() && report.ratios.is_empty());
    }

    #[test]
    fn requests_to_the_limits_are_not_requests_to_the_shop() {
        let mut results = Results::after(5);
        results.add(Operation::ReadProduct, 1, batch(100));
        results.add(Operation::BareRead, 1, batch(100));
        results.add_memory(None, "reading", 0);
        assert_eq!(results.report(1, 0).memory[0].after_requests, 15);
    }
}

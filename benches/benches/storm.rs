//! The latency of 200 reads per second (an open loop) while the shop is busy with something else.
//!
//! Criterion is not used here, because it computes means and no percentiles. The background loads take turns, in several
//! rounds, so that a busy machine affects them alike. Reads and background load each have a thread of their own.

use std::{fmt, iter::zip, path::Path, thread, time::Duration};

use anyhow::{Result, anyhow};
use benches::{
    background::{Background, Responses},
    batch::Batch,
    browsing::{Reads, browse},
    customer::Customer,
    operation::Operation,
    results::write,
    seed,
    stages::{chapter_number, course, resident_memory, start_chapter},
};
use hdrhistogram::Histogram;
use serde::Serialize;
use shop_client::Shop;
use stage::{Course, Stage};
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

const PRODUCTS: u32 = 1000;
const ORDERS: u64 = 3000;
const ROUNDS: usize = 3;
const READS_PER_SECOND: u32 = 200;
/// The duration of a round.
const SECONDS: u32 = 7;
/// The time between the start of the background load and the first read.
const LEAD: Duration = Duration::from_secs(1);

struct Bench {
    runtime: Runtime,
    stage: Stage,
    customers: Vec<Customer>,
    staff: String,
}

fn main() -> Result<()> {
    let wanted: Vec<_> = Background::ALL.into_iter().filter(|load| is_wanted(load.name())).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let (course, chapter) = (course()?, chapter_number()?);
    let mut bench = Bench::start(&course, chapter)?;
    let mut rounds: Vec<Vec<(Reads, Responses)>> = wanted.iter().map(|_| Vec::new()).collect();
    for round in 1..=ROUNDS {
        for (background, rounds) in zip(&wanted, &mut rounds) {
            eprintln!("{}, round {round} of {ROUNDS}", background.name());
            rounds.push(bench.measure(*background)?);
        }
    }
    let rows = zip(wanted, rounds).map(|(background, rounds)| Row::new(background, &rounds));
    let report = Report {
        chapter,
        cores: thread::available_parallelism()?.get(),
        products: PRODUCTS,
        orders: ORDERS,
        reads_per_second: READS_PER_SECOND,
        rows: rows.collect::<Result<_>>()?,
        resident_bytes: resident_memory(&bench.stage.status()),
    };
    println!("\n{report}");
    write(&course.root, &format!("chapter-{chapter}-storm"), &report)?;
    bench.runtime.block_on(bench.stage.stop());
    Ok(())
}

/// Whether a name contains the filter, the first argument that is not an option.
fn is_wanted(name: &str) -> bool {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    filter.is_none_or(|filter| name.contains(&filter))
}

impl Bench {
    /// Starts a chapter with products and orders, and registers as many customers as the largest background load needs.
    fn start(course: &Course, chapter: u32) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let program = Path::new(env!("CARGO_BIN_EXE_limits"));
        let stage = runtime.block_on(start_chapter(course, chapter, program))?;
        let status = stage.status();
        let (customers, staff) = runtime.block_on(async {
            let mut customers = Customer::register(Background::MAX_CLIENTS as u64, &status).await?;
            eprintln!("adding {PRODUCTS} products and {ORDERS} orders through the API of chapter {chapter}");
            seed::add_products(&status, &mut customers, PRODUCTS).await?;
            Batch::run(Operation::PlaceOrder, ORDERS, &mut customers).await?;
            let shop = Shop::new(&status.routes)?;
            let staff = shop.open_session(&status.staff.email, &status.staff.password).await?;
            anyhow::Ok((customers, staff.value.token))
        })?;
        Ok(Self { runtime, stage, customers, staff })
    }

    /// One round: the background load, if there is one, and the reads.
    fn measure(&mut self, background: Background) -> Result<(Reads, Responses)> {
        let (routes, products) = (self.stage.status().routes, self.customers[0].products.to_vec());
        let (start, second) = (Instant::now() + LEAD, Duration::from_secs(1));
        let (period, count) = (second / READS_PER_SECOND, SECONDS * READS_PER_SECOND);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(browse(&routes, &products, start, period, count))
            });
            let load = background.run(&mut self.customers, &self.staff, start + SECONDS * second);
            let responses = self.runtime.block_on(load);
            let reads = reader.join().map_err(|_| anyhow!("the reader panicked"))?;
            Ok((reads?, responses?))
        })
    }
}

/// The report that is printed, and written to `target/bench/`.
#[derive(Serialize)]
struct Report {
    chapter: u32,
    cores: usize,
    products: u32,
    orders: u64,
    reads_per_second: u32,
    rows: Vec<Row>,
    /// Memory of all processes of the shop together, at the end.
    resident_bytes: Option<u64>,
}

/// All rounds of one background load. Times are latencies of reads, from when they were due, in microseconds.
#[derive(Serialize)]
struct Row {
    background: Background,
    reads: u64,
    /// Reads with status 503.
    refused_reads: u64,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
    p99_us_by_round: Vec<u64>,
    /// Requests of the background load that were served.
    served_per_second: f64,
    /// Requests of the background load with status 503.
    refused: u64,
}

impl Row {
    fn new(background: Background, rounds: &[(Reads, Responses)]) -> Result<Self> {
        let mut all = Histogram::<u64>::new(3)?;
        for (reads, _) in rounds {
            all.add(&reads.latencies)?;
        }
        let responses = rounds.iter().fold(Responses::default(), |sum, (_, responses)| sum.plus(*responses));
        Ok(Self {
            background,
            reads: all.len(),
            refused_reads: rounds.iter().map(|(reads, _)| reads.refused).sum(),
            p50_us: all.value_at_quantile(0.5),
            p99_us: all.value_at_quantile(0.99),
            max_us: all.max(),
            p99_us_by_round: rounds
                .iter()
                .map(|(reads, _)| reads.latencies.value_at_quantile(0.99))
                .collect(),
            served_per_second: responses.per_second(),
            refused: responses.refused,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chapter, cores, products, orders, reads_per_second, .. } = self;
        writeln!(
            f,
            "chapter {chapter}, {products} products, {orders} orders, {cores} cores shared with the load"
        )?;
        writeln!(f, "{reads_per_second} reads of a product per second; latencies from when each was due\n")?;
        writeln!(
            f,
            "{:<14}{:>8}{:>8}{:>8}{:>14}{:>6}{:>9}{:>6}",
            "reads during", "p50 ms", "p99 ms", "max ms", "p99 by round", "503s", "storm/s", "503s"
        )?;
        for row in &self.rows {
            let [p50, p99, max] = [row.p50_us, row.p99_us, row.max_us].map(milliseconds);
            let (name, rounds) = (row.background.name(), row.p99_us_by_round.iter());
            let ends = [rounds.clone().min(), rounds.max()].map(|us| milliseconds(us.copied().unwrap_or(0)));
            let ends = format!("{:.1}–{:.1}", ends[0], ends[1]);
            write!(f, "{name:<14}{p50:>8.1}{p99:>8.1}{max:>8.1}{ends:>14}{:>6}", row.refused_reads)?;
            writeln!(f, "{:>9.0}{:>6}", row.served_per_second, row.refused)?;
        }
        let bytes = self.resident_bytes.map(|bytes| format!("{} MB", bytes / 1_000_000));
        writeln!(f, "\nresident memory at the end: {}", bytes.as_deref().unwrap_or("unknown"))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a result needs no more than 52 bits")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e3
}

//! What browsing feels while the shop is busy with something else: 200 reads a second, as they are due.
//!
//! Without criterion, which knows means and no percentiles. The situations are measured in turn, several rounds of each, so
//! that a busy machine hits them alike. The storm and the reads are a thread each: who browses is no part of the storm.

use std::{fmt, iter::zip, path::Path, thread, time::Duration};

use anyhow::{Result, anyhow};
use benches::{
    batch::Batch,
    browsing::{Reads, browse},
    figures::write,
    operation::Operation,
    seed,
    situation::{Answers, Situation},
    slot::Slot,
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
/// Of reading, in one round of one situation.
const SECONDS: u32 = 7;
/// What a storm has to build up before the first read.
const LEAD: Duration = Duration::from_secs(1);

struct Bench {
    runtime: Runtime,
    stage: Stage,
    slots: Vec<Slot>,
    staff: String,
}

fn main() -> Result<()> {
    let wanted: Vec<_> = Situation::ALL.into_iter().filter(|situation| is_wanted(situation.name())).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let (course, chapter) = (course()?, chapter_number()?);
    let mut bench = Bench::start(&course, chapter)?;
    let mut rounds: Vec<Vec<(Reads, Answers)>> = wanted.iter().map(|_| Vec::new()).collect();
    for round in 1..=ROUNDS {
        for (situation, rounds) in zip(&wanted, &mut rounds) {
            eprintln!("{}, round {round} of {ROUNDS}", situation.name());
            rounds.push(bench.measure(*situation)?);
        }
    }
    let rows = zip(wanted, rounds).map(|(situation, rounds)| Row::new(situation, &rounds));
    let report = Report {
        chapter,
        cores: thread::available_parallelism()?.get(),
        products: PRODUCTS,
        orders: ORDERS,
        reads_per_second: READS_PER_SECOND,
        situations: rows.collect::<Result<_>>()?,
        resident_bytes: resident_memory(&bench.stage.status()),
    };
    println!("\n{report}");
    write(&course.root, &format!("chapter-{chapter}-storm"), &report)?;
    bench.runtime.block_on(bench.stage.stop());
    Ok(())
}

/// Whether a name has what was asked for. Cargo and criterion's users give options too, which say nothing here.
fn is_wanted(name: &str) -> bool {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    filter.is_none_or(|filter| name.contains(&filter))
}

impl Bench {
    /// Starts a chapter with products and orders in it, and as many customers as the largest storm has.
    fn start(course: &Course, chapter: u32) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let program = Path::new(env!("CARGO_BIN_EXE_limits"));
        let stage = runtime.block_on(start_chapter(course, chapter, program))?;
        let status = stage.status();
        let (slots, staff) = runtime.block_on(async {
            let mut slots = Slot::register(Situation::MOST_CLIENTS as u64, &status).await?;
            eprintln!("adding {PRODUCTS} products and {ORDERS} orders through the API of chapter {chapter}");
            seed::fill(&status, &mut slots, PRODUCTS).await?;
            Batch::run(Operation::PlaceOrder, ORDERS, &mut slots).await?;
            let shop = Shop::new(&status.routes)?;
            let staff = shop.open_session(&status.staff.email, &status.staff.password).await?;
            anyhow::Ok((slots, staff.value.token))
        })?;
        Ok(Self { runtime, stage, slots, staff })
    }

    /// One round of a situation: the storm, if there is one, and the reads in the midst of it.
    fn measure(&mut self, situation: Situation) -> Result<(Reads, Answers)> {
        let (routes, products) = (self.stage.status().routes, self.slots[0].products.to_vec());
        let (start, second) = (Instant::now() + LEAD, Duration::from_secs(1));
        let (period, count) = (second / READS_PER_SECOND, SECONDS * READS_PER_SECOND);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(browse(&routes, &products, start, period, count))
            });
            let storm = situation.keep_busy(&mut self.slots, &self.staff, start + SECONDS * second);
            let answers = self.runtime.block_on(storm);
            let reads = reader.join().map_err(|_| anyhow!("the reader panicked"))?;
            Ok((reads?, answers?))
        })
    }
}

/// What is printed, and written to `target/bench/`.
#[derive(Serialize)]
struct Report {
    chapter: u32,
    cores: usize,
    products: u32,
    orders: u64,
    reads_per_second: u32,
    situations: Vec<Row>,
    /// Of all processes of the shop together, after everything.
    resident_bytes: Option<u64>,
}

/// All rounds of one situation. Times are of a read, from when it was due, in microseconds.
#[derive(Serialize)]
struct Row {
    situation: Situation,
    reads: u64,
    /// Reads that were answered 503.
    refused_reads: u64,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
    p99_us_by_round: Vec<u64>,
    /// Of the storm: answers that were none of the 503s.
    served_per_second: f64,
    /// Of the storm: answers that were 503.
    refused: u64,
}

impl Row {
    fn new(situation: Situation, rounds: &[(Reads, Answers)]) -> Result<Self> {
        let mut all = Histogram::<u64>::new(3)?;
        for (reads, _) in rounds {
            all.add(&reads.latencies)?;
        }
        let answers = rounds.iter().fold(Answers::default(), |sum, (_, answers)| sum.and(*answers));
        Ok(Self {
            situation,
            reads: all.len(),
            refused_reads: rounds.iter().map(|(reads, _)| reads.refused).sum(),
            p50_us: all.value_at_quantile(0.5),
            p99_us: all.value_at_quantile(0.99),
            max_us: all.max(),
            p99_us_by_round: rounds
                .iter()
                .map(|(reads, _)| reads.latencies.value_at_quantile(0.99))
                .collect(),
            served_per_second: answers.per_second(),
            refused: answers.refused,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chapter, cores, products, orders, reads_per_second, .. } = self;
        writeln!(
            f,
            "chapter {chapter}, {products} products, {orders} orders, {cores} cores with the load on them"
        )?;
        writeln!(f, "{reads_per_second} reads of a product a second, each timed from when it was due\n")?;
        writeln!(
            f,
            "{:<14}{:>8}{:>8}{:>8}{:>14}{:>6}{:>12}{:>6}",
            "reads", "p50 ms", "p99 ms", "max ms", "p99 by round", "503s", "storm 1/s", "503s"
        )?;
        for row in &self.situations {
            let [p50, p99, max] = [row.p50_us, row.p99_us, row.max_us].map(milliseconds);
            let (name, rounds) = (row.situation.name(), row.p99_us_by_round.iter());
            let ends = [rounds.clone().min(), rounds.max()].map(|us| milliseconds(us.copied().unwrap_or(0)));
            let ends = format!("{:.1}–{:.1}", ends[0], ends[1]);
            write!(f, "{name:<14}{p50:>8.1}{p99:>8.1}{max:>8.1}{ends:>14}{:>6}", row.refused_reads)?;
            writeln!(f, "{:>12.0}{:>6}", row.served_per_second, row.refused)?;
        }
        let bytes = self.resident_bytes.map(|bytes| format!("{} MB", bytes / 1_000_000));
        writeln!(f, "\nresident after all of it: {}", bytes.as_deref().unwrap_or("unknown"))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure needs no more than 52 bits")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e3
}

//! How long a stage is away: from `kill -9` of every process of the shop to the first good answer.
//!
//! Before each kill customers have just placed orders, so that there is a log of the database to recover.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use benches::{
    batch::Batch,
    client::Client,
    figures::write,
    operation::Operation,
    seed,
    slot::Slot,
    stages::{chapter_number, course, services, start_chapter},
};
use criterion::{Criterion, SamplingMode};
use futures_util::future::try_join_all;
use serde::Serialize;
use shop_client::Request;
use stage::{Fault, Stage};
use tokio::{runtime::Builder, time::sleep};

const CUSTOMERS: u64 = 8;
const PRODUCTS: u32 = 1000;
/// Orders before each kill.
const ORDERS: u64 = 200;
/// Between two tries: what the figure is late at most.
const BETWEEN_TRIES: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let (course, chapter) = (course()?, chapter_number()?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let program = Path::new(env!("CARGO_BIN_EXE_limits"));
    let stage = runtime.block_on(start_chapter(&course, chapter, program))?;
    let mut slots = runtime.block_on(Slot::register(CUSTOMERS, &stage.status()))?;
    runtime.block_on(seed::fill(&stage.status(), &mut slots, PRODUCTS))?;

    let mut away: Vec<Duration> = Vec::new();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("failure");
    group.sampling_mode(SamplingMode::Flat).sample_size(20).nresamples(10_000);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(10));
    group.bench_function("kill -9 to the first good answer", |bencher| {
        bencher.iter_custom(|kills| {
            let kills = (0..kills).map(|_| runtime.block_on(kill_once(&stage, &mut slots)));
            let kills: Vec<_> = kills.collect::<Result<_>>().unwrap_or_else(|error| panic!("{error:#}"));
            away.extend_from_slice(&kills);
            kills.iter().sum()
        });
    });
    group.finish();
    criterion.final_summary();
    if !away.is_empty() {
        let report = Report::new(chapter, away);
        let Report { kills, median_ms, longest_ms, .. } = report;
        println!("\n{kills} kills, away for {median_ms} ms in the median, {longest_ms} ms at most");
        write(&course.root, &format!("chapter-{chapter}-failure"), &report)?;
    }
    runtime.block_on(stage.stop());
    Ok(())
}

/// What is written to `target/bench/`. Times are from a kill to the first good answer.
#[derive(Serialize)]
struct Report {
    chapter: u32,
    kills: usize,
    median_ms: u128,
    longest_ms: u128,
}

impl Report {
    fn new(chapter: u32, mut away: Vec<Duration>) -> Self {
        away.sort_unstable();
        let at = |place: usize| away.get(place).map_or(0, Duration::as_millis);
        let kills = away.len();
        Self { chapter, kills, median_ms: at(kills / 2), longest_ms: at(kills.saturating_sub(1)) }
    }
}

async fn kill_once(stage: &Stage, slots: &mut [Slot]) -> Result<Duration> {
    Batch::run(Operation::PlaceOrder, ORDERS, slots).await?;
    let services = services(&stage.status());
    let killed = Instant::now();
    for service in &services {
        stage.apply(Fault::Kill, service).await?;
    }
    // All at once: one may be ready only when another is there again.
    let heal = try_join_all(services.iter().map(|service| stage.apply(Fault::Heal, service)));
    // Asked all the while, not once the launcher thinks that it is ready.
    let (healed, answered) = tokio::join!(heal, first_good_answer(stage, killed));
    healed?;
    answered
}

async fn first_good_answer(stage: &Stage, killed: Instant) -> Result<Duration> {
    let mut client = Client::new(&stage.status().routes)?;
    loop {
        let answer = client.send(Request::get("/products")).await;
        if answer.is_ok_and(|answer| answer.status == 200) {
            return Ok(killed.elapsed());
        }
        ensure!(killed.elapsed() < PATIENCE, "no good answer within {PATIENCE:?} of the kill");
        sleep(BETWEEN_TRIES).await;
    }
}

//! How long a stage is unavailable: from `kill -9` of every process of the shop to the first successful response.
//!
//! Customers place orders just before each kill, so that SQLite has a write-ahead log to recover.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use benches::{
    batch::Batch,
    customer::{Customer, connections},
    operation::Operation,
    results::write,
    seed,
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
/// Orders placed before each kill.
const ORDERS: u64 = 200;
/// The time between two requests, and so the most by which a result is too high.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);
const TIMEOUT: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let (course, chapter) = (course()?, chapter_number()?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let program = Path::new(env!("CARGO_BIN_EXE_limits"));
    let stage = runtime.block_on(start_chapter(&course, chapter, program))?;
    let mut customers = runtime.block_on(Customer::register(CUSTOMERS, &stage.status()))?;
    runtime.block_on(seed::add_products(&stage.status(), &mut customers, PRODUCTS))?;

    let mut outages: Vec<Duration> = Vec::new();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("failure");
    group.sampling_mode(SamplingMode::Flat).sample_size(20).nresamples(10_000);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(10));
    group.bench_function("kill -9 to the first successful response", |bencher| {
        bencher.iter_custom(|kills| {
            let kills = (0..kills).map(|_| runtime.block_on(kill_once(&stage, &mut customers)));
            let kills: Vec<_> = kills.collect::<Result<_>>().unwrap_or_else(|error| panic!("{error:#}"));
            outages.extend_from_slice(&kills);
            kills.iter().sum()
        });
    });
    group.finish();
    criterion.final_summary();
    if !outages.is_empty() {
        let report = Report::new(chapter, outages);
        let Report { kills, median_ms, longest_ms, .. } = report;
        println!("\n{kills} kills, unavailable for {median_ms} ms (median), {longest_ms} ms (maximum)");
        write(&course.root, &format!("chapter-{chapter}-failure"), &report)?;
    }
    runtime.block_on(stage.stop());
    Ok(())
}

/// The report in `target/bench/`. Times are from a kill to the first successful response.
#[derive(Serialize)]
struct Report {
    chapter: u32,
    kills: usize,
    median_ms: u128,
    longest_ms: u128,
}

impl Report {
    fn new(chapter: u32, mut outages: Vec<Duration>) -> Self {
        outages.sort_unstable();
        let at = |place: usize| outages.get(place).map_or(0, Duration::as_millis);
        let kills = outages.len();
        Self { chapter, kills, median_ms: at(kills / 2), longest_ms: at(kills.saturating_sub(1)) }
    }
}

async fn kill_once(stage: &Stage, customers: &mut [Customer]) -> Result<Duration> {
    Batch::run(Operation::PlaceOrder, ORDERS, customers).await?;
    let services = services(&stage.status());
    let killed = Instant::now();
    for service in &services {
        stage.apply(Fault::Kill, service).await?;
    }
    // All at once, because a process may be ready only after another one is.
    let heal = try_join_all(services.iter().map(|service| stage.apply(Fault::Heal, service)));
    // Sends requests all the time, and not only once the launcher considers the stage ready.
    let (healed, outage) = tokio::join!(heal, first_success(stage, killed));
    healed?;
    outage
}

async fn first_success(stage: &Stage, killed: Instant) -> Result<Duration> {
    let server = connections(&stage.status().routes)?;
    loop {
        let answer = server.send(&Request::get("/products")).await;
        if answer.is_ok_and(|answer| answer.status == 200) {
            return Ok(killed.elapsed());
        }
        ensure!(killed.elapsed() < TIMEOUT, "no successful response within {TIMEOUT:?} of the kill");
        sleep(RETRY_INTERVAL).await;
    }
}

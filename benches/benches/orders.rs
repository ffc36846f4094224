//! How long an order takes to be placed at fifty orders per second, and how many orders per second the shop can place for a
//! minute. Only placing is measured: no log-ins, no polls, no payments.
//!
//! The minute is divided into parts with bare commits in between, because the speed of the disk changes over time.

#![expect(clippy::cast_precision_loss, reason = "results need no more than 52 bits")]

use std::{fmt, path::Path, thread, time::Duration};

use anyhow::{Context, Result, ensure};
use benches::{
    batch::Batch,
    customer::{Customer, connections},
    operation::Operation,
    placing::{place_at_rate, place_continuously, placed_at},
    results::write,
    seed,
    stages::{chapter_number, course, resident_memory, start_chapter, start_limits},
};
use hdrhistogram::Histogram;
use serde::Serialize;
use shop_client::Shop;
use stage::Stage;
use tokio::{runtime::Builder, time::Instant};

const PRODUCTS: u32 = 1000;
const CUSTOMERS: u64 = 32;
/// The rate of the open loop.
const OPEN_LOOP_RATE: u32 = 50;
const OPEN_LOOP_ORDERS: u32 = 30 * OPEN_LOOP_RATE;
/// The parts of the closed loop.
const PARTS: u32 = 6;
const PART: Duration = Duration::from_secs(10);
const COMMITS: u64 = 5000;

fn main() -> Result<()> {
    if std::env::args().skip(1).any(|argument| !argument.starts_with('-') && !"orders".contains(&argument)) {
        return Ok(()); // the filter selects another benchmark
    }
    let (course, chapter) = (course()?, chapter_number()?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let program = Path::new(env!("CARGO_BIN_EXE_limits"));
    let report = runtime.block_on(async {
        let limits = start_limits(&course, program).await?;
        let shop = start_chapter(&course, chapter, program).await?;
        let report = measure(chapter, &shop, &limits).await?;
        shop.stop().await;
        limits.stop().await;
        anyhow::Ok(report)
    })?;
    println!("\n{report}");
    write(&course.root, &format!("chapter-{chapter}-orders"), &report)
}

async fn measure(chapter: u32, stage: &Stage, limits: &Stage) -> Result<Report> {
    let status = stage.status();
    let idle_bytes = resident_memory(&status);
    let mut customers = Customer::register(CUSTOMERS, &status).await?;
    eprintln!("adding {PRODUCTS} products through the API of chapter {chapter}");
    seed::add_products(&status, &mut customers, PRODUCTS).await?;
    for customer in &mut customers {
        customer.limits = Some(connections(&limits.status().routes)?);
    }
    let staff = Shop::new(&status.routes)?.open_session(&status.staff.email, &status.staff.password).await?;
    let staff = staff.value.token;

    eprintln!("placing {OPEN_LOOP_RATE} orders per second");
    let period = Duration::from_secs(1) / OPEN_LOOP_RATE;
    let (mut customers, open_loop) = place_at_rate(customers, period, OPEN_LOOP_ORDERS).await?;
    let mut placed = Histogram::<u64>::new(3)?;
    for order in &open_loop {
        let took = placed_at(&mut customers[0], &staff, order.id).await?.duration_since(order.due);
        placed.record(u64::try_from(took.as_micros()).unwrap_or(0))?;
    }

    let (mut orders, mut seconds, mut ratios) = (0, 0.0, Vec::new());
    for part in 1..=PARTS {
        eprintln!("placing as many orders as possible, part {part} of {PARTS}");
        let (placed, took) = place_part(&mut customers, &staff).await?;
        let commits = Batch::run(Operation::BareCommit, COMMITS, &mut customers).await?;
        ratios.push(placed as f64 / took * commits.time_of(1).as_secs_f64());
        (orders, seconds) = (orders + placed, seconds + took);
    }
    let resident_bytes = resident_memory(&status);
    let audit = audit::audit(&status, None).await?;
    ensure!(audit.broken().is_empty(), "the audit found broken invariants:\n{audit}");
    ratios.sort_by(f64::total_cmp);
    Ok(Report {
        chapter,
        cores: thread::available_parallelism()?.get(),
        open_loop_per_second: OPEN_LOOP_RATE,
        placed_p50_us: placed.value_at_quantile(0.5),
        placed_p99_us: placed.value_at_quantile(0.99),
        closed_loop_per_second: orders as f64 / seconds,
        closed_loop_orders: orders,
        of_bare_commits: *ratios.get(ratios.len() / 2).context("no order was placed")?,
        idle_bytes,
        resident_bytes,
    })
}

/// How many orders were placed in one part, and how many seconds it took until the last of them was placed.
async fn place_part(customers: &mut [Customer], staff: &str) -> Result<(usize, f64)> {
    let started = jiff::Timestamp::now();
    let mut orders = place_continuously(customers, Instant::now() + PART).await?;
    orders.sort_by_key(|order| order.due);
    let mut last = started;
    for order in orders.iter().rev().take(customers.len()) {
        last = last.max(placed_at(&mut customers[0], staff, order.id).await?);
    }
    Ok((orders.len(), last.duration_since(started).as_secs_f64()))
}

/// The report that is printed, and written to `target/bench/`.
#[derive(Serialize)]
struct Report {
    chapter: u32,
    cores: usize,
    open_loop_per_second: u32,
    /// From when an order was due until its stock was held, by its history.
    placed_p50_us: u64,
    placed_p99_us: u64,
    closed_loop_per_second: f64,
    closed_loop_orders: usize,
    /// The rate of the closed loop divided by that of bare commits, the median of the parts.
    of_bare_commits: f64,
    /// Memory of all processes of the shop together, before the first request.
    idle_bytes: Option<u64>,
    /// The same right after the last order.
    resident_bytes: Option<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99] = [self.placed_p50_us, self.placed_p99_us].map(|us| us as f64 / 1e3);
        let [idle, after] = [self.idle_bytes, self.resident_bytes]
            .map(|bytes| bytes.map_or("unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000)));
        writeln!(f, "chapter {}, {} cores shared with the load\n", self.chapter, self.cores)?;
        writeln!(
            f,
            "{} orders per second, placing only: time until placed p50 {p50:.1} ms, p99 {p99:.1} ms",
            self.open_loop_per_second
        )?;
        writeln!(
            f,
            "as many as possible, placing only, {CUSTOMERS} in flight: {:.0} orders per second ({} orders), {:.2} of the rate of bare commits",
            self.closed_loop_per_second, self.closed_loop_orders, self.of_bare_commits
        )?;
        writeln!(f, "resident memory: {idle} idle, {after} afterwards; the audit found no broken invariant")
    }
}

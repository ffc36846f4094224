//! How long an order takes until it is placed while fifty are placed a second, and how many a second can be placed for a
//! minute.
//!
//! The minute is taken in parts, with bare commits in between: how fast the disk is changes, and both feel it.

#![expect(clippy::cast_precision_loss, reason = "figures need no more than 52 bits")]

use std::{fmt, path::Path, thread, time::Duration};

use anyhow::{Context, Result, ensure};
use benches::{
    batch::Batch,
    client::Client,
    figures::write,
    operation::Operation,
    placing::{flood, offer, placed_at},
    seed,
    slot::Slot,
    stages::{chapter_number, course, resident_memory, start_chapter, start_limits},
};
use hdrhistogram::Histogram;
use serde::Serialize;
use shop_client::Shop;
use stage::Stage;
use tokio::{runtime::Builder, time::Instant};

const PRODUCTS: u32 = 1000;
const CUSTOMERS: u64 = 32;
/// Of the open loop.
const OFFERED_PER_SECOND: u32 = 50;
const OFFERED: u32 = 30 * OFFERED_PER_SECOND;
/// Of the closed loop.
const PARTS: u32 = 6;
const PART: Duration = Duration::from_secs(10);
const COMMITS: u64 = 5000;

fn main() -> Result<()> {
    if std::env::args().skip(1).any(|argument| !argument.starts_with('-') && !"orders".contains(&argument)) {
        return Ok(()); // somebody wants to know something else
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
    let mut slots = Slot::register(CUSTOMERS, &status).await?;
    eprintln!("adding {PRODUCTS} products through the API of chapter {chapter}");
    seed::fill(&status, &mut slots, PRODUCTS).await?;
    for slot in &mut slots {
        slot.limits = Some(Client::new(&limits.status().routes)?);
    }
    let staff = Shop::new(&status.routes)?.open_session(&status.staff.email, &status.staff.password).await?;
    let staff = staff.value.token;

    eprintln!("{OFFERED_PER_SECOND} orders a second");
    let (mut slots, offered) = offer(slots, Duration::from_secs(1) / OFFERED_PER_SECOND, OFFERED).await?;
    let mut placed = Histogram::<u64>::new(3)?;
    for order in &offered {
        let took = placed_at(&mut slots[0], &staff, order.id).await?.duration_since(order.due);
        placed.record(u64::try_from(took.as_micros()).unwrap_or(0))?;
    }

    let (mut orders, mut seconds, mut ratios) = (0, 0.0, Vec::new());
    for part in 1..=PARTS {
        eprintln!("as many as it takes, part {part} of {PARTS}");
        let (placed, took) = take_all(&mut slots, &staff).await?;
        let commits = Batch::run(Operation::BareCommit, COMMITS, &mut slots).await?;
        ratios.push(placed as f64 / took * commits.time_of(1).as_secs_f64());
        (orders, seconds) = (orders + placed, seconds + took);
    }
    let resident_bytes = resident_memory(&status);
    let audit = audit::audit(&status, None).await?;
    ensure!(audit.broken().is_empty(), "the shop is not as it should be:\n{audit}");
    ratios.sort_by(f64::total_cmp);
    Ok(Report {
        chapter,
        cores: thread::available_parallelism()?.get(),
        offered_per_second: OFFERED_PER_SECOND,
        placed_p50_us: placed.value_at_quantile(0.5),
        placed_p99_us: placed.value_at_quantile(0.99),
        sustained_per_second: orders as f64 / seconds,
        sustained_orders: orders,
        of_bare_commits: *ratios.get(ratios.len() / 2).context("nothing was measured")?,
        idle_bytes,
        resident_bytes,
    })
}

/// How many orders the shop took in one part, and how many seconds it was until the last of them was placed.
async fn take_all(slots: &mut [Slot], staff: &str) -> Result<(usize, f64)> {
    let started = jiff::Timestamp::now();
    let mut orders = flood(slots, Instant::now() + PART).await?;
    orders.sort_by_key(|order| order.due);
    let mut last = started;
    for order in orders.iter().rev().take(slots.len()) {
        last = last.max(placed_at(&mut slots[0], staff, order.id).await?);
    }
    Ok((orders.len(), last.duration_since(started).as_secs_f64()))
}

/// What is printed, and written to `target/bench/`.
#[derive(Serialize)]
struct Report {
    chapter: u32,
    cores: usize,
    offered_per_second: u32,
    /// From when an order was due until its history says that its stock is held.
    placed_p50_us: u64,
    placed_p99_us: u64,
    sustained_per_second: f64,
    sustained_orders: usize,
    /// The sustained rate in rates of bare commits, the median of the parts.
    of_bare_commits: f64,
    /// Of all processes of the shop together, before the first request.
    idle_bytes: Option<u64>,
    /// The same right after the last order.
    resident_bytes: Option<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99] = [self.placed_p50_us, self.placed_p99_us].map(|us| us as f64 / 1e3);
        let [idle, after] = [self.idle_bytes, self.resident_bytes]
            .map(|bytes| bytes.map_or("unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000)));
        writeln!(f, "chapter {}, {} cores with the load on them\n", self.chapter, self.cores)?;
        writeln!(
            f,
            "{} orders a second, until placed: p50 {p50:.1} ms, p99 {p99:.1} ms",
            self.offered_per_second
        )?;
        writeln!(
            f,
            "as many as it takes, {CUSTOMERS} in flight: {:.0} placed a second ({} orders), {:.2} of the bare commits",
            self.sustained_per_second, self.sustained_orders, self.of_bare_commits
        )?;
        writeln!(f, "resident: {idle} idle, {after} after it; the audit found nothing broken")
    }
}

//! How fast a stage is, one at a time and with 32 in flight, beside the limits of the machine.
//!
//! An operation that has a limit is measured in turn with it: every sample is a batch of the one and a batch of the
//! other, so a drifting disk or a busy machine hits both alike, and their ratio is taken sample by sample.

use std::{path::Path, time::Duration};

use anyhow::Result;
use benches::{
    batch::Batch,
    catalogue::PRODUCTS,
    client::Client,
    figures::{Figures, write},
    operation::Operation,
    seed,
    slot::Slot,
    stages::{chapter_number, course, resident_memory, start_chapter, start_limits},
};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use stage::Stage;
use tokio::runtime::{Builder, Runtime};

const IN_FLIGHT: [usize; 2] = [1, 32];
/// What a shop may keep, without what hashes passwords.
const GOAL_RESIDENT: u64 = 40_000_000;
/// What hashing one password takes; there are as many at once as cores.
const HASHING_BUFFER: u64 = 19 * 1024 * 1024;

struct Bench {
    runtime: Runtime,
    shop: Stage,
    limits: Stage,
    slots: Vec<Slot>,
    figures: Figures,
}

fn main() -> Result<()> {
    let (course, chapter) = (course()?, chapter_number()?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let program = Path::new(env!("CARGO_BIN_EXE_limits"));
    let limits = runtime.block_on(start_limits(&course, program))?;
    let shop = runtime.block_on(start_chapter(&course, chapter, program))?;
    let slots = runtime.block_on(prepare(&shop, &limits))?;
    let figures = Figures::after((*PRODUCTS).into());
    let mut bench = Bench { runtime, shop, limits, slots, figures };

    let mut criterion = Criterion::default().configure_from_args();
    for operation in Operation::LIGHT {
        bench.measure(&mut criterion, operation);
    }
    bench.look_at_memory("browsing and buying", GOAL_RESIDENT);
    for operation in Operation::HASHING {
        bench.measure(&mut criterion, operation);
    }
    let buffers = HASHING_BUFFER * std::thread::available_parallelism()?.get() as u64;
    bench.look_at_memory("hashing passwords as well", GOAL_RESIDENT + buffers);
    criterion.final_summary();

    let report = bench.figures.report(chapter, *PRODUCTS);
    println!("\n{report}");
    write(&course.root, &format!("chapter-{chapter}-load"), &report)?;
    bench.runtime.block_on(async {
        bench.shop.stop().await;
        bench.limits.stop().await;
    });
    Ok(())
}

/// Fills the shop, and connects as many customers as are ever in flight.
async fn prepare(shop: &Stage, limits: &Stage) -> Result<Vec<Slot>> {
    let (shop, limits) = (shop.status(), limits.status());
    let mut slots = Slot::register(IN_FLIGHT[1] as u64, &shop).await?;
    eprintln!("adding {} products through the API of chapter {}", *PRODUCTS, shop.chapter);
    seed::fill(&shop, &mut slots, *PRODUCTS).await?;
    for slot in &mut slots {
        slot.limits = Some(Client::new(&limits.routes)?);
    }
    Ok(slots)
}

impl Bench {
    fn measure(&mut self, criterion: &mut Criterion, operation: Operation) {
        let mut group = criterion.benchmark_group(operation.name());
        group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat).sample_size(12);
        // SQLite copies its log into the file every thousand pages, which the disk feels: a sample of commits is long
        // enough to have its share of that.
        let seconds = if operation.pair().1 == Some(Operation::BareCommit) { 15 } else { 4 };
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(seconds));
        group.nresamples(10_000);
        for in_flight in IN_FLIGHT {
            group.bench_function(BenchmarkId::from_parameter(in_flight), |bencher| {
                bencher.iter_custom(|count| {
                    let sample = self.sample(operation, in_flight, count);
                    sample.unwrap_or_else(|error| panic!("{}: {error:#}", operation.name()))
                });
            });
        }
        group.finish();
    }

    /// A batch of the operation, and one of what it is measured in turn with: the time of `count` operations.
    fn sample(&mut self, operation: Operation, in_flight: usize, count: u64) -> Result<Duration> {
        let slots = &mut self.slots[..in_flight];
        let (of_shop, of_limit) = operation.pair();
        let mut wanted = Duration::ZERO;
        let mut batches = Vec::new();
        for operation_now in [of_limit, Some(of_shop)].into_iter().flatten() {
            let batch = self.runtime.block_on(Batch::run(operation_now, count, slots))?;
            if operation_now == operation {
                wanted = batch.time_of(count);
            }
            batches.push((operation_now, batch));
        }
        if let [(_, limit), (_, shop)] = batches.as_slice() {
            self.figures.add_pair(of_shop, in_flight, shop, limit);
        }
        for (operation, batch) in batches {
            self.figures.add(operation, in_flight, batch);
        }
        Ok(wanted)
    }

    fn look_at_memory(&mut self, after: &'static str, goal: u64) {
        self.figures.add_memory(resident_memory(&self.shop.status()), after, goal);
    }
}

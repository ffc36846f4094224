//! The rate and latency of each operation with 1 and with 32 in flight, compared with the limits of the machine.
//!
//! An operation with a limit is measured in turn with it: each sample consists of a batch of the operation and a batch of the
//! limit, and the ratio is computed per sample. A slow disk or a busy machine therefore affects both alike.

use std::{path::Path, time::Duration};

use anyhow::Result;
use benches::{
    batch::Batch,
    catalogue::PRODUCTS,
    customer::{Customer, connections},
    operation::Operation,
    results::{Results, write},
    seed,
    stages::{chapter_number, course, resident_memory, start_chapter, start_limits},
};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use stage::Stage;
use tokio::runtime::{Builder, Runtime};

const IN_FLIGHT: [usize; 2] = [1, 32];
/// The goal for resident memory, without the buffers of password hashing.
const GOAL_RESIDENT: u64 = 40_000_000;
/// The memory for hashing one password. As many are hashed at once as there are cores.
const HASHING_BUFFER: u64 = 19 * 1024 * 1024;

struct Bench {
    runtime: Runtime,
    shop: Stage,
    limits: Stage,
    customers: Vec<Customer>,
    results: Results,
}

fn main() -> Result<()> {
    let (course, chapter) = (course()?, chapter_number()?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let program = Path::new(env!("CARGO_BIN_EXE_limits"));
    let limits = runtime.block_on(start_limits(&course, program))?;
    let shop = runtime.block_on(start_chapter(&course, chapter, program))?;
    let customers = runtime.block_on(prepare(&shop, &limits))?;
    let results = Results::after((*PRODUCTS).into());
    let mut bench = Bench { runtime, shop, limits, customers, results };

    let mut criterion = Criterion::default().configure_from_args();
    for operation in Operation::LIGHT {
        bench.measure(&mut criterion, operation);
    }
    bench.add_memory("browsing and buying", GOAL_RESIDENT);
    for operation in Operation::HASHING {
        bench.measure(&mut criterion, operation);
    }
    let buffers = HASHING_BUFFER * std::thread::available_parallelism()?.get() as u64;
    bench.add_memory("hashing passwords as well", GOAL_RESIDENT + buffers);
    criterion.final_summary();

    let report = bench.results.report(chapter, *PRODUCTS);
    println!("\n{report}");
    write(&course.root, &format!("chapter-{chapter}-load"), &report)?;
    bench.runtime.block_on(async {
        bench.shop.stop().await;
        bench.limits.stop().await;
    });
    Ok(())
}

/// Adds the products, and registers as many customers as are ever in flight.
async fn prepare(shop: &Stage, limits: &Stage) -> Result<Vec<Customer>> {
    let (shop, limits) = (shop.status(), limits.status());
    let mut customers = Customer::register(IN_FLIGHT[1] as u64, &shop).await?;
    eprintln!("adding {} products through the API of chapter {}", *PRODUCTS, shop.chapter);
    seed::add_products(&shop, &mut customers, *PRODUCTS).await?;
    for customer in &mut customers {
        customer.limits = Some(connections(&limits.routes)?);
    }
    Ok(customers)
}

impl Bench {
    fn measure(&mut self, criterion: &mut Criterion, operation: Operation) {
        let mut group = criterion.benchmark_group(operation.name());
        group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat).sample_size(12);
        // SQLite checkpoints its log every thousand pages, which slows the disk down. A sample of commits is long enough to
        // contain checkpoints.
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

    /// Measures a batch of the operation and one of its limit, and returns the time of `count` operations.
    fn sample(&mut self, operation: Operation, in_flight: usize, count: u64) -> Result<Duration> {
        let customers = &mut self.customers[..in_flight];
        let (of_shop, of_limit) = operation.pair();
        let mut time = Duration::ZERO;
        let mut batches = Vec::new();
        for current in [of_limit, Some(of_shop)].into_iter().flatten() {
            let batch = self.runtime.block_on(Batch::run(current, count, customers))?;
            if current == operation {
                time = batch.time_of(count);
            }
            batches.push((current, batch));
        }
        if let [(_, limit), (_, shop)] = batches.as_slice() {
            self.results.add_pair(of_shop, in_flight, shop, limit);
        }
        for (operation, batch) in batches {
            self.results.add(operation, in_flight, batch);
        }
        Ok(time)
    }

    fn add_memory(&mut self, after: &'static str, goal: u64) {
        self.results.add_memory(resident_memory(&self.shop.status()), after, goal);
    }
}

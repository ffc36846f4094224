//! Many operations, several in flight, timed as a whole.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::{customer::Customer, operation::Operation};

/// The times of a batch.
#[derive(Debug)]
pub struct Batch {
    /// From the first request to the last response.
    pub took: Duration,
    /// The latency of each operation.
    pub latencies: Vec<Duration>,
}

impl Batch {
    /// Performs an operation at least `count` times, with one in flight per customer. A customer that is done takes the next
    /// one. There are at least two per customer, so that all customers are busy at the same time.
    ///
    /// # Errors
    /// An operation failed.
    pub async fn run(operation: Operation, count: u64, customers: &mut [Customer]) -> Result<Self> {
        let left = Cell::new(count.max(2 * customers.len() as u64));
        let started = Instant::now();
        let latencies =
            try_join_all(customers.iter_mut().map(|customer| work(operation, customer, &left))).await?;
        Ok(Self { took: started.elapsed(), latencies: latencies.concat() })
    }

    /// The time of `count` operations at this rate. With 32 in flight, one operation counts as a 32nd of its latency.
    pub fn time_of(&self, count: u64) -> Duration {
        self.took.mul_f64(count as f64 / self.latencies.len() as f64)
    }
}

async fn work(operation: Operation, customer: &mut Customer, left: &Cell<u64>) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while left.get() > 0 {
        left.set(left.get() - 1);
        let started = Instant::now();
        operation.perform(customer).await?;
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}

//! Many operations, so many in flight, timed as a whole.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::{operation::Operation, slot::Slot};

/// What a batch took.
#[derive(Debug)]
pub struct Batch {
    /// From the first request to the last answer.
    pub took: Duration,
    /// Of each operation.
    pub latencies: Vec<Duration>,
}

impl Batch {
    /// Performs an operation at least `count` times, one in flight a slot. A slot that is done takes the next one; a
    /// batch has at least two for each, else the slots would not be busy together.
    ///
    /// # Errors
    /// One of them failed.
    pub async fn run(operation: Operation, count: u64, slots: &mut [Slot]) -> Result<Self> {
        let left = Cell::new(count.max(2 * slots.len() as u64));
        let started = Instant::now();
        let latencies = try_join_all(slots.iter_mut().map(|slot| work(operation, slot, &left))).await?;
        Ok(Self { took: started.elapsed(), latencies: latencies.concat() })
    }

    /// The time of `count` operations at this rate: with 32 in flight, one counts a 32nd of the time that it took.
    pub fn time_of(&self, count: u64) -> Duration {
        self.took.mul_f64(count as f64 / self.latencies.len() as f64)
    }
}

async fn work(operation: Operation, slot: &mut Slot, left: &Cell<u64>) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while left.get() > 0 {
        left.set(left.get() - 1);
        let started = Instant::now();
        operation.perform(slot).await?;
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}

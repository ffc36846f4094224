//! Placing orders without polling: the orders are read afterwards, so that no poll costs the shop CPU time while it is measured.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{
    future::try_join_all,
    stream::{FuturesUnordered, StreamExt},
};
use jiff::Timestamp;
use serde_json::json;
use shop_client::{
    Request,
    model::{Line, Order, Status},
    new_key,
};
use tokio::time::{Instant, interval, sleep};
use uuid::Uuid;

use crate::customer::Customer;

/// An order, and when it was due.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    /// The order.
    pub id: Uuid,
    /// When it was due to be placed.
    pub due: Timestamp,
}

/// The time between two polls of an order that is still pending.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Places an order every `period`, `count` times, whether or not earlier ones have been answered: an open loop.
///
/// # Errors
/// The shop does not answer 201, or more orders are in flight than there are customers.
pub async fn place_at_rate(
    customers: Vec<Customer>,
    period: Duration,
    count: u32,
) -> Result<(Vec<Customer>, Vec<Placed>)> {
    let (mut idle, mut placed) = (customers, Vec::new());
    let mut due = interval(period);
    let mut left = count;
    let mut in_flight = FuturesUnordered::new();
    loop {
        tokio::select! {
            tick = due.tick(), if left > 0 => {
                left -= 1;
                let mut customer = idle.pop().context("more orders are in flight than there are customers")?;
                let due = Timestamp::now() - jiff::SignedDuration::try_from(tick.elapsed())?;
                in_flight.push(async move { place(&mut customer, due).await.map(|order| (customer, order)) });
            }
            Some(done) = in_flight.next() => {
                let (customer, order) = done?;
                idle.push(customer);
                placed.push(order);
            }
            else => return Ok((idle, placed)),
        }
    }
}

/// Places orders until then, one in flight per customer: a closed loop, which measures how many the shop can take.
///
/// # Errors
/// The shop does not answer 201.
pub async fn place_continuously(customers: &mut [Customer], until: Instant) -> Result<Vec<Placed>> {
    let place_all = async |customer: &mut Customer| {
        let mut placed = Vec::new();
        while Instant::now() < until {
            placed.push(place(customer, Timestamp::now()).await?);
        }
        anyhow::Ok(placed)
    };
    Ok(try_join_all(customers.iter_mut().map(place_all)).await?.concat())
}

async fn place(customer: &mut Customer, due: Timestamp) -> Result<Placed> {
    let line = Line { product_id: customer.any_product()?, quantity: 1 };
    let request = Request::post("/orders").bearer(&customer.token).key(&new_key());
    let order: Order = customer.send(request.json(&json!({ "items": [line] })), 201).await?;
    Ok(Placed { id: order.id, due })
}

/// When an order was placed, by its own history. Polls until it is. `token` belongs to somebody who may read it.
///
/// # Errors
/// The order was rejected or cancelled.
pub async fn placed_at(customer: &mut Customer, token: &str, order: Uuid) -> Result<Timestamp> {
    loop {
        let order: Order = customer.send(Request::get(format!("/orders/{order}")).bearer(token), 200).await?;
        if let Some(step) = order.history.iter().find(|step| step.status == Status::AwaitingPayment) {
            return Ok(step.at);
        }
        if order.status != Status::Pending {
            bail!("order {} became {:?}", order.id, order.status);
        }
        sleep(POLL_INTERVAL).await;
    }
}

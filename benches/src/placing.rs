//! Orders that are looked at when all of them are placed: no look takes from the shop while it is measured.

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

use crate::slot::Slot;

/// An order, and since when its customer waits for it.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    /// The order.
    pub id: Uuid,
    /// When it was due to be placed.
    pub due: Timestamp,
}

/// Between two looks at an order that is still pending.
const GLANCE: Duration = Duration::from_millis(20);

/// Places an order each `period`, `count` times, whether or not those before are answered: an open loop.
///
/// # Errors
/// The shop does not answer with 201, or more are in flight than there are slots.
pub async fn offer(slots: Vec<Slot>, period: Duration, count: u32) -> Result<(Vec<Slot>, Vec<Placed>)> {
    let (mut idle, mut placed) = (slots, Vec::new());
    let mut due = interval(period);
    let mut left = count;
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            tick = due.tick(), if left > 0 => {
                left -= 1;
                let mut slot = idle.pop().context("more orders are in flight than there are customers")?;
                let due = Timestamp::now() - jiff::SignedDuration::try_from(tick.elapsed())?;
                under_way.push(async move { place(&mut slot, due).await.map(|order| (slot, order)) });
            }
            Some(done) = under_way.next() => {
                let (slot, order) = done?;
                idle.push(slot);
                placed.push(order);
            }
            else => return Ok((idle, placed)),
        }
    }
}

/// Places orders until then, one in flight a slot: a closed loop, at the rate at which the shop takes them.
///
/// # Errors
/// The shop does not answer with 201.
pub async fn flood(slots: &mut [Slot], until: Instant) -> Result<Vec<Placed>> {
    let insist = async |slot: &mut Slot| {
        let mut placed = Vec::new();
        while Instant::now() < until {
            placed.push(place(slot, Timestamp::now()).await?);
        }
        anyhow::Ok(placed)
    };
    Ok(try_join_all(slots.iter_mut().map(insist)).await?.concat())
}

async fn place(slot: &mut Slot, due: Timestamp) -> Result<Placed> {
    let line = Line { product_id: slot.any_product()?, quantity: 1 };
    let request = Request::post("/orders").bearer(&slot.token).key(&new_key());
    let order: Order = slot.ask(request.json(&json!({ "items": [line] })), 201).await?;
    Ok(Placed { id: order.id, due })
}

/// When an order was placed, by its own history. Waits until it is. `slot` may read it: staff, say.
///
/// # Errors
/// It became something else.
pub async fn placed_at(slot: &mut Slot, token: &str, order: Uuid) -> Result<Timestamp> {
    loop {
        let order: Order = slot.ask(Request::get(format!("/orders/{order}")).bearer(token), 200).await?;
        if let Some(step) = order.history.iter().find(|step| step.status == Status::AwaitingPayment) {
            return Ok(step.at);
        }
        if order.status != Status::Pending {
            bail!("order {} became {:?}", order.id, order.status);
        }
        sleep(GLANCE).await;
    }
}

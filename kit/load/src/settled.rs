//! How long it took until orders were placed and checked out, read once, afterwards, from their own histories.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use jiff::Timestamp;
use shop_client::{
    Request, Shop,
    model::{Order, Page, Status},
};
use stage::Status as Stage;
use uuid::Uuid;

use crate::record::{Placed, Record, micros, microseconds};

/// Of the orders that were due after the warm-up; microseconds.
#[derive(Debug, Clone)]
pub struct Settled {
    /// From when an order was due to be placed until its stock was held.
    pub placed: Histogram<u64>,
    /// The same, and from when its payment was due until it was paid: what the customer waited, and not what she thought.
    pub checked_out: Histogram<u64>,
    /// Orders that were rejected: never counted as placed.
    pub rejected: u64,
    /// Orders that are pending, paying or refunding.
    pub stuck: u64,
}

/// How long a shop that has just been broken may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the orders of a load, as staff.
///
/// # Errors
/// The shop does not answer, or not as the contract says.
pub async fn read(stage: &Stage, record: &Record) -> Result<Settled> {
    let shop = Shop::new(&stage.routes)?.patient(PATIENCE);
    let staff =
        shop.log_in(&stage.staff.email, &stage.staff.password).await.context("cannot log in as staff")?;
    let clock = Clock::now();
    let mut settled = Settled { placed: microseconds(), checked_out: microseconds(), rejected: 0, stuck: 0 };
    let mut left = record.placed.clone();
    let mut cursor: Option<String> = None;
    while !left.is_empty() {
        let request = Request::get("/orders").query("scope", Some("all")).query("limit", Some(100));
        let answer = staff.send(request.query("cursor", cursor.as_deref())).await?;
        let page: Page<Order> = serde_json::from_slice(&answer.body).context("the orders cannot be read")?;
        settled.add(&page.items, &mut left, clock);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break; // those that are left are lost: the audit says so
        }
    }
    Ok(settled)
}

/// The same moment on the clock of the load and on that of orders.
#[derive(Clone, Copy)]
struct Clock {
    instant: Instant,
    timestamp: Timestamp,
}

impl Clock {
    fn now() -> Self {
        Self { instant: Instant::now(), timestamp: Timestamp::now() }
    }

    /// How long after an instant of the past a time was; zero where the clocks' steps make it seem before.
    fn between(self, from: Instant, to: Timestamp) -> Duration {
        let from_before = self.instant.saturating_duration_since(from);
        let to_before = Duration::try_from(to.duration_until(self.timestamp)).unwrap_or_default();
        from_before.saturating_sub(to_before)
    }
}

impl Settled {
    fn add(&mut self, orders: &[Order], left: &mut BTreeMap<Uuid, Placed>, clock: Clock) {
        for order in orders {
            let Some(Placed { due, pay_due }) = left.remove(&order.id) else { continue };
            let at = |status| order.history.iter().rfind(|step| step.status == status).map(|step| step.at);
            let held = order.history.iter().find(|step| step.status == Status::AwaitingPayment);
            self.rejected += u64::from(order.status == Status::Rejected);
            self.stuck += u64::from(!order.status.is_settled());
            let Some(held) = held else { continue };
            let placed = clock.between(due, held.at);
            self.placed.saturating_record(micros(placed));
            if let (Some(pay_due), Some(paid)) = (pay_due, at(Status::Paid)) {
                self.checked_out.saturating_record(micros(placed + clock.between(pay_due, paid)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use shop_client::model::{Money, Payment, Step};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn order(clock: Clock, history: &[(Status, i64)]) -> Order {
        let at = |ago: i64| clock.timestamp - SignedDuration::from_millis(ago);
        Order {
            id: Uuid::nil(),
            customer_id: Uuid::nil(),
            customer_name: None,
            status: history[history.len() - 1].0,
            reason: None,
            items: Vec::new(),
            total: None,
            payment: Payment { captured: Money::eur(0), refunded: Money::eur(0), decline_code: None },
            history: history.iter().map(|(status, ago)| Step { status: *status, at: at(*ago) }).collect(),
            created_at: at(0),
            expires_at: None,
        }
    }

    fn settled(history: &[(Status, i64)], due_ago: Duration, pay_ago: Option<Duration>) -> Settled {
        let past = Instant::now();
        let clock = Clock { instant: past + 100 * SECOND, timestamp: Timestamp::now() };
        let ago = |ago| past + (100 * SECOND).saturating_sub(ago);
        let placed = Placed { due: ago(due_ago), pay_due: pay_ago.map(ago) };
        let mut all = Settled { placed: microseconds(), checked_out: microseconds(), rejected: 0, stuck: 0 };
        all.add(&[order(clock, history)], &mut BTreeMap::from([(Uuid::nil(), placed)]), clock);
        all
    }

    #[test]
    fn placed_counts_from_when_the_order_was_due_until_its_stock_was_held() {
        let times = settled(&[(Status::Pending, 4900), (Status::AwaitingPayment, 4800)], 5 * SECOND, None);
        assert_eq!(times.placed.max() / 1000, 200);
        assert_eq!((times.checked_out.len(), times.stuck), (0, 0));
    }

    #[test]
    fn checked_out_leaves_out_what_the_customer_thought_between_placing_and_paying() {
        let history = [
            (Status::Pending, 9900),
            (Status::AwaitingPayment, 9800),
            (Status::Paying, 900),
            (Status::Paid, 700),
        ];
        let times = settled(&history, 10 * SECOND, Some(SECOND));
        assert_eq!(times.checked_out.max() / 1000, 500);
    }

    #[test]
    fn a_rejected_order_was_never_placed_and_a_pending_one_is_stuck() {
        let rejected = settled(&[(Status::Pending, 900), (Status::Rejected, 800)], SECOND, None);
        assert_eq!((rejected.placed.len(), rejected.rejected, rejected.stuck), (0, 1, 0));
        assert_eq!(settled(&[(Status::Pending, 900)], SECOND, None).stuck, 1);
    }
}

//! How long orders took to be placed and checked out. The orders are read once, after the load, and each order's own history
//! says when it changed its status: no polling distorts the measurement.

use std::{
    collections::BTreeMap,
    ops::Range,
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

use crate::record::{AcknowledgedOrder, Record, micros, microseconds};

/// Times and states of the orders that were due after the warm-up.
#[derive(Debug, Clone)]
pub struct OrderTimes {
    /// When each order was due, and the time from then until its stock was held. Rejected orders are not among them.
    pub placed: Vec<(Instant, Duration)>,
    /// Microseconds from when an order was due until its stock was held, plus those from when its payment was due until it
    /// was paid: what the customer waited, without the time between the two.
    pub checked_out: Histogram<u64>,
    /// Orders that were rejected.
    pub rejected: u64,
    /// Orders that are still pending, paying or refunding.
    pub stuck: u64,
}

/// How long a request is retried while the shop is not yet ready again after the last fault.
const RETRY_FOR: Duration = Duration::from_secs(30);

/// Reads the orders of a load, as staff.
///
/// # Errors
/// The shop does not respond, or not as the contract says.
pub async fn read(stage: &Stage, record: &Record) -> Result<OrderTimes> {
    let shop = Shop::new(&stage.routes)?.with_retries(RETRY_FOR);
    let staff =
        shop.log_in(&stage.staff.email, &stage.staff.password).await.context("cannot log in as staff")?;
    let clock = Clock::now();
    let mut times = OrderTimes::default();
    let mut left = record.orders.clone();
    let mut cursor: Option<String> = None;
    while !left.is_empty() {
        let request = Request::get("/orders").query("scope", Some("all")).query("limit", Some(100));
        let answer = staff.send(request.query("cursor", cursor.as_deref())).await?;
        let page: Page<Order> = serde_json::from_slice(&answer.body).context("the orders cannot be read")?;
        times.add(&page.items, &mut left, clock);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break; // an order that is not found is lost, which the audit reports
        }
    }
    Ok(times)
}

/// The same moment on the monotonic clock of the load and on the wall clock of the orders.
#[derive(Clone, Copy)]
struct Clock {
    instant: Instant,
    timestamp: Timestamp,
}

impl Clock {
    fn now() -> Self {
        Self { instant: Instant::now(), timestamp: Timestamp::now() }
    }

    /// The time from a past instant to a timestamp. Zero if an adjustment of the wall clock makes it negative.
    fn between(self, from: Instant, to: Timestamp) -> Duration {
        let from_before = self.instant.saturating_duration_since(from);
        let to_before = Duration::try_from(to.duration_until(self.timestamp)).unwrap_or_default();
        from_before.saturating_sub(to_before)
    }
}

impl Default for OrderTimes {
    fn default() -> Self {
        Self { placed: Vec::new(), checked_out: microseconds(), rejected: 0, stuck: 0 }
    }
}

impl OrderTimes {
    /// Microseconds until the orders that were due in one of these periods were placed.
    pub fn placed_during(&self, periods: &[Range<Instant>]) -> Histogram<u64> {
        let mut histogram = microseconds();
        for (due, took) in &self.placed {
            if periods.iter().any(|period| period.contains(due)) {
                histogram.saturating_record(micros(*took));
            }
        }
        histogram
    }

    fn add(&mut self, orders: &[Order], left: &mut BTreeMap<Uuid, AcknowledgedOrder>, clock: Clock) {
        for order in orders {
            let Some(AcknowledgedOrder { due, pay_due }) = left.remove(&order.id) else { continue };
            let held = order.history.iter().find(|step| step.status == Status::AwaitingPayment);
            let paid = order.history.iter().rfind(|step| step.status == Status::Paid);
            self.rejected += u64::from(order.status == Status::Rejected);
            self.stuck += u64::from(!order.status.is_settled());
            let Some(held) = held else { continue };
            let placed = clock.between(due, held.at);
            self.placed.push((due, placed));
            if let (Some(pay_due), Some(paid)) = (pay_due, paid) {
                self.checked_out.saturating_record(micros(placed + clock.between(pay_due, paid.at)));
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

    fn times(history: &[(Status, i64)], due_ago: Duration, pay_ago: Option<Duration>) -> OrderTimes {
        let past = Instant::now();
        let clock = Clock { instant: past + 100 * SECOND, timestamp: Timestamp::now() };
        let ago = |ago| past + (100 * SECOND).saturating_sub(ago);
        let placed = AcknowledgedOrder { due: ago(due_ago), pay_due: pay_ago.map(ago) };
        let mut all = OrderTimes::default();
        all.add(&[order(clock, history)], &mut BTreeMap::from([(Uuid::nil(), placed)]), clock);
        all
    }

    #[test]
    fn placed_is_counted_from_when_the_order_was_due_until_its_stock_was_held() {
        let times = times(&[(Status::Pending, 4900), (Status::AwaitingPayment, 4800)], 5 * SECOND, None);
        assert_eq!(times.placed[0].1.as_millis(), 200);
        assert_eq!((times.checked_out.len(), times.stuck), (0, 0));
    }

    #[test]
    fn only_orders_that_were_due_in_a_period_count_in_it() {
        let times = times(&[(Status::AwaitingPayment, 4800)], 5 * SECOND, None);
        let due = times.placed[0].0;
        assert_eq!(times.placed_during(&[due..due + SECOND]).len(), 1);
        assert_eq!(times.placed_during(&[due + SECOND..due + 2 * SECOND]).len(), 0);
    }

    #[test]
    fn checked_out_leaves_out_the_time_between_placing_and_paying() {
        let history = [
            (Status::Pending, 9900),
            (Status::AwaitingPayment, 9800),
            (Status::Paying, 900),
            (Status::Paid, 700),
        ];
        let times = times(&history, 10 * SECOND, Some(SECOND));
        assert_eq!(times.checked_out.max() / 1000, 500);
    }

    #[test]
    fn a_rejected_order_was_never_placed_and_a_pending_one_is_stuck() {
        let rejected = times(&[(Status::Pending, 900), (Status::Rejected, 800)], SECOND, None);
        assert_eq!((rejected.placed.len(), rejected.rejected, rejected.stuck), (0, 1, 0));
        assert_eq!(times(&[(Status::Pending, 900)], SECOND, None).stuck, 1);
    }
}

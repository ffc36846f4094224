//! The background worker: retries requests to the payment provider until their outcome is known, and cancels expired
//! orders.
//!
//! All of its work is stored in committed rows, so it survives a crash: `next_attempt_at` says when the next request is
//! due. The first request is sent at once, in a task started by the use case that stored the row.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    App, Error,
    domain::OrderId,
    provider::{Attempt, Charged, OutcomeUnknown, Refund},
    store,
};
use crate::{db, error::error_chain, products};

/// How often the worker looks for due work in the tables.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The longest back-off between two requests to the provider. The back-off doubles with each attempt, up to this.
const MAX_BACKOFF: SignedDuration = SignedDuration::from_secs(2);

/// Processes due work at a fixed interval. Errors are logged, and the work is retried. Never returns.
pub async fn run_worker(app: App) {
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = app.recover_from_clock_change().await {
            tracing::error!(
                error = error_chain(&error),
                "looking for retries in the far future failed, retrying"
            );
        }
        if let Err(error) = app.process_due_work().await {
            tracing::error!(error = error_chain(&error), "processing due work failed, retrying");
        }
    }
}

impl App {
    /// Cancels expired orders, and sends the requests to the provider that are due.
    pub async fn process_due_work(&self) -> Result<(), Error> {
        let now = db::now();
        let (expired, has_due_work) = {
            let mut conn = self.db.read().await?;
            (store::expired_orders(&mut conn, now).await?, store::has_due_work(&mut conn, now).await?)
        };
        for order in expired {
            if let Err(error) = self.expire_order(order).await {
                tracing::error!(order = %order.0, error = error_chain(&error), "cancelling an expired order failed, retrying");
            }
        }
        if has_due_work { self.retry_provider_requests().await } else { Ok(()) }
    }

    /// Makes requests due whose time lies further in the future than any lease or back-off: the clock has been set back since
    /// then. Otherwise they would wait for as long as it was set back.
    pub async fn recover_from_clock_change(&self) -> Result<(), Error> {
        let latest = |now| self.lease_expires_at(now) + MAX_BACKOFF;
        if !store::has_requests_after(&mut *self.db.read().await?, latest(db::now())).await? {
            return Ok(());
        }
        let mut tx = self.db.write().await?;
        let now = db::now();
        store::make_due(&mut tx, now, latest(now)).await?;
        tx.commit().await?;
        tracing::warn!("the clock was set back, requests to the payment provider were made due");
        Ok(())
    }

    /// Starts as many of the due requests as may be in flight, and leaves the rest for the next round.
    async fn retry_provider_requests(&self) -> Result<(), Error> {
        let Some(mut permits) = self.provider.reserve_retries() else { return Ok(()) };
        let mut tx = self.db.write().await?;
        let now = db::now(); // read the clock again: waiting for the writer must not shorten the lease
        let (lease, limit) = (self.lease_expires_at(now), permits.num_permits());
        let attempts = store::claim_due_attempts(&mut tx, now, lease, limit).await?;
        let refunds = store::claim_due_refunds(&mut tx, now, lease, limit - attempts.len()).await?;
        tx.commit().await?;
        for attempt in attempts {
            let (app, permit) = (self.clone(), permits.split(1));
            spawn(attempt.order, async move {
                let _until_stored = permit;
                app.charge(&attempt).await
            });
        }
        for refund in refunds {
            let (app, permit) = (self.clone(), permits.split(1));
            spawn(refund.order, async move {
                let _until_stored = permit;
                app.refund(&refund).await
            });
        }
        Ok(())
    }

    /// The end of the lease of a request that starts now. It is longer than the timeout of the request, so a row that is
    /// due again has no request in progress.
    pub(super) fn lease_expires_at(&self, now: Timestamp) -> Timestamp {
        now + self.payment_timeout + SignedDuration::from_secs(1)
    }

    /// Starts a task that charges the money of an order for the first time.
    pub(super) fn start_charge(&self, attempt: Attempt) {
        let app = self.clone();
        spawn(attempt.order, async move { app.charge(&attempt).await });
    }

    /// Starts a task that refunds the money of an order for the first time.
    pub(super) fn start_refund(&self, refund: Refund) {
        let app = self.clone();
        spawn(refund.order, async move { app.refund(&refund).await });
    }

    /// Charges the money of an order, and stores the outcome and everything that follows from it.
    pub async fn charge(&self, attempt: &Attempt) -> Result<(), Error> {
        match self.provider.charge(attempt).await {
            Ok(Charged::Succeeded { id }) => self.record_capture(attempt, &id).await,
            Ok(Charged::Declined { decline_code }) => self.record_decline(attempt, decline_code).await,
            Err(unknown) => {
                log_unknown_outcome(attempt.order, &unknown);
                let mut tx = self.db.write().await?;
                store::postpone_attempt(&mut tx, attempt.id, db::now() + backoff(attempt.attempts)).await?;
                Ok(tx.commit().await?)
            }
        }
    }

    async fn record_capture(&self, attempt: &Attempt, charge: &str) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        if !store::close_attempt(&mut tx, attempt.id, "succeeded", Some(charge)).await? {
            return Ok(()); // a second response to the same attempt: the first one was stored
        }
        let mut order = store::find_order(&mut tx, attempt.order).await?;
        order.capture(attempt.amount, db::now())?;
        store::save_step(&mut tx, &order).await?;
        products::sell(&mut tx, order.id).await?;
        tx.commit().await?;
        tracing::info!(order = %order.id.0, "order paid");
        Ok(())
    }

    async fn record_decline(&self, attempt: &Attempt, code: String) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        if !store::close_attempt(&mut tx, attempt.id, "declined", None).await? {
            return Ok(());
        }
        let mut order = store::find_order(&mut tx, attempt.order).await?;
        tracing::info!(order = %order.id.0, code, "payment declined");
        order.decline(code, db::now())?;
        store::save_step(&mut tx, &order).await?;
        Ok(tx.commit().await?)
    }

    /// Refunds the money of an order, and stores the outcome and everything that follows from it.
    pub async fn refund(&self, refund: &Refund) -> Result<(), Error> {
        if let Err(unknown) = self.provider.refund(refund).await {
            let error = error_chain(&unknown);
            tracing::warn!(order = %refund.order.0, error, "refund outcome unknown, retrying");
            let mut tx = self.db.write().await?;
            store::postpone_refund(&mut tx, refund.id, db::now() + backoff(refund.attempts)).await?;
            return Ok(tx.commit().await?);
        }
        let mut tx = self.db.write().await?;
        if !store::close_refund(&mut tx, refund.id).await? {
            return Ok(());
        }
        let mut order = store::find_order(&mut tx, refund.order).await?;
        order.refund(refund.amount, db::now())?;
        store::save_step(&mut tx, &order).await?;
        products::take_back(&mut tx, order.id).await?;
        tx.commit().await?;
        tracing::info!(order = %order.id.0, "order refunded");
        Ok(())
    }

    async fn expire_order(&self, id: OrderId) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        let mut order = store::find_order(&mut tx, id).await?;
        if order.expire(db::now()).is_err() {
            return Ok(()); // it was paid or cancelled in the meantime
        }
        store::save_step(&mut tx, &order).await?;
        products::release(&mut tx, id).await?;
        tx.commit().await?;
        tracing::info!(order = %id.0, "order expired");
        Ok(())
    }
}

/// Runs a request in a task of its own. If it fails, the row is still open, and the worker retries it.
fn spawn(order: OrderId, request: impl Future<Output = Result<(), Error>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = request.await {
            tracing::error!(order = %order.0, error = error_chain(&error), "storing the payment provider's response failed, retrying");
        }
    });
}

fn backoff(attempts: u32) -> SignedDuration {
    MAX_BACKOFF.min(SignedDuration::from_millis(125 << attempts.min(4)))
}

fn log_unknown_outcome(order: OrderId, unknown: &OutcomeUnknown) {
    tracing::warn!(order = %order.0, error = error_chain(unknown), "payment outcome unknown, retrying");
}

//! What no request waits for: asking products and the payment provider until they have answered, and cancelling what
//! expires.
//!
//! Everything here begins with a row that is committed, so it survives the process: the row says when to ask again,
//! and whoever runs then asks, in whatever instance. The first ask is made at once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    App, Error, db,
    domain::OrderId,
    error_chain,
    provider::{Attempt, Charged, OutcomeUnknown, Refund},
    stock::What,
    store,
};

/// How often the tables are looked through for what is due.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// How long to wait before asking the provider again: twice as long each time, up to this.
const MAX_BACKOFF: SignedDuration = SignedDuration::from_secs(2);

/// Settles what is due, for ever. One that fails is logged and tried again: this loop does not end.
pub async fn run_worker(app: App) {
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = app.process_due_work().await {
            tracing::error!(error = error_chain(&error), "cannot settle what is due; trying again");
        }
    }
}

impl App {
    /// Cancels what has expired, and asks again about what is due.
    pub async fn process_due_work(&self) -> Result<(), Error> {
        let now = db::now();
        let (expired, unanswered, has_due_work) = {
            let mut conn = self.db.read().await?;
            let expired = store::expired_orders(&mut conn, now).await?;
            let unanswered = store::due_requests(&mut conn, now).await?;
            (expired, unanswered, store::has_due_work(&mut conn, now).await?)
        };
        for order in expired {
            if let Err(error) = self.expire_order(order).await {
                tracing::error!(order = %order.0, error = error_chain(&error), "cannot cancel an expired order");
            }
        }
        for request in unanswered {
            if let Err(error) = self.ask_again(request).await {
                tracing::error!(order = %request.order.0, error = error_chain(&error), "cannot ask for the stock of an order");
            }
        }
        if has_due_work {
            let mut tx = self.db.write().await?;
            let now = db::now(); // after the wait for the writer: a lease begins when it is given
            let attempts = store::claim_due_attempts(&mut tx, now, self.lease_expires_at(now)).await?;
            let refunds = store::claim_due_refunds(&mut tx, now, self.lease_expires_at(now)).await?;
            tx.commit().await?;
            for attempt in attempts {
                self.start_charge(attempt);
            }
            for refund in refunds {
                self.start_refund(refund);
            }
        }
        Ok(())
    }

    /// When an ask that begins now has ended in any case, and its row is due again if no answer was stored.
    pub(super) fn lease_expires_at(&self, now: Timestamp) -> Timestamp {
        now + self.payment_timeout + SignedDuration::from_secs(1)
    }

    /// Asks for the money of an order in a task of its own.
    pub(super) fn start_charge(&self, attempt: Attempt) {
        let app = self.clone();
        spawn(attempt.order, async move { app.charge(&attempt).await });
    }

    /// Asks to give the money of an order back in a task of its own.
    pub(super) fn start_refund(&self, refund: Refund) {
        let app = self.clone();
        spawn(refund.order, async move { app.refund(&refund).await });
    }

    /// Asks for the money of an order, and stores the answer with all that follows from it.
    pub async fn charge(&self, attempt: &Attempt) -> Result<(), Error> {
        match self.provider.charge(attempt).await {
            Ok(Charged::Succeeded { id }) => self.record_capture(attempt, &id).await,
            Ok(Charged::Declined { id, decline_code }) => {
                self.record_decline(attempt, &id, decline_code).await
            }
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
        if !store::close_attempt(&mut tx, attempt.id, "succeeded", charge).await? {
            return Ok(()); // asked twice, answered twice: the first answer did it all
        }
        let mut order = store::find_order(&mut tx, attempt.order).await?;
        order.capture(attempt.amount, db::now())?;
        store::save_step(&mut tx, &order).await?;
        self.ask_products(&mut tx, &order, What::Sell, db::now()).await?;
        tx.commit().await?;
        tracing::info!(order = %order.id.0, "paid an order");
        Ok(())
    }

    async fn record_decline(&self, attempt: &Attempt, charge: &str, code: String) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        if !store::close_attempt(&mut tx, attempt.id, "declined", charge).await? {
            return Ok(());
        }
        let mut order = store::find_order(&mut tx, attempt.order).await?;
        tracing::info!(order = %order.id.0, code, "a payment was declined");
        order.decline(code, db::now())?;
        store::save_step(&mut tx, &order).await?;
        Ok(tx.commit().await?)
    }

    /// Asks to give the money of an order back, and stores that it is done with all that follows from it.
    pub async fn refund(&self, refund: &Refund) -> Result<(), Error> {
        if let Err(unknown) = self.provider.refund(refund).await {
            log_unknown_outcome(refund.order, &unknown);
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
        self.ask_products(&mut tx, &order, What::Release, db::now()).await?;
        tx.commit().await?;
        tracing::info!(order = %order.id.0, "refunded an order");
        Ok(())
    }

    async fn expire_order(&self, id: OrderId) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        let mut order = store::find_order(&mut tx, id).await?;
        let now = db::now();
        if order.expire(now).is_err() {
            return Ok(()); // paid or cancelled since it was found
        }
        store::save_step(&mut tx, &order).await?;
        self.ask_products(&mut tx, &order, What::Release, now).await?;
        tx.commit().await?;
        tracing::info!(order = %id.0, "expired an order");
        Ok(())
    }
}

/// Runs an ask to its end. What fails here, a later ask repeats: the row is still open.
fn spawn(order: OrderId, ask: impl Future<Output = Result<(), Error>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = ask.await {
            tracing::error!(order = %order.0, error = error_chain(&error), "cannot store what the provider answered");
        }
    });
}

fn backoff(attempts: u32) -> SignedDuration {
    MAX_BACKOFF.min(SignedDuration::from_millis(125 << attempts.min(4)))
}

fn log_unknown_outcome(order: OrderId, unknown: &OutcomeUnknown) {
    tracing::warn!(order = %order.0, why = error_chain(unknown), "no answer about the money of an order; asking again");
}

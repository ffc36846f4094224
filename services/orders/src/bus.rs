//! What orders hears from the others: what became of the stock that it asked for, and what customers are called.
//!
//! Every event may come twice, late, and before the one that was sent before it.

use sqlx::SqliteConnection;

use super::{
    App, Error,
    domain::{Order, OrderId},
    status::Status,
    stock::What,
    store,
};
use chassis::{
    Bus, db,
    inbox::{self, NotHandled},
};
use contracts::{
    Envelope, Event,
    caller::UserId,
    stock::{HeldLine, Refused},
    stream,
};

/// What this service is called, on NATS too.
pub const NAME: &str = "orders";

/// The consumer of the events that this service listens to.
pub fn consumer(app: &App, bus: &Bus) -> inbox::Consumer<App> {
    let config = stream::consumer(NAME, &["events.stock.>", "events.user.>"]);
    inbox::Consumer::new(&app.db, bus, stream::EVENTS, config, app.clone())
}

impl inbox::Handle for App {
    type Message = Event;

    async fn handle(&self, tx: &mut SqliteConnection, event: &Envelope<Event>) -> Result<(), NotHandled> {
        let order = OrderId(event.aggregate_id);
        match &event.message {
            Event::UserRegistered { name } | Event::UserRenamed { name } => {
                let customer = UserId(event.aggregate_id);
                Ok(store::save_customer(tx, customer, name, event.aggregate_version).await?)
            }
            Event::StockHeld { lines } => self.stock_held(tx, order, lines).await,
            Event::StockRefused { reason } => self.stock_refused(tx, order, *reason).await,
            Event::StockSold => answered(tx, order, What::Sell).await,
            Event::StockReleased => answered(tx, order, What::Release).await,
        }
    }
}

impl App {
    /// The order awaits its payment, if it was not cancelled meanwhile: then its release is on the way already.
    async fn stock_held(
        &self,
        tx: &mut SqliteConnection,
        order: OrderId,
        lines: &[HeldLine],
    ) -> Result<(), NotHandled> {
        let Some(mut order) = pending(tx, order).await? else { return Ok(()) };
        if lines.len() != order.items.len() {
            let wrong = format!(
                "{} lines are held for the order {}, which has {}",
                lines.len(),
                order.id.0,
                order.items.len()
            );
            return Err(NotHandled::Poison(wrong));
        }
        let now = db::now();
        order.hold(lines.to_vec(), now + self.order_ttl, now).map_err(Error::from)?;
        store::save_step(tx, &order).await?;
        tracing::info!(order = %order.id.0, "an order awaits its payment");
        answered(tx, order.id, What::Hold).await
    }

    async fn stock_refused(
        &self,
        tx: &mut SqliteConnection,
        order: OrderId,
        reason: Refused,
    ) -> Result<(), NotHandled> {
        let Some(mut order) = pending(tx, order).await? else { return Ok(()) };
        order.reject(reason.into(), db::now()).map_err(Error::from)?;
        store::save_step(tx, &order).await?;
        tracing::info!(order = %order.id.0, ?reason, "rejected an order");
        answered(tx, order.id, What::Hold).await
    }
}

/// The order that an answer is about, if it still waits for it.
async fn pending(tx: &mut SqliteConnection, id: OrderId) -> Result<Option<Order>, NotHandled> {
    let order = match store::find_order(tx, id).await {
        Err(Error::NotFound) => return Err(NotHandled::Poison(format!("there is no order {}", id.0))),
        found => found?,
    };
    if order.status != Status::Pending {
        tracing::info!(order = %id.0, status = %order.status, "an answer about stock came late, or again");
        return Ok(None);
    }
    Ok(Some(order))
}

/// Nobody need ask again.
async fn answered(tx: &mut SqliteConnection, order: OrderId, what: What) -> Result<(), NotHandled> {
    if !store::close_request(tx, order, what).await? {
        tracing::info!(order = %order.0, %what, "an answer about stock that nobody waits for");
    }
    Ok(())
}

//! The events that orders consumes: the replies of products to its commands, and the names of customers.
//!
//! Every event may be delivered twice, late, or before an older one.

use chassis::{
    Bus, db,
    inbox::{self, HandlerError},
};
use contracts::{
    Envelope, Event, Message,
    caller::UserId,
    stock::{HeldLine, Refused},
    stream,
};
use sqlx::SqliteConnection;

use super::{
    App, Error,
    domain::{Order, OrderId},
    status::Status,
    stock::StockCommandKind,
    store,
};

/// The name of this service, also on NATS.
pub const NAME: &str = "orders";

/// The consumer of the events that this service subscribes to.
pub fn consumer(app: &App, bus: &Bus) -> inbox::Consumer<App> {
    let config = stream::consumer_config(NAME, Event::subjects());
    inbox::Consumer::new(&app.db, bus, stream::EVENTS, config, app.clone())
}

impl inbox::Handler for App {
    type Message = Event;

    async fn handle(&self, tx: &mut SqliteConnection, event: &Envelope<Event>) -> Result<(), HandlerError> {
        let order = OrderId(event.aggregate_id);
        match &event.message {
            Event::UserRegistered { name } | Event::UserRenamed { name } => {
                let customer = UserId(event.aggregate_id);
                Ok(store::save_customer(tx, customer, name, event.aggregate_version).await?)
            }
            Event::StockHeld { lines } => self.stock_held(tx, order, lines).await,
            Event::StockRefused { reason } => self.stock_refused(tx, order, *reason).await,
            Event::StockSold => complete_request(tx, order, StockCommandKind::Sell).await,
            Event::StockReleased => complete_request(tx, order, StockCommandKind::Release).await,
        }
    }
}

impl App {
    /// Moves the order to `awaiting_payment`. An order that was cancelled in the meantime stays cancelled: its release
    /// has been sent already.
    async fn stock_held(
        &self,
        tx: &mut SqliteConnection,
        order: OrderId,
        lines: &[HeldLine],
    ) -> Result<(), HandlerError> {
        let Some(mut order) = find_pending_order(tx, order).await? else { return Ok(()) };
        if lines.len() != order.items.len() {
            let reason = format!(
                "{} lines are held for the order {}, which has {}",
                lines.len(),
                order.id.0,
                order.items.len()
            );
            return Err(HandlerError::Reject(reason));
        }
        let now = db::now();
        order.hold(lines.to_vec(), now + self.order_ttl, now).map_err(Error::from)?;
        store::save_step(tx, &order).await?;
        tracing::info!(order = %order.id.0, "order awaits its payment");
        complete_request(tx, order.id, StockCommandKind::Hold).await
    }

    async fn stock_refused(
        &self,
        tx: &mut SqliteConnection,
        order: OrderId,
        reason: Refused,
    ) -> Result<(), HandlerError> {
        let Some(mut order) = find_pending_order(tx, order).await? else { return Ok(()) };
        order.reject(reason.into(), db::now()).map_err(Error::from)?;
        store::save_step(tx, &order).await?;
        tracing::info!(order = %order.id.0, ?reason, "order rejected");
        complete_request(tx, order.id, StockCommandKind::Hold).await
    }
}

/// Finds the order of a reply. None if the order is no longer pending: the reply is late or repeated.
async fn find_pending_order(tx: &mut SqliteConnection, id: OrderId) -> Result<Option<Order>, HandlerError> {
    let order = match store::find_order(tx, id).await {
        Err(Error::NotFound) => return Err(HandlerError::Reject(format!("there is no order {}", id.0))),
        found => found?,
    };
    if order.status != Status::Pending {
        tracing::info!(order = %id.0, status = %order.status, "late or repeated reply from products ignored");
        return Ok(None);
    }
    Ok(Some(order))
}

/// Deletes the pending request: the reply has arrived.
async fn complete_request(
    tx: &mut SqliteConnection,
    order: OrderId,
    kind: StockCommandKind,
) -> Result<(), HandlerError> {
    if !store::delete_stock_request(tx, order, kind).await? {
        tracing::info!(order = %order.0, %kind, "reply from products without a pending request ignored");
    }
    Ok(())
}

//! What orders ask of the stock, and what they are answered. Every command may come twice, late, and before the one that
//! was sent before it: each is answered with what is true when it is handled.

use sqlx::SqliteConnection;

use super::{
    App,
    domain::{HolderId, Reservation},
    store,
};
use chassis::{
    Bus, db,
    inbox::{self, NotHandled},
    outbox,
};
use contracts::{Command, Envelope, Event, stock::WantedLine, stream};

/// What this service is called, on NATS too.
pub const NAME: &str = "products";

/// The consumer of the commands to this service.
pub fn consumer(app: &App, bus: &Bus) -> inbox::Consumer<App> {
    let config = stream::consumer(NAME, &["commands.products.>"]);
    inbox::Consumer::new(&app.db, bus, stream::COMMANDS, config, app.clone())
}

impl inbox::Handle for App {
    type Message = Command;

    async fn handle(&self, tx: &mut SqliteConnection, command: &Envelope<Command>) -> Result<(), NotHandled> {
        let order = HolderId(command.aggregate_id);
        let before = store::find_reservation(tx, order).await?;
        let after = match &command.message {
            Command::Hold { lines } => hold(tx, order, before, lines).await?,
            Command::Sell => sell(tx, order, before).await?,
            Command::Release => release(tx, order, before).await?,
        };
        let version = store::save_reservation(tx, order, after).await?;
        let event = Envelope::new(order.0, version, db::now(), told(tx, order, after).await?);
        Ok(outbox::put(tx, &event).await?)
    }
}

/// Holds what an order wants, unless that was decided before: whatever became of it then, it is not held again.
async fn hold(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
    lines: &[WantedLine],
) -> sqlx::Result<Reservation> {
    if let Some(before) = before {
        return Ok(before);
    }
    let held = store::hold(tx, order, lines).await?;
    tracing::info!(order = %order.0, held = held.is_ok(), "decided whether an order can have its stock");
    Ok(held.map_or_else(Reservation::Refused, |_| Reservation::Held))
}

/// Sells what is held. What was never held is never sold: that nobody can have asked for.
async fn sell(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> Result<Reservation, NotHandled> {
    match before {
        Some(Reservation::Held) => {
            store::sell(tx, order).await?;
            tracing::info!(order = %order.0, "sold the stock of an order");
            Ok(Reservation::Sold)
        }
        Some(as_it_is @ (Reservation::Sold | Reservation::Released)) => Ok(as_it_is),
        Some(Reservation::Refused(_)) | None => {
            Err(NotHandled::Poison(format!("nothing is held for the order {}", order.0)))
        }
    }
}

/// Gives back what is held or sold. Where nothing is, it notes that nothing is to be: the hold may come yet.
async fn release(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> sqlx::Result<Reservation> {
    if let Some(before) = before {
        store::give_back(tx, order, before).await?;
    }
    tracing::info!(order = %order.0, ?before, "released the stock of an order");
    Ok(Reservation::Released)
}

/// What orders hear of a reservation.
async fn told(tx: &mut SqliteConnection, order: HolderId, reservation: Reservation) -> sqlx::Result<Event> {
    Ok(match reservation {
        Reservation::Held => Event::StockHeld { lines: store::held_lines(tx, order).await? },
        Reservation::Refused(reason) => Event::StockRefused { reason },
        Reservation::Sold => Event::StockSold,
        Reservation::Released => Event::StockReleased,
    })
}

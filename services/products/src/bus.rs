//! The commands that products consumes, and the events that it replies with. Every command may be delivered twice,
//! late, or before an older one: the reply reports the state of the reservation when the command is processed.

use chassis::{
    Bus, db,
    inbox::{self, HandlerError},
    outbox,
};
use contracts::{Command, Envelope, Event, Message, stock::WantedLine, stream};
use sqlx::SqliteConnection;

use super::{
    App,
    domain::{HolderId, Reservation},
    store,
};

/// The name of this service, also on NATS.
pub const NAME: &str = "products";

/// The consumer of the commands to this service.
pub fn consumer(app: &App, bus: &Bus) -> inbox::Consumer<App> {
    let config = stream::consumer_config(NAME, Command::subjects());
    inbox::Consumer::new(&app.db, bus, stream::COMMANDS, config, app.clone())
}

impl inbox::Handler for App {
    type Message = Command;

    async fn handle(
        &self,
        tx: &mut SqliteConnection,
        command: &Envelope<Command>,
    ) -> Result<(), HandlerError> {
        let order = HolderId(command.aggregate_id);
        let before = store::find_reservation(tx, order).await?;
        let after = match &command.message {
            Command::Hold { lines } => hold(tx, order, before, lines).await?,
            Command::Sell => sell(tx, order, before).await?,
            Command::Release => release(tx, order, before).await?,
        };
        let version = store::save_reservation(tx, order, after).await?;
        let event = Envelope::new(order.0, version, db::now(), event_for(tx, order, after).await?);
        Ok(outbox::put(tx, &event).await?)
    }
}

/// Holds the lines of an order. If the order has a reservation already, it stays as it is: stock is held once.
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
    tracing::info!(order = %order.0, held = held.is_ok(), "hold decided");
    Ok(held.map_or_else(Reservation::Refused, |_| Reservation::Held))
}

/// Sells the held stock. A sale without a hold is rejected, because orders never sends one.
async fn sell(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> Result<Reservation, HandlerError> {
    match before {
        Some(Reservation::Held) => {
            store::sell(tx, order).await?;
            tracing::info!(order = %order.0, "stock sold");
            Ok(Reservation::Sold)
        }
        Some(unchanged @ (Reservation::Sold | Reservation::Released)) => Ok(unchanged),
        Some(Reservation::Refused(_)) | None => {
            Err(HandlerError::Reject(format!("nothing is held for the order {}", order.0)))
        }
    }
}

/// Releases the held or sold stock. If there is no reservation yet, the released one is a tombstone: a hold that
/// arrives later finds it and does nothing.
async fn release(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> sqlx::Result<Reservation> {
    if let Some(before) = before {
        store::give_back(tx, order, before).await?;
    }
    tracing::info!(order = %order.0, ?before, "stock released");
    Ok(Reservation::Released)
}

/// The event that reports the state of a reservation.
async fn event_for(
    tx: &mut SqliteConnection,
    order: HolderId,
    reservation: Reservation,
) -> sqlx::Result<Event> {
    Ok(match reservation {
        Reservation::Held => Event::StockHeld { lines: store::held_lines(tx, order).await? },
        Reservation::Refused(reason) => Event::StockRefused { reason },
        Reservation::Sold => Event::StockSold,
        Reservation::Released => Event::StockReleased,
    })
}

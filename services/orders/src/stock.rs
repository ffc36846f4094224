//! The commands that orders sends to products, each with a deadline for the reply. A command without a reply is
//! retried.

use std::{fmt, str::FromStr};

use chassis::{db, outbox};
use contracts::{Command, Envelope};
use jiff::{SignedDuration, Timestamp};
use sqlx::SqliteConnection;

use super::{
    App, Error,
    domain::{Order, OrderId},
    status::UnknownName,
    store,
};

/// How often a hold is sent before the order is cancelled.
const MAX_HOLD_ATTEMPTS: u32 = 2;

/// The maximum time to wait for the reply to a command that must be carried out.
const MAX_REPLY_TIMEOUT: SignedDuration = SignedDuration::from_mins(1);

/// The kind of a [`Command`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockCommandKind {
    /// Hold the lines of the order.
    Hold,
    /// Sell the held stock.
    Sell,
    /// Release the held or sold stock.
    Release,
}

/// A command to products that has had no reply yet.
#[derive(Clone, Copy, Debug)]
pub struct StockRequest {
    /// The order that it is about.
    pub order: OrderId,
    /// What is requested.
    pub kind: StockCommandKind,
    /// How often the command has been sent.
    pub attempts: u32,
}

impl StockCommandKind {
    /// The value of the column `command`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Sell => "sell",
            Self::Release => "release",
        }
    }
}

impl fmt::Display for StockCommandKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StockCommandKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Hold, Self::Sell, Self::Release]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

impl App {
    /// Sends a command for an order, in the transaction of the step that requires it.
    pub(super) async fn send_command(
        &self,
        tx: &mut SqliteConnection,
        order: &Order,
        kind: StockCommandKind,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.send_attempt(tx, order, StockRequest { order: order.id, kind, attempts: 1 }, now).await
    }

    /// Every attempt gets a new message id. With the old id the inbox of products would treat it as a duplicate and
    /// send no reply.
    async fn send_attempt(
        &self,
        tx: &mut SqliteConnection,
        order: &Order,
        request: StockRequest,
        now: Timestamp,
    ) -> Result<(), Error> {
        let command = match request.kind {
            StockCommandKind::Hold => Command::Hold { lines: order.wanted() },
            StockCommandKind::Sell => Command::Sell,
            StockCommandKind::Release => Command::Release,
        };
        store::save_stock_request(tx, &request, now + self.reply_timeout(request)).await?;
        outbox::put(tx, &Envelope::new(order.id.0, order.version(), now, command)).await?;
        Ok(())
    }

    /// Handles a command whose reply is overdue. A hold that was sent [`MAX_HOLD_ATTEMPTS`] times cancels its order;
    /// every other command is sent again.
    pub(super) async fn retry_or_cancel(&self, request: StockRequest) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        let now = db::now();
        if !store::claim_due_stock_request(&mut tx, request, now).await? {
            return Ok(()); // the reply has arrived, or another instance has retried
        }
        let mut order = store::find_order(&mut tx, request.order).await?;
        let StockRequest { kind, attempts, .. } = request;
        if kind == StockCommandKind::Hold && attempts >= MAX_HOLD_ATTEMPTS {
            order.time_out(now)?;
            store::save_step(&mut tx, &order).await?;
            self.send_command(&mut tx, &order, StockCommandKind::Release, now).await?;
            tracing::warn!(order = %order.id.0, "order cancelled: products did not reply to the hold in time");
        } else {
            self.send_attempt(&mut tx, &order, StockRequest { attempts: attempts + 1, ..request }, now)
                .await?;
            tracing::warn!(order = %order.id.0, %kind, attempts, "no reply from products, command sent again");
        }
        Ok(tx.commit().await?)
    }

    /// The longest time to wait for a reply.
    pub(super) fn max_reply_timeout(&self) -> SignedDuration {
        MAX_REPLY_TIMEOUT.max(self.stock_timeout)
    }

    /// How long to wait for the reply. The time doubles with every attempt of a command that must be carried out.
    fn reply_timeout(&self, request: StockRequest) -> SignedDuration {
        match request.kind {
            StockCommandKind::Hold => self.stock_timeout,
            StockCommandKind::Sell | StockCommandKind::Release => {
                let times = 1 << (request.attempts - 1).min(6);
                self.max_reply_timeout().min(self.stock_timeout.saturating_mul(times))
            }
        }
    }
}

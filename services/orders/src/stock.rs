//! What products is asked for an order, until it has answered.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use sqlx::SqliteConnection;

use super::{
    App, Error,
    domain::{Order, OrderId},
    status::UnknownName,
    store,
};
use chassis::{db, outbox};
use contracts::{Command, Envelope};

/// How often products is asked to hold stock before the order is given up.
const ASKS_TO_HOLD: u32 = 2;

/// The longest pause between two asks for what must be done.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// What can be asked of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Hold the lines of the order.
    Hold,
    /// Sell what is held.
    Sell,
    /// Give back what is held or sold.
    Release,
}

/// Something that products was asked.
#[derive(Clone, Copy, Debug)]
pub struct StockRequest {
    /// For which order.
    pub order: OrderId,
    /// What.
    pub what: What,
    /// How often.
    pub attempts: u32,
}

impl What {
    /// Its name in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Sell => "sell",
            Self::Release => "release",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for What {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Hold, Self::Sell, Self::Release]
            .into_iter()
            .find(|what| what.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

impl App {
    /// Asks products something for an order, in the transaction of the step that asks for it.
    pub(super) async fn ask_products(
        &self,
        tx: &mut SqliteConnection,
        order: &Order,
        what: What,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.ask(tx, order, StockRequest { order: order.id, what, attempts: 1 }, now).await
    }

    /// Asks under a new id each time: who has heard the last one only recognises it, and says nothing.
    async fn ask(
        &self,
        tx: &mut SqliteConnection,
        order: &Order,
        request: StockRequest,
        now: Timestamp,
    ) -> Result<(), Error> {
        let command = match request.what {
            What::Hold => Command::Hold { lines: order.wanted() },
            What::Sell => Command::Sell,
            What::Release => Command::Release,
        };
        store::save_request(tx, &request, now + self.patience(request)).await?;
        outbox::put(tx, &Envelope::new(order.id.0, order.version(), now, command)).await?;
        Ok(())
    }

    /// Asks again for what was not answered in time, or gives the order up while that is possible.
    pub(super) async fn ask_again(&self, request: StockRequest) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        let now = db::now();
        if !store::close_due_request(&mut tx, request, now).await? {
            return Ok(()); // answered, or asked again by another instance, since it was found
        }
        let mut order = store::find_order(&mut tx, request.order).await?;
        let StockRequest { what, attempts, .. } = request;
        if what == What::Hold && attempts >= ASKS_TO_HOLD {
            order.time_out(now)?;
            store::save_step(&mut tx, &order).await?;
            self.ask_products(&mut tx, &order, What::Release, now).await?;
            tracing::warn!(order = %order.id.0, "cancelled an order: products did not say whether its stock is held");
        } else {
            self.ask(&mut tx, &order, StockRequest { attempts: attempts + 1, ..request }, now).await?;
            tracing::warn!(order = %order.id.0, %what, attempts, "no answer about the stock of an order; asked again");
        }
        Ok(tx.commit().await?)
    }

    /// How long to wait for an answer: for one that must come, twice as long each time.
    fn patience(&self, request: StockRequest) -> SignedDuration {
        match request.what {
            What::Hold => self.stock_timeout,
            What::Sell | What::Release => {
                let times = 1 << (request.attempts - 1).min(6);
                LONGEST_PAUSE.min(self.stock_timeout.saturating_mul(times)).max(self.stock_timeout)
            }
        }
    }
}

//! What is measured.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use shop_client::{
    Request,
    model::{Line, Order, Status},
    new_key,
};
use tokio::time::sleep;

use crate::{
    catalogue,
    slot::{PASSWORD, Slot, ask, newcomer},
};

/// One thing that a customer does, from her first request until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Reads one of all products, any.
    ReadProduct,
    /// The limit of [`Operation::ReadProduct`]: one point read behind one handler.
    BareRead,
    /// Reads the first page.
    ListProducts,
    /// Reads the first page of what has two words.
    Search,
    /// Places an order for one unit of one product, until it awaits payment.
    PlaceOrder,
    /// The limit of [`Operation::PlaceOrder`]: one row inserted and on the disk, behind one handler.
    BareCommit,
    /// Places an order and pays for it, until it is paid.
    CheckOut,
    /// Registers.
    Register,
    /// Logs in.
    LogIn,
}

/// Between two looks at an order that is not settled.
const GLANCE: Duration = Duration::from_millis(2);

impl Operation {
    /// Everything that is done without hashing a password.
    pub const LIGHT: [Self; 7] = [
        Self::ReadProduct,
        Self::BareRead,
        Self::ListProducts,
        Self::Search,
        Self::PlaceOrder,
        Self::BareCommit,
        Self::CheckOut,
    ];
    /// What hashes a password each time.
    pub const HASHING: [Self; 2] = [Self::Register, Self::LogIn];

    /// As criterion and the table call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadProduct => "read-product",
            Self::BareRead => "bare-read",
            Self::ListProducts => "list-products",
            Self::Search => "search",
            Self::PlaceOrder => "order-placed",
            Self::BareCommit => "bare-commit",
            Self::CheckOut => "order-checked-out",
            Self::Register => "register",
            Self::LogIn => "log-in",
        }
    }

    /// Itself and what it is measured in turn with, the shop's first; or itself alone.
    pub fn pair(self) -> (Self, Option<Self>) {
        match self {
            Self::ReadProduct | Self::BareRead => (Self::ReadProduct, Some(Self::BareRead)),
            Self::PlaceOrder | Self::BareCommit => (Self::PlaceOrder, Some(Self::BareCommit)),
            alone => (alone, None),
        }
    }

    /// Does it once.
    ///
    /// # Errors
    /// It was answered otherwise than it is when all is well.
    pub async fn perform(self, slot: &mut Slot) -> Result<()> {
        match self {
            Self::ReadProduct => {
                let path = format!("/products/{}", slot.any_product()?);
                ask(&mut slot.shop, Request::get(path), 200).await?;
            }
            Self::ListProducts => {
                ask(&mut slot.shop, Request::get("/products"), 200).await?;
            }
            Self::Search => {
                let path = format!("/products?q={}", catalogue::search(&mut slot.rng));
                ask(&mut slot.shop, Request::get(path), 200).await?;
            }
            Self::Register => {
                ask(&mut slot.shop, Request::post("/users").json(&newcomer()), 201).await?;
            }
            Self::LogIn => {
                let credentials = serde_json::json!({ "email": slot.email, "password": PASSWORD });
                ask(&mut slot.shop, Request::post("/sessions").json(&credentials), 201).await?;
            }
            Self::PlaceOrder => drop(place_order(slot).await?),
            Self::CheckOut => check_out(slot).await?,
            Self::BareRead => {
                let id = catalogue::bare_id(slot.rng.u32(..*catalogue::PRODUCTS));
                limit(slot, Request::get(format!("/products/{id}")), 200).await?;
            }
            Self::BareCommit => limit(slot, Request::post("/rows").body(ROW), 201).await?,
        }
        Ok(())
    }
}

/// About as long as a stored order.
const ROW: [u8; 300] = [b'.'; 300];

async fn limit(slot: &mut Slot, request: Request, expected: u16) -> Result<()> {
    let limits = slot.limits.as_mut().context("the limits do not run")?;
    ask(limits, request, expected).await.map(drop)
}

async fn place_order(slot: &mut Slot) -> Result<Order> {
    let line = Line { product_id: slot.any_product()?, quantity: 1 };
    let body = serde_json::json!({ "items": [line] });
    let request = Request::post("/orders").bearer(&slot.token).key(&new_key()).json(&body);
    let order: Order = slot.ask(request, 201).await?;
    until(slot, order, Status::AwaitingPayment).await
}

async fn check_out(slot: &mut Slot) -> Result<()> {
    let order = place_order(slot).await?;
    let request = Request::post(format!("/orders/{}/payment", order.id)).bearer(&slot.token).key(&new_key());
    let order: Order = slot.ask(request.json(&serde_json::json!({ "source": "tok_ok" })), 202).await?;
    until(slot, order, Status::Paid).await.map(drop)
}

/// Reads an order until its history has a status. Looks are not free for a busy shop, so the first one comes when the
/// order before was settled, by its history, and the figure is late by one [`GLANCE`] at most if both took as long; by a
/// tenth of what it took where that is more.
async fn until(slot: &mut Slot, mut order: Order, wished: Status) -> Result<Order> {
    let asked = order.history.last().map(|step| step.at);
    let mut pause = slot.settling;
    loop {
        if let Some(done) = order.history.iter().find(|step| step.status == wished) {
            if let Some(asked) = asked.filter(|asked| *asked < done.at) {
                slot.settling = Duration::try_from(done.at.duration_since(asked)).unwrap_or_default();
            }
            return Ok(order);
        }
        if order.status.is_settled() {
            bail!("order {} became {:?} instead of {wished:?}", order.id, order.status);
        }
        sleep(pause).await;
        pause = GLANCE.max(slot.settling / 10);
        order = slot.ask(Request::get(format!("/orders/{}", order.id)).bearer(&slot.token), 200).await?;
    }
}

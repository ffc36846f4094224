//! The operations that are measured.

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
    customer::{Customer, PASSWORD, new_registration, send},
};

/// Something that a customer does, from the first request until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Reads a random product.
    ReadProduct,
    /// The limit of [`Operation::ReadProduct`]: one point read behind one HTTP handler.
    BareRead,
    /// Reads the first page of all products.
    ListProducts,
    /// Reads the first page of the products that contain two words.
    Search,
    /// Places an order for one unit of one product, until it awaits payment.
    PlaceOrder,
    /// The limit of [`Operation::PlaceOrder`]: one inserted row, flushed to disk, behind one HTTP handler.
    BareCommit,
    /// Places an order and pays for it, until it is paid.
    CheckOut,
    /// Registers a customer.
    Register,
    /// Logs in.
    LogIn,
}

/// The shortest time between two polls of an order.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

impl Operation {
    /// The operations without password hashing.
    pub const LIGHT: [Self; 7] = [
        Self::ReadProduct,
        Self::BareRead,
        Self::ListProducts,
        Self::Search,
        Self::PlaceOrder,
        Self::BareCommit,
        Self::CheckOut,
    ];
    /// The operations that hash a password.
    pub const HASHING: [Self; 2] = [Self::Register, Self::LogIn];

    /// The name for criterion and in the table.
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

    /// The shop's operation and the limit that it is measured in turn with; or an operation without a limit.
    pub fn pair(self) -> (Self, Option<Self>) {
        match self {
            Self::ReadProduct | Self::BareRead => (Self::ReadProduct, Some(Self::BareRead)),
            Self::PlaceOrder | Self::BareCommit => (Self::PlaceOrder, Some(Self::BareCommit)),
            alone => (alone, None),
        }
    }

    /// Performs it once.
    ///
    /// # Errors
    /// The response is not the one of a success.
    pub async fn perform(self, customer: &mut Customer) -> Result<()> {
        match self {
            Self::ReadProduct => {
                let path = format!("/products/{}", customer.any_product()?);
                send(&customer.shop, &Request::get(path), 200).await?;
            }
            Self::ListProducts => {
                send(&customer.shop, &Request::get("/products"), 200).await?;
            }
            Self::Search => {
                let path = format!("/products?q={}", catalogue::search(&mut customer.rng));
                send(&customer.shop, &Request::get(path), 200).await?;
            }
            Self::Register => {
                send(&customer.shop, &Request::post("/users").json(&new_registration()), 201).await?;
            }
            Self::LogIn => {
                let credentials = serde_json::json!({ "email": customer.email, "password": PASSWORD });
                send(&customer.shop, &Request::post("/sessions").json(&credentials), 201).await?;
            }
            Self::PlaceOrder => drop(place_order(customer).await?),
            Self::CheckOut => check_out(customer).await?,
            Self::BareRead => {
                let id = catalogue::bare_id(customer.rng.u32(..*catalogue::PRODUCTS));
                limit(customer, Request::get(format!("/products/{id}")), 200).await?;
            }
            Self::BareCommit => limit(customer, Request::post("/rows").body(ROW), 201).await?,
        }
        Ok(())
    }
}

/// About as long as a stored order.
const ROW: [u8; 300] = [b'.'; 300];

async fn limit(customer: &mut Customer, request: Request, expected: u16) -> Result<()> {
    let limits = customer.limits.as_ref().context("`limits` does not run")?;
    send(limits, &request, expected).await.map(drop)
}

async fn place_order(customer: &mut Customer) -> Result<Order> {
    let line = Line { product_id: customer.any_product()?, quantity: 1 };
    let body = serde_json::json!({ "items": [line] });
    let request = Request::post("/orders").bearer(&customer.token).key(&new_key()).json(&body);
    let order: Order = customer.send(request, 201).await?;
    poll_until(customer, order, Status::AwaitingPayment).await
}

async fn check_out(customer: &mut Customer) -> Result<()> {
    let order = place_order(customer).await?;
    let request =
        Request::post(format!("/orders/{}/payment", order.id)).bearer(&customer.token).key(&new_key());
    let order: Order = customer.send(request.json(&serde_json::json!({ "source": "tok_ok" })), 202).await?;
    poll_until(customer, order, Status::Paid).await.map(drop)
}

/// Polls an order until its history contains a status. Polls cost a busy shop CPU time, so the first one is sent after the time
/// that the previous order took, by its history. If both orders take equally long, the result is late by one interval at
/// most: [`POLL_INTERVAL`], or a tenth of that time if it is longer.
async fn poll_until(customer: &mut Customer, mut order: Order, expected: Status) -> Result<Order> {
    let sent = order.history.last().map(|step| step.at);
    let mut pause = customer.settle_time;
    loop {
        if let Some(done) = order.history.iter().find(|step| step.status == expected) {
            if let Some(sent) = sent.filter(|sent| *sent < done.at) {
                customer.settle_time = Duration::try_from(done.at.duration_since(sent)).unwrap_or_default();
            }
            return Ok(order);
        }
        if order.status.is_settled() {
            bail!("order {} became {:?} instead of {expected:?}", order.id, order.status);
        }
        sleep(pause).await;
        pause = POLL_INTERVAL.max(customer.settle_time / 10);
        order =
            customer.send(Request::get(format!("/orders/{}", order.id)).bearer(&customer.token), 200).await?;
    }
}

//! What a logged-in user may do.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::model::{Line, NewProduct, Order, Page, Product, ProductChange, ProfileChange, Stock, User};
use crate::{Answer, Error, Method, Reply, Request, Result, Shop};

/// A user with a token: a customer, or staff. `key` is always an Idempotency-Key, see [`crate::new_key`].
#[derive(Clone)]
pub struct Caller {
    shop: Shop,
    token: String,
}

impl Caller {
    pub(crate) fn new(shop: Shop, token: String) -> Self {
        Self { shop, token }
    }

    /// The shop as anybody sees it.
    pub fn shop(&self) -> &Shop {
        &self.shop
    }

    /// The bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request as it is, but for the token, and gives back the answer, whatever its status.
    pub async fn send(&self, request: Request) -> Result<Answer> {
        self.shop.send(request.bearer(&self.token)).await
    }

    async fn call<T: serde::de::DeserializeOwned>(&self, request: Request) -> Result<Reply<T>> {
        self.shop.call(request.bearer(&self.token)).await
    }

    /// My profile.
    pub async fn profile(&self) -> Result<Reply<User>> {
        self.call(Request::get("/users/me")).await
    }

    /// Changes my name or e-mail address.
    pub async fn change_profile(&self, change: &ProfileChange) -> Result<Reply<User>> {
        self.call(Request::new(Method::PATCH, "/users/me").json(change)).await
    }

    /// Changes my password.
    pub async fn change_password(&self, current: &str, new: &str) -> Result<Reply<()>> {
        let change = json!({ "current": current, "new": new });
        self.call(Request::new(Method::PUT, "/users/me/password").json(&change)).await
    }

    /// Adds a product (staff).
    pub async fn add_product(&self, key: &str, product: &NewProduct) -> Result<Reply<Product>> {
        self.call(Request::post("/products").key(key).json(product)).await
    }

    /// Changes a product (staff).
    pub async fn change_product(&self, product: Uuid, change: &ProductChange) -> Result<Reply<Product>> {
        self.call(Request::new(Method::PATCH, format!("/products/{product}")).json(change)).await
    }

    /// The stock ledger of a product (staff).
    pub async fn stock(&self, product: Uuid) -> Result<Reply<Stock>> {
        self.call(Request::get(format!("/products/{product}/stock"))).await
    }

    /// Receives more stock (staff).
    pub async fn restock(&self, key: &str, product: Uuid, quantity: u32) -> Result<Reply<Stock>> {
        let restock = json!({ "quantity": quantity });
        self.call(Request::post(format!("/products/{product}/restocks")).key(key).json(&restock)).await
    }

    /// Places an order; its `status` says, in time, what became of it.
    pub async fn place_order(&self, key: &str, lines: &[Line]) -> Result<Reply<Order>> {
        self.call(Request::post("/orders").key(key).json(&json!({ "items": lines }))).await
    }

    /// A page of my orders, newest first.
    pub async fn orders(&self, limit: Option<u32>, cursor: Option<&str>) -> Result<Reply<Page<Order>>> {
        self.call(Request::get("/orders").query("limit", limit).query("cursor", cursor)).await
    }

    /// A page of everybody's orders, newest first (staff).
    pub async fn all_orders(&self, limit: Option<u32>, cursor: Option<&str>) -> Result<Reply<Page<Order>>> {
        let request = Request::get("/orders").query("scope", Some("all"));
        self.call(request.query("limit", limit).query("cursor", cursor)).await
    }

    /// One order (mine, or as staff any).
    pub async fn order(&self, order: Uuid) -> Result<Reply<Order>> {
        self.call(Request::get(format!("/orders/{order}"))).await
    }

    /// Pays for an order of mine.
    pub async fn pay(&self, key: &str, order: Uuid, source: &str) -> Result<Reply<Order>> {
        let payment = json!({ "source": source });
        self.call(Request::post(format!("/orders/{order}/payment")).key(key).json(&payment)).await
    }

    /// Cancels an order (mine, or as staff any).
    pub async fn cancel(&self, order: Uuid) -> Result<Reply<Order>> {
        self.call(Request::post(format!("/orders/{order}/cancellation"))).await
    }

    /// Marks an order as shipped (staff).
    pub async fn ship(&self, order: Uuid) -> Result<Reply<Order>> {
        self.call(Request::post(format!("/orders/{order}/shipment"))).await
    }

    /// Marks an order as delivered (staff).
    pub async fn deliver(&self, order: Uuid) -> Result<Reply<Order>> {
        self.call(Request::post(format!("/orders/{order}/delivery"))).await
    }

    /// Reads an order until it is settled: not pending, paying or refunding.
    pub async fn settled(&self, order: Uuid, deadline: Duration) -> Result<Order> {
        self.watch(order, deadline, |order| order.status.is_settled()).await
    }

    /// Reads an order until it is as wished. Answers that may be better later (see [`Error::is_transient`])
    /// are waited out as well; after `deadline` it fails.
    pub async fn watch(
        &self,
        order: Uuid,
        deadline: Duration,
        wished: impl Fn(&Order) -> bool,
    ) -> Result<Order> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            let read = self.order(order).await;
            let waited = started.elapsed();
            match read {
                Ok(reply) if wished(&reply) => return Ok(reply.value),
                Ok(reply) if waited > deadline => {
                    return Err(Error::StillWaiting { order, status: reply.status, waited });
                }
                Err(error) if waited > deadline || !error.is_transient() => return Err(error),
                Ok(_) | Err(_) => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }
}

//! The operations of a user who is logged in.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::model::{Line, NewProduct, Order, Page, Product, ProductChange, ProfileChange, Stock, User};
use crate::{Error, Method, Reply, Request, Response, Result, Shop};

/// A client with a token of a customer or of staff. Every parameter `key` is an `Idempotency-Key`, see
/// [`crate::new_key`].
#[derive(Clone)]
pub struct Caller {
    shop: Shop,
    token: String,
}

impl Caller {
    pub(crate) fn new(shop: Shop, token: String) -> Self {
        Self { shop, token }
    }

    /// The same client without the token.
    pub fn shop(&self) -> &Shop {
        &self.shop
    }

    /// The bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Adds the token to a request, sends it and returns the response, whatever its status.
    pub async fn send(&self, request: Request) -> Result<Response> {
        self.shop.send(request.bearer(&self.token)).await
    }

    async fn call<T: serde::de::DeserializeOwned>(&self, request: Request) -> Result<Reply<T>> {
        self.shop.call(request.bearer(&self.token)).await
    }

    /// Reads the user's own profile.
    pub async fn profile(&self) -> Result<Reply<User>> {
        self.call(Request::get("/users/me")).await
    }

    /// Changes the user's own name or e-mail address.
    pub async fn change_profile(&self, change: &ProfileChange) -> Result<Reply<User>> {
        self.call(Request::new(Method::PATCH, "/users/me").json(change)).await
    }

    /// Changes the user's own password.
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

    /// Reads the stock ledger of a product (staff).
    pub async fn stock(&self, product: Uuid) -> Result<Reply<Stock>> {
        self.call(Request::get(format!("/products/{product}/stock"))).await
    }

    /// Receives more stock (staff).
    pub async fn restock(&self, key: &str, product: Uuid, quantity: u32) -> Result<Reply<Stock>> {
        let restock = json!({ "quantity": quantity });
        self.call(Request::post(format!("/products/{product}/restocks")).key(key).json(&restock)).await
    }

    /// Places an order. Read the order until its `status` shows whether stock is held.
    pub async fn place_order(&self, key: &str, lines: &[Line]) -> Result<Reply<Order>> {
        self.call(Request::post("/orders").key(key).json(&json!({ "items": lines }))).await
    }

    /// Lists a page of the user's own orders, newest first.
    pub async fn orders(&self, limit: Option<u32>, cursor: Option<&str>) -> Result<Reply<Page<Order>>> {
        self.call(Request::get("/orders").query("limit", limit).query("cursor", cursor)).await
    }

    /// Lists a page of the orders of all customers, newest first (staff).
    pub async fn all_orders(&self, limit: Option<u32>, cursor: Option<&str>) -> Result<Reply<Page<Order>>> {
        let request = Request::get("/orders").query("scope", Some("all"));
        self.call(request.query("limit", limit).query("cursor", cursor)).await
    }

    /// Reads one order. A customer can read their own orders, staff can read every order.
    pub async fn order(&self, order: Uuid) -> Result<Reply<Order>> {
        self.call(Request::get(format!("/orders/{order}"))).await
    }

    /// Pays for one of the user's own orders.
    pub async fn pay(&self, key: &str, order: Uuid, source: &str) -> Result<Reply<Order>> {
        let payment = json!({ "source": source });
        self.call(Request::post(format!("/orders/{order}/payment")).key(key).json(&payment)).await
    }

    /// Cancels an order. A customer can cancel their own orders, staff can cancel every order.
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

    /// Polls an order until it is settled: not `pending`, `paying` or `refunding`.
    pub async fn wait_until_settled(&self, order: Uuid, timeout: Duration) -> Result<Order> {
        self.wait_until(order, timeout, |order| order.status.is_settled()).await
    }

    /// Polls an order until `condition` holds, and fails once `timeout` has passed. Transient errors (see
    /// [`Error::is_transient`]) do not end the wait.
    pub async fn wait_until(
        &self,
        order: Uuid,
        timeout: Duration,
        condition: impl Fn(&Order) -> bool,
    ) -> Result<Order> {
        let started = Instant::now();
        let mut delay = Duration::from_millis(10);
        loop {
            let read = self.order(order).await;
            let waited = started.elapsed();
            match read {
                Ok(reply) if condition(&reply) => return Ok(reply.value),
                Ok(reply) if waited > timeout => {
                    return Err(Error::WaitTimedOut { order, status: reply.status, waited });
                }
                Err(error) if waited > timeout || !error.is_transient() => return Err(error),
                Ok(_) | Err(_) => {}
            }
            sleep(delay).await;
            delay = (delay * 2).min(Duration::from_millis(250));
        }
    }
}

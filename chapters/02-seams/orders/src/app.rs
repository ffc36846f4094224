//! The use cases of orders.

use axum::http::StatusCode;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    App, Error,
    domain::{Cancellation, Lines, Order, OrderId, Source, TransitionError},
    provider::{Attempt, Refund},
    store,
};
use chassis::{
    caller::{Caller, UserId},
    db,
    error::error_chain,
    idempotency::{self, Answer, Intent},
    web::{IdempotencyKey, Limit, Page},
};

impl App {
    /// Places an order. If its stock can be held, the order awaits payment; otherwise it is rejected. A rejected order is
    /// stored and returned like any other. `request` is the body that the client sent, in its canonical form.
    pub async fn place_order(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        request: &str,
        lines: Lines,
    ) -> Result<Answer, Error> {
        let intent = Intent { caller: caller.id, operation: "place_order".to_owned(), key };
        let customer_name = self.name(caller.id).await;
        let mut tx = self.db.write().await?;
        if let Some(answer) = idempotency::find(&mut tx, &intent, request).await? {
            return Ok(answer);
        }
        let now = db::now();
        let mut order = Order::place(OrderId(Uuid::now_v7()), caller.id, customer_name, &lines, now);
        match products::hold(&mut tx, order.id.into(), lines.as_slice()).await? {
            Ok(held) => order.hold(held, now + self.order_ttl, now)?,
            Err(refused) => order.reject(refused.into(), now)?,
        }
        store::insert_order(&mut tx, &order).await?;
        let path = format!("/orders/{}", order.id.0);
        let answer = Answer::json(StatusCode::CREATED, &order)?.location(path);
        idempotency::save(&mut tx, &intent, request, &answer, now).await?;
        tx.commit().await?;
        tracing::info!(order = %order.id.0, status = %order.status, "order placed");
        Ok(answer)
    }

    /// Reads an order. Customers can read their own orders, staff all orders.
    pub async fn read_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let order = store::find_order(&mut *self.db.read().await?, id).await?;
        Ok(self.named(visible_to(order, caller)?).await)
    }

    /// Reads one of the caller's own orders.
    pub async fn read_own_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let mut conn = self.db.read().await?;
        owned_by(store::find_order(&mut conn, id).await?, caller)
    }

    /// Lists the caller's orders or those of all customers, newest first.
    pub async fn list_orders(
        &self,
        caller: Caller,
        all_customers: bool,
        limit: Limit,
        cursor: Option<Uuid>,
    ) -> Result<Page<Order>, Error> {
        let customer = (!all_customers).then_some(caller.id);
        let before = cursor.unwrap_or(Uuid::max());
        let orders =
            store::list_orders(&mut *self.db.read().await?, customer, before, limit.plus_one()).await?;
        let mut page = Page::cut(orders, limit, |order| order.id.0);
        for order in &mut page.items {
            order.customer_name = self.name(order.customer_id).await;
        }
        Ok(page)
    }

    /// Starts the payment of one of the caller's orders. The payment attempt is committed before the request is sent to
    /// the provider. If this process dies in between, the worker of the next process sends the same request.
    pub async fn pay_order(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        request: &str,
        id: OrderId,
        source: Source,
    ) -> Result<Answer, Error> {
        let intent = Intent { caller: caller.id, operation: format!("pay_order {}", id.0), key };
        let customer_name = self.name(caller.id).await;
        let mut tx = self.db.write().await?;
        if let Some(answer) = idempotency::find(&mut tx, &intent, request).await? {
            return Ok(answer);
        }
        let now = db::now();
        let mut order = owned_by(store::find_order(&mut tx, id).await?, caller)?;
        let amount = order.pay(now)?;
        let token = source.as_str().to_owned();
        let attempt = Attempt { id: Uuid::now_v7(), order: id, source: token, amount, attempts: 1 };
        store::save_step(&mut tx, &order).await?;
        store::insert_attempt(&mut tx, &attempt, self.lease_expires_at(now)).await?;
        order.customer_name = customer_name;
        let answer = Answer::json(StatusCode::ACCEPTED, &order)?;
        idempotency::save(&mut tx, &intent, request, &answer, now).await?;
        tx.commit().await?;
        self.start_charge(attempt);
        Ok(answer)
    }

    /// Cancels an order that has not been shipped. Held stock is released in the same transaction. A payment is refunded
    /// in the background, and the order is cancelled after that.
    pub async fn cancel_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let order = self.cancel(caller, id).await?;
        Ok(self.named(order).await)
    }

    async fn cancel(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let mut tx = self.db.write().await?;
        let mut order = visible_to(store::find_order(&mut tx, id).await?, caller)?;
        let now = db::now();
        match order.cancel(now)? {
            Cancellation::Repeated => {}
            Cancellation::Done => {
                store::save_step(&mut tx, &order).await?;
                products::release(&mut tx, id.into()).await?;
                tx.commit().await?;
                tracing::info!(order = %id.0, "order cancelled");
            }
            Cancellation::Refund => {
                store::save_step(&mut tx, &order).await?;
                let charge = store::find_charge(&mut tx, id).await?;
                let refund = Refund {
                    id: Uuid::now_v7(),
                    order: id,
                    charge,
                    amount: order.payment.captured,
                    attempts: 1,
                };
                store::insert_refund(&mut tx, &refund, self.lease_expires_at(now)).await?;
                tx.commit().await?;
                self.start_refund(refund);
            }
        }
        Ok(order)
    }

    /// Marks a paid order as shipped. Idempotent.
    pub async fn ship_order(&self, id: OrderId) -> Result<Order, Error> {
        let order = self.step(id, Order::ship).await?;
        Ok(self.named(order).await)
    }

    /// Marks a shipped order as delivered. Idempotent.
    pub async fn deliver_order(&self, id: OrderId) -> Result<Order, Error> {
        let order = self.step(id, Order::deliver).await?;
        Ok(self.named(order).await)
    }

    async fn step(
        &self,
        id: OrderId,
        step: fn(&mut Order, Timestamp) -> Result<bool, TransitionError>,
    ) -> Result<Order, Error> {
        let mut tx = self.db.write().await?;
        let mut order = store::find_order(&mut tx, id).await?;
        if step(&mut order, db::now())? {
            store::save_step(&mut tx, &order).await?;
            tx.commit().await?;
        }
        Ok(order)
    }

    /// Adds the customer's name. Hold no transaction or connection meanwhile: the call to `users` may take long.
    async fn named(&self, order: Order) -> Order {
        Order { customer_name: self.name(order.customer_id).await, ..order }
    }

    /// Reads the name of a customer. Returns none if `users` fails: an order without it is better than no order.
    async fn name(&self, customer: UserId) -> Option<String> {
        self.users.read_name(customer).await.unwrap_or_else(|error| {
            tracing::warn!(customer = %customer.0, error = error_chain(&error), "reading the name of a customer failed");
            None
        })
    }
}

fn owned_by(order: Order, caller: Caller) -> Result<Order, Error> {
    if order.customer_id == caller.id { Ok(order) } else { Err(Error::NotFound) }
}

/// Another customer's order is "not found" rather than "forbidden", so that nobody can find out which ids exist.
fn visible_to(order: Order, caller: Caller) -> Result<Order, Error> {
    if caller.is_staff() { Ok(order) } else { owned_by(order, caller) }
}

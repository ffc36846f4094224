//! What can be done with orders.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    App, Caller, Error, Intent, Keyed, db,
    domain::{Cancellation, Lines, Order, OrderId, Source, TransitionError},
    idempotency, products,
    provider::{Attempt, Refund},
    store,
    web::{IdempotencyKey, Limit, Page},
};

impl App {
    /// Places an order: holds its stock and awaits payment, or else is rejected. Both are stored, and both are answers.
    pub async fn place_order(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        lines: Lines,
    ) -> Result<Keyed<Order>, Error> {
        let intent = Intent { caller: caller.id, operation: "place_order".to_owned(), key };
        let customer_name = store::find_customer_name(&mut *self.db.read().await?, caller.id).await?;
        let mut tx = self.db.write().await?;
        if let Some(answered) = idempotency::find(&mut tx, &intent, &lines).await? {
            return Ok(answered);
        }
        let now = db::now();
        let mut order = Order::place(OrderId(Uuid::now_v7()), caller.id, customer_name, &lines, now);
        match products::hold(&mut tx, order.id, lines.as_slice()).await? {
            Ok(held) => order.hold(held, now + self.order_ttl, now)?,
            Err(refused) => order.reject(refused.into(), now)?,
        }
        store::insert_order(&mut tx, &order).await?;
        let keyed = idempotency::save(&mut tx, &intent, &lines, order, now).await?;
        tx.commit().await?;
        let Order { id, status, .. } = keyed.answer;
        tracing::info!(order = %id.0, %status, "placed an order");
        Ok(keyed)
    }

    /// Reads an order of the caller's, or for staff anybody's.
    pub async fn read_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let mut conn = self.db.read().await?;
        visible_to(store::find_order(&mut conn, id).await?, caller)
    }

    /// Reads an order of the caller's.
    pub async fn read_own_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let mut conn = self.db.read().await?;
        owned_by(store::find_order(&mut conn, id).await?, caller)
    }

    /// Lists orders, newest first: the caller's, or for staff everybody's.
    pub async fn list_orders(
        &self,
        caller: Caller,
        all_customers: bool,
        limit: Limit,
        cursor: Option<Uuid>,
    ) -> Result<Page<Order>, Error> {
        let customer = (!all_customers).then_some(caller.id);
        let mut conn = self.db.read().await?;
        let orders =
            store::list_orders(&mut conn, customer, cursor.unwrap_or(Uuid::max()), limit.plus_one()).await?;
        Ok(Page::cut(orders, limit, |order| order.id.0))
    }

    /// Pays for an order of the caller's. What the provider is asked is stored first, and asked after: if this process
    /// dies in between, the next one asks the same again.
    pub async fn pay_order(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        id: OrderId,
        source: Source,
    ) -> Result<Keyed<Order>, Error> {
        let intent = Intent { caller: caller.id, operation: format!("pay_order {}", id.0), key };
        let mut tx = self.db.write().await?;
        if let Some(answered) = idempotency::find(&mut tx, &intent, &source).await? {
            return Ok(answered);
        }
        let now = db::now();
        let mut order = owned_by(store::find_order(&mut tx, id).await?, caller)?;
        let amount = order.pay(now)?;
        let token = source.as_str().to_owned();
        let attempt = Attempt { id: Uuid::now_v7(), order: id, source: token, amount, attempts: 1 };
        store::save_step(&mut tx, &order).await?;
        store::insert_attempt(&mut tx, &attempt, self.lease_expires_at(now)).await?;
        let keyed = idempotency::save(&mut tx, &intent, &source, order, now).await?;
        tx.commit().await?;
        self.start_charge(attempt);
        Ok(keyed)
    }

    /// Cancels an order that has not been shipped. What it holds is given back now, what it paid soon.
    pub async fn cancel_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let mut tx = self.db.write().await?;
        let mut order = visible_to(store::find_order(&mut tx, id).await?, caller)?;
        let now = db::now();
        match order.cancel(now)? {
            Cancellation::Repeated => {}
            Cancellation::Done => {
                store::save_step(&mut tx, &order).await?;
                products::release(&mut tx, id).await?;
                tx.commit().await?;
                tracing::info!(order = %id.0, "cancelled an order");
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

    /// Marks a paid order as shipped. Again is as once.
    pub async fn ship_order(&self, id: OrderId) -> Result<Order, Error> {
        self.step(id, Order::ship).await
    }

    /// Marks a shipped order as delivered. Again is as once.
    pub async fn deliver_order(&self, id: OrderId) -> Result<Order, Error> {
        self.step(id, Order::deliver).await
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
}

fn owned_by(order: Order, caller: Caller) -> Result<Order, Error> {
    if order.customer_id == caller.id { Ok(order) } else { Err(Error::NotFound) }
}

/// Another customer's order is not forbidden, it is not there: whether an id exists is nobody else's business.
fn visible_to(order: Order, caller: Caller) -> Result<Order, Error> {
    if caller.is_staff() { Ok(order) } else { owned_by(order, caller) }
}

//! One visitor: a sequence of requests.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use audit::journal::Operation;
use fastrand::Rng;
use serde_json::json;
use shop_client::{
    Request, Response,
    model::{Line, Order, Status},
    new_key,
};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    client::{Call, RetryingClient},
    mix::Visit,
    record::RequestKind,
    test_data::{Account, PASSWORD, TestData, WORDS},
};

/// How long a visitor polls an order that is not settled. The audit checks what becomes of the order later.
const POLL_FOR: Duration = Duration::from_secs(30);

pub(crate) struct Visitor {
    client: Rc<RetryingClient>,
    data: TestData,
    account: Account,
    rng: Rng,
}

impl Visitor {
    pub(crate) fn new(client: Rc<RetryingClient>, data: &TestData, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let account = data.accounts[rng.usize(..data.accounts.len())].clone();
        Self { client, data: data.clone(), account, rng }
    }

    /// Runs the visit. None: a request failed, and the visit ended there.
    pub(crate) async fn visit(mut self, visit: Visit, due: Instant) -> Option<()> {
        match visit {
            Visit::Browse => self.browse(due).await,
            Visit::LogIn => self.log_in(due).await,
            Visit::CheckOut => self.check_out(due).await,
            Visit::FlashBuy => self.flash_buy(due).await,
        }
    }

    async fn browse(&mut self, due: Instant) -> Option<()> {
        let path = match self.rng.u8(..100) {
            0..70 => format!("/products/{}", self.any_product()),
            70..90 => "/products".to_owned(),
            _ => format!("/products?q={}", self.rng.choice(WORDS)?),
        };
        self.read(RequestKind::Browse, Request::get(path), due, &[200]).await.map(drop)
    }

    async fn log_in(&mut self, due: Instant) -> Option<()> {
        let credentials = json!({ "email": self.account.email, "password": PASSWORD });
        let request = Request::post("/sessions").json(&credentials);
        self.read(RequestKind::LogIn, request, due, &[201]).await.map(drop)
    }

    /// Buys one or two products. Some visitors send a request twice, cancel, or use a card that is declined, so that the
    /// audit has such cases to check.
    async fn check_out(&mut self, mut due: Instant) -> Option<()> {
        if self.one_in(10) {
            self.log_in(due).await?;
            due = Instant::now();
        }
        if self.one_in(20) {
            self.set_a_price(due).await?;
            due = Instant::now();
        }
        let lines = self.basket();
        let order = self.place(lines, due).await?;
        if self.one_in(20) {
            return self.cancel(order).await;
        }
        let card = self.card();
        let mut status = self.pay(order, card).await?;
        if status == Status::AwaitingPayment {
            status = self.pay(order, "tok_ok").await?;
        }
        if status == Status::Paid && self.one_in(20) {
            self.cancel(order).await?;
        }
        Some(())
    }

    /// Orders one unit of the product on promotion, and pays at once if the order was accepted.
    async fn flash_buy(&mut self, due: Instant) -> Option<()> {
        let line = Line { product_id: self.data.promotion, quantity: 1 };
        let order = self.place(vec![line], due).await?;
        self.pay(order, "tok_ok").await.map(drop)
    }

    /// Places an order and polls it until its stock is held. None also if the order was rejected.
    async fn place(&mut self, lines: Vec<Line>, due: Instant) -> Option<Uuid> {
        let place = Operation::PlaceOrder { lines };
        let key = new_key();
        let answer = self.write(RequestKind::Place, &place, Some(&key), due, &[201]).await?;
        let order: Order = serde_json::from_slice(&answer.body).ok()?;
        self.client.record.borrow_mut().add_order(order.id, due);
        if self.one_in(30) {
            self.write(RequestKind::Place, &place, Some(&key), Instant::now(), &[201]).await?;
        }
        if self.one_in(50) {
            let other = Operation::PlaceOrder { lines: with_one_more(&place) };
            self.write(RequestKind::Place, &other, Some(&key), Instant::now(), &[422]).await?;
        }
        let status = self.poll(order.id, order.status).await?;
        (status == Status::AwaitingPayment).then_some(order.id)
    }

    async fn pay(&mut self, order: Uuid, source: &str) -> Option<Status> {
        let due = Instant::now();
        if let Some(placed) = self.client.record.borrow_mut().orders.get_mut(&order) {
            placed.pay_due = Some(due);
        }
        let pay = Operation::PayOrder { order, source: source.to_owned() };
        // 409: the order has expired, or another request of the same visitor was faster.
        self.write(RequestKind::Pay, &pay, Some(&new_key()), due, &[202, 409]).await?;
        self.poll(order, Status::Paying).await
    }

    async fn cancel(&mut self, order: Uuid) -> Option<()> {
        let cancel = Operation::CancelOrder { order };
        self.write(RequestKind::Cancel, &cancel, None, Instant::now(), &[202, 409]).await.map(drop)
    }

    /// Polls an order until it is settled. No metric contains the time that this takes: see [`crate::order_times`].
    async fn poll(&mut self, order: Uuid, mut status: Status) -> Option<Status> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(10);
        while !status.is_settled() && begun.elapsed() < POLL_FOR {
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
            let request = Request::get(format!("/orders/{order}")).bearer(&self.account.token);
            let answer = self.read(RequestKind::Poll, request, Instant::now(), &[200]).await?;
            status = serde_json::from_slice::<Order>(&answer.body).ok()?.status;
        }
        Some(status)
    }

    async fn set_a_price(&mut self, due: Instant) -> Option<()> {
        let set = Operation::SetPrice { product: self.any_product(), amount: self.rng.u64(100..10_000) };
        let staff = self.data.staff.clone();
        let request = set.request(None).bearer(&staff.token);
        let write = Some((staff.id, &set, None));
        let call = Call { kind: RequestKind::SetPrice, request, due, expected: &[200], write };
        self.client.send(call, &mut self.rng).await.map(drop)
    }

    async fn write(
        &mut self,
        kind: RequestKind,
        operation: &Operation,
        key: Option<&str>,
        due: Instant,
        expected: &[u16],
    ) -> Option<Response> {
        let request = operation.request(key).bearer(&self.account.token);
        let write = Some((self.account.id, operation, key));
        self.client.send(Call { kind, request, due, expected, write }, &mut self.rng).await
    }

    /// A request that the journal does not contain.
    async fn read(
        &mut self,
        kind: RequestKind,
        request: Request,
        due: Instant,
        expected: &[u16],
    ) -> Option<Response> {
        self.client.send(Call { kind, request, due, expected, write: None }, &mut self.rng).await
    }

    fn basket(&mut self) -> Vec<Line> {
        let count = self.rng.usize(1..=2);
        let products = self.rng.choose_multiple(self.data.products.iter().copied(), count);
        products.into_iter().map(|product_id| Line { product_id, quantity: self.rng.u32(1..=3) }).collect()
    }

    /// One card in twenty is declined. With one in a hundred the first call to the provider times out, and with another one in
    /// a hundred it fails.
    fn card(&mut self) -> &'static str {
        match self.rng.u8(..100) {
            0..5 => "tok_declined",
            5 => "tok_timeout",
            6 => "tok_flaky",
            _ => "tok_ok",
        }
    }

    fn any_product(&mut self) -> Uuid {
        self.data.products[self.rng.usize(..self.data.products.len())]
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.rng.u32(..many) == 0
    }
}

/// The same lines with one unit more of each: another body for the same key.
fn with_one_more(place: &Operation) -> Vec<Line> {
    let Operation::PlaceOrder { lines } = place else { return Vec::new() };
    lines.iter().map(|line| Line { quantity: line.quantity + 1, ..*line }).collect()
}

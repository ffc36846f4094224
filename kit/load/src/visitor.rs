//! One visitor: what she asks, one question after the other.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use audit::journal::Operation;
use fastrand::Rng;
use serde_json::json;
use shop_client::{
    Answer, Request,
    model::{Line, Order, Status},
    new_key,
};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    asker::{Asker, Question},
    market::{Account, Market, PASSWORD, WORDS},
    mix::Visit,
    record::Kind,
};

/// How long she looks at an order that is not settled before she leaves; the audit will see what becomes of it.
const LOOKS: Duration = Duration::from_secs(30);

pub(crate) struct Visitor {
    pub(crate) asker: Rc<Asker>,
    pub(crate) market: Market,
    pub(crate) account: Account,
    pub(crate) rng: Rng,
}

impl Visitor {
    pub(crate) fn new(asker: Rc<Asker>, market: &Market, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let account = market.accounts[rng.usize(..market.accounts.len())].clone();
        Self { asker, market: market.clone(), account, rng }
    }

    /// Does what she came for. None: she got no answer to something, and left.
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
        self.ask(Kind::Browse, Request::get(path), due, &[200]).await.map(drop)
    }

    async fn log_in(&mut self, due: Instant) -> Option<()> {
        let credentials = json!({ "email": self.account.email, "password": PASSWORD });
        let request = Request::post("/sessions").json(&credentials);
        self.ask(Kind::LogIn, request, due, &[201]).await.map(drop)
    }

    /// Buys one or two products. Some visitors repeat themselves, change their minds, or are declined at first: else the
    /// audit would have nothing to look at.
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

    /// One unit of what everybody wants, and paid at once by who got it.
    async fn flash_buy(&mut self, due: Instant) -> Option<()> {
        let line = Line { product_id: self.market.promotion, quantity: 1 };
        let order = self.place(vec![line], due).await?;
        self.pay(order, "tok_ok").await.map(drop)
    }

    /// Places an order and looks until its stock is held. None also where it was rejected.
    async fn place(&mut self, lines: Vec<Line>, due: Instant) -> Option<Uuid> {
        let place = Operation::PlaceOrder { lines };
        let key = new_key();
        let answer = self.change(Kind::Place, &place, Some(&key), due, &[201]).await?;
        let order: Order = serde_json::from_slice(&answer.body).ok()?;
        self.asker.record.borrow_mut().place(order.id, due);
        if self.one_in(30) {
            self.change(Kind::Place, &place, Some(&key), Instant::now(), &[201]).await?;
        }
        if self.one_in(50) {
            let other = Operation::PlaceOrder { lines: with_one_more(&place) };
            self.change(Kind::Place, &other, Some(&key), Instant::now(), &[422]).await?;
        }
        let status = self.settled(order.id, order.status).await?;
        (status == Status::AwaitingPayment).then_some(order.id)
    }

    async fn pay(&mut self, order: Uuid, source: &str) -> Option<Status> {
        let due = Instant::now();
        if let Some(placed) = self.asker.record.borrow_mut().placed.get_mut(&order) {
            placed.pay_due = Some(due);
        }
        let pay = Operation::PayOrder { order, source: source.to_owned() };
        // 409: it expired, or somebody who repeats herself was quicker.
        self.change(Kind::Pay, &pay, Some(&new_key()), due, &[202, 409]).await?;
        self.settled(order, Status::Paying).await
    }

    async fn cancel(&mut self, order: Uuid) -> Option<()> {
        let cancel = Operation::CancelOrder { order };
        self.change(Kind::Cancel, &cancel, None, Instant::now(), &[202, 409]).await.map(drop)
    }

    /// Looks at an order until it is settled. How long that takes is in no figure: the order's history has the times.
    async fn settled(&mut self, order: Uuid, mut status: Status) -> Option<Status> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(10);
        while !status.is_settled() && begun.elapsed() < LOOKS {
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
            let request = Request::get(format!("/orders/{order}")).bearer(&self.account.token);
            let answer = self.ask(Kind::Look, request, Instant::now(), &[200]).await?;
            status = serde_json::from_slice::<Order>(&answer.body).ok()?.status;
        }
        Some(status)
    }

    async fn set_a_price(&mut self, due: Instant) -> Option<()> {
        let set = Operation::SetPrice { product: self.any_product(), amount: self.rng.u64(100..10_000) };
        let staff = self.market.staff.clone();
        let request = set.request(None).bearer(&staff.token);
        let note = Some((staff.id, &set, None));
        let question = Question { kind: Kind::Price, request, due, wanted: &[200], note };
        self.asker.ask(question, &mut self.rng).await.map(drop)
    }

    /// Asks for something that is written down.
    async fn change(
        &mut self,
        kind: Kind,
        operation: &Operation,
        key: Option<&str>,
        due: Instant,
        wanted: &[u16],
    ) -> Option<Answer> {
        let request = operation.request(key).bearer(&self.account.token);
        let note = Some((self.account.id, operation, key));
        self.asker.ask(Question { kind, request, due, wanted, note }, &mut self.rng).await
    }

    async fn ask(&mut self, kind: Kind, request: Request, due: Instant, wanted: &[u16]) -> Option<Answer> {
        self.asker.ask(Question { kind, request, due, wanted, note: None }, &mut self.rng).await
    }

    fn basket(&mut self) -> Vec<Line> {
        let count = self.rng.usize(1..=2);
        let products = self.rng.choose_multiple(self.market.products.iter().copied(), count);
        products.into_iter().map(|product_id| Line { product_id, quantity: self.rng.u32(1..=3) }).collect()
    }

    /// One in twenty is declined, one in a hundred has the provider answer at its second attempt, or at its third.
    fn card(&mut self) -> &'static str {
        match self.rng.u8(..100) {
            0..5 => "tok_declined",
            5 => "tok_timeout",
            6 => "tok_flaky",
            _ => "tok_ok",
        }
    }

    fn any_product(&mut self) -> Uuid {
        self.market.products[self.rng.usize(..self.market.products.len())]
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

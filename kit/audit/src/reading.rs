//! Takes the snapshot: through the shop's API as staff, from the provider's ledger, from the streams, and by the stage's own
//! queries.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use shop_client::{
    Caller, Request, Shop,
    model::{Order, Page},
};
use stage::Status;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    Journal, Report, Snapshot, invariants, messages,
    questions::Questions,
    snapshot::{Charge, Stock},
};

/// How long a shop may take to come to rest.
pub const SETTLE: Duration = Duration::from_secs(10);

/// What has to hold at every moment that a reader can see: no later look mends it.
const ALWAYS: &str = "stock-conserved";
/// Pages as large as the contract allows.
const PAGE: u32 = 100;
/// Stock ledgers read at once.
const IN_FLIGHT: usize = 16;

/// Audits a running stage, against a journal if there is one.
///
/// What is on its way may still be wrong: a shop that is not at rest, or not right yet, is looked at again until
/// [`SETTLE`] has passed. The last look counts, but for stock that does not add up: that never may be seen.
///
/// # Errors
/// The shop could not be asked: it does not answer, or it answers nonsense.
pub async fn audit(stage: &Status, journal: Option<Journal>) -> Result<Report> {
    let shop = Shop::new(&stage.routes)?.patient(SETTLE);
    let staff = shop.log_in(&stage.staff.email, &stage.staff.password).await;
    let staff = staff.context("cannot log in as staff: is every process of the stage up (`just status`)?")?;
    let questions = Questions::of(stage)?;
    let started = Instant::now();
    let mut snapshot = take(stage, &staff, &questions, journal).await?;
    loop {
        let waited = started.elapsed();
        let report = report(&snapshot, waited);
        let broken = report.broken();
        if broken.is_empty() || broken.contains(&ALWAYS) || waited > SETTLE {
            return Ok(report);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        snapshot = take(stage, &staff, &questions, snapshot.journal).await?;
    }
}

/// What of a stage's messages is not where it is to go: what its own queries find, and consumers that are not done.
/// It reads no order, so it can be asked often.
///
/// # Errors
/// A database or NATS cannot be asked.
pub async fn waiting(stage: &Status) -> Result<Vec<String>> {
    let questions = Questions::of(stage)?;
    let mut waiting = questions.ask(stage).await?.remove("at-rest").unwrap_or_default();
    if let Some(nats) = &stage.nats {
        let messages = Box::pin(messages::read(&nats.url, questions.dead_letters.as_deref())).await?;
        let late = messages.consumers.iter().filter(|consumer| !consumer.is_done());
        waiting.extend(late.map(ToString::to_string));
    }
    Ok(waiting)
}

fn report(snapshot: &Snapshot, waited: Duration) -> Report {
    Report {
        orders: snapshot.orders.len(),
        products: snapshot.stock.len(),
        charges: snapshot.charges.as_ref().ok().map(Vec::len),
        redeliveries: match &snapshot.messages {
            Some(Ok(messages)) => Some(messages.redeliveries),
            _ => None,
        },
        waited_ms: waited.as_millis(),
        findings: invariants::judge(snapshot),
    }
}

async fn take(
    stage: &Status,
    staff: &Caller,
    questions: &Questions,
    journal: Option<Journal>,
) -> Result<Snapshot> {
    let before = orders(staff).await?;
    let stock = stock(staff).await?;
    let charges = charges(stage).await.map_err(|error| format!("{error:#}"));
    let orders = orders(staff).await?;
    let seen: HashSet<_> = before.iter().map(|order| (order.id, order.history.len())).collect();
    let changed = orders.iter().filter(|order| !seen.contains(&(order.id, order.history.len()))).count();
    let messages = match &stage.nats {
        // Boxed, for a connection to NATS would make every future that audits a large one.
        Some(nats) => Some(Box::pin(messages::read(&nats.url, questions.dead_letters.as_deref())).await),
        None => None,
    };
    Ok(Snapshot {
        orders,
        stock,
        charges,
        journal,
        changed,
        messages: messages.map(|read| read.map_err(|error| format!("{error:#}"))),
        answers: questions.ask(stage).await?,
    })
}

async fn orders(staff: &Caller) -> Result<Vec<Order>> {
    every(async |cursor| Ok(staff.all_orders(Some(PAGE), cursor).await?.value))
        .await
        .context("cannot read the orders")
}

/// All a product is to the audit; whatever else a broken shop says of it must not end the reading.
#[derive(Deserialize)]
struct ProductId {
    id: Uuid,
}

async fn stock(staff: &Caller) -> Result<Vec<Stock>> {
    let page = async |cursor: Option<&str>| {
        let request = Request::get("/products").query("limit", Some(PAGE)).query("cursor", cursor);
        read::<Page<ProductId>>(staff, request).await
    };
    let products = every(page).await.context("cannot read the products")?;
    let mut stock = Vec::with_capacity(products.len());
    let mut reads = JoinSet::new();
    for ProductId { id } in products {
        if reads.len() >= IN_FLIGHT
            && let Some(ledger) = reads.join_next().await
        {
            stock.push(ledger??);
        }
        let staff = staff.clone();
        reads.spawn(async move { read(&staff, Request::get(format!("/products/{id}/stock"))).await });
    }
    while let Some(ledger) = reads.join_next().await {
        stock.push(ledger??);
    }
    Ok(stock)
}

async fn read<T: DeserializeOwned>(staff: &Caller, request: Request) -> Result<T> {
    let asked = format!("{} {}", request.method, request.path);
    let answer = staff.send(request).await?;
    ensure!(answer.status.is_success(), "{asked} was answered {}", answer.status);
    serde_json::from_slice(&answer.body).with_context(|| format!("the answer to {asked} makes no sense"))
}

/// Reads a list to its end.
async fn every<T>(page: impl AsyncFn(Option<&str>) -> Result<Page<T>>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = page(cursor.as_deref()).await?;
        all.extend(page.items);
        match page.next_cursor {
            None => return Ok(all),
            next => cursor = next,
        }
    }
}

#[derive(Deserialize)]
struct Ledger {
    charges: Vec<Charge>,
}

async fn charges(stage: &Status) -> Result<Vec<Charge>> {
    let payments = stage.payments.as_ref().context("the stage has no payment provider")?;
    let url = format!("{}/v1/ledger", payments.url);
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
    let answer = http.get(&url).send().await.and_then(reqwest::Response::error_for_status);
    let ledger: Ledger = answer.context("the payment provider's ledger cannot be read")?.json().await?;
    Ok(ledger.charges)
}

//! Takes the snapshot of a running stage: from the API as staff, the ledger of the payment provider, the streams of NATS
//! and the queries of the stage.

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
    queries::Queries,
    snapshot::{Charge, Stock},
};

/// How long a shop may take to settle all orders and deliver all messages.
pub const SETTLE: Duration = Duration::from_secs(10);

/// The invariant that must hold at every moment, so a later snapshot cannot excuse a violation.
const ALWAYS: &str = "stock-conserved";
/// The largest page that the contract allows.
const PAGE: u32 = 100;
/// The number of stock ledgers that are read concurrently.
const MAX_IN_FLIGHT: usize = 16;

/// Audits a running stage. Some invariants need a journal of the requests that were sent to it.
///
/// Orders and messages may still be in progress. If an invariant is broken, the audit takes another snapshot, until
/// [`SETTLE`] has passed; the last snapshot decides. The exception is stock that does not add up, which is a violation
/// at any moment.
///
/// # Errors
/// The shop does not respond, or a response cannot be parsed.
pub async fn audit(stage: &Status, journal: Option<Journal>) -> Result<Report> {
    let shop = Shop::new(&stage.routes)?.with_retries(SETTLE);
    let staff = shop.log_in(&stage.staff.email, &stage.staff.password).await;
    let staff =
        staff.context("cannot log in as staff: is every process of the stage running (`just status`)?")?;
    let queries = Queries::load(stage)?;
    let started = Instant::now();
    let mut snapshot = take_snapshot(stage, &staff, &queries, journal).await?;
    loop {
        let waited = started.elapsed();
        let report = report(&snapshot, waited);
        let broken = report.broken();
        if broken.is_empty() || broken.contains(&ALWAYS) || waited > SETTLE {
            return Ok(report);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        snapshot = take_snapshot(stage, &staff, &queries, snapshot.journal).await?;
    }
}

/// Lists the messages of a stage that are still in transit: what its own queries for `at-rest` find, and consumers that
/// are behind. It reads no orders, so a caller can poll it.
///
/// # Errors
/// A database or NATS cannot be read.
pub async fn waiting(stage: &Status) -> Result<Vec<String>> {
    let queries = Queries::load(stage)?;
    let mut waiting = queries.run(stage).await?.remove("at-rest").unwrap_or_default();
    if let Some(nats) = &stage.nats {
        let messages = Box::pin(messages::read(&nats.url, queries.dead_letters.as_deref())).await?;
        let behind = messages.consumers.iter().filter(|consumer| !consumer.is_caught_up());
        waiting.extend(behind.map(ToString::to_string));
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
        findings: invariants::check_all(snapshot),
    }
}

async fn take_snapshot(
    stage: &Status,
    staff: &Caller,
    queries: &Queries,
    journal: Option<Journal>,
) -> Result<Snapshot> {
    let before = orders(staff).await?;
    let stock = stock(staff).await?;
    let charges = charges(stage).await.map_err(|error| format!("{error:#}"));
    let orders = orders(staff).await?;
    let seen: HashSet<_> = before.iter().map(|order| (order.id, order.history.len())).collect();
    let changed = orders.iter().filter(|order| !seen.contains(&(order.id, order.history.len()))).count();
    let messages = match &stage.nats {
        // Boxed, because the future of a NATS connection is large and would enlarge every future that contains it.
        Some(nats) => Some(Box::pin(messages::read(&nats.url, queries.dead_letters.as_deref())).await),
        None => None,
    };
    Ok(Snapshot {
        orders,
        stock,
        charges,
        journal,
        changed,
        messages: messages.map(|read| read.map_err(|error| format!("{error:#}"))),
        query_results: queries.run(stage).await?,
    })
}

async fn orders(staff: &Caller) -> Result<Vec<Order>> {
    read_all(async |cursor| Ok(staff.all_orders(Some(PAGE), cursor).await?.value))
        .await
        .context("cannot read the orders")
}

/// The only field of a product that the audit needs. Other fields may be invalid in a broken shop and must not stop the
/// audit.
#[derive(Deserialize)]
struct ProductId {
    id: Uuid,
}

async fn stock(staff: &Caller) -> Result<Vec<Stock>> {
    let page = async |cursor: Option<&str>| {
        let request = Request::get("/products").query("limit", Some(PAGE)).query("cursor", cursor);
        read::<Page<ProductId>>(staff, request).await
    };
    let products = read_all(page).await.context("cannot read the products")?;
    let mut stock = Vec::with_capacity(products.len());
    let mut reads = JoinSet::new();
    for ProductId { id } in products {
        if reads.len() >= MAX_IN_FLIGHT
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
    let operation = format!("{} {}", request.method, request.path);
    let response = staff.send(request).await?;
    ensure!(response.status.is_success(), "{operation} returned {}", response.status);
    serde_json::from_slice(&response.body)
        .with_context(|| format!("cannot parse the response to {operation}"))
}

/// Reads all pages of a list.
async fn read_all<T>(page: impl AsyncFn(Option<&str>) -> Result<Page<T>>) -> Result<Vec<T>> {
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
    let response = http.get(&url).send().await.and_then(reqwest::Response::error_for_status);
    let ledger: Ledger = response.context("cannot read the ledger of the payment provider")?.json().await?;
    Ok(ledger.charges)
}

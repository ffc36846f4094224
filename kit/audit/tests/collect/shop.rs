//! A fake shop and payment provider with the endpoints that an audit reads. A page contains two items.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Path, Query},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use stage::{
    Status,
    status::{Address, Staff},
};
use tokio::net::TcpListener;
use uuid::Uuid;

pub(crate) struct FakeShop {
    /// The orders that each snapshot reads, in turn. The last entry is repeated.
    pub(crate) orders: Vec<Vec<Value>>,
    /// The stock ledger of each of the three products.
    pub(crate) stock: Value,
    pub(crate) ledger: Value,
}

impl Default for FakeShop {
    fn default() -> Self {
        Self {
            orders: vec![vec![]],
            stock: json!({ "received": 1, "available": 1, "held": 0, "sold": 0 }),
            ledger: json!({ "charges": [] }),
        }
    }
}

#[derive(Deserialize)]
struct From {
    cursor: Option<usize>,
}

impl FakeShop {
    /// Serves the fake shop on a free port until the runtime of the test ends.
    pub(crate) async fn serve(self) -> Status {
        let Self { orders, stock, ledger } = self;
        let readings = Arc::new(AtomicUsize::new(0));
        let list_orders = async move |Query(From { cursor }): Query<From>| {
            let started = usize::from(cursor.is_none());
            let reading = readings.fetch_add(started, Ordering::Relaxed) + started - 1;
            page(&orders[reading.min(orders.len() - 1)], cursor)
        };
        let list_products = async |Query(From { cursor }): Query<From>| {
            let products: Vec<_> = (1..=3).map(|n| json!({ "id": Uuid::from_u128(n) })).collect();
            page(&products, cursor)
        };
        let read_stock = async move |Path(id): Path<Uuid>| {
            let mut stock = stock.clone();
            stock["product_id"] = json!(id);
            Json(stock)
        };
        let session = json!({ "token": "t", "token_type": "Bearer", "expires_at": "2030-01-01T00:00:00Z" });
        let app = Router::new()
            .route("/sessions", post(async move || Json(session)))
            .route("/orders", get(list_orders))
            .route("/products", get(list_products))
            .route("/products/{id}/stock", get(read_stock))
            .route("/v1/ledger", get(async move || Json(ledger)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        status(url)
    }
}

fn page(items: &[Value], cursor: Option<usize>) -> Json<Value> {
    let from = cursor.unwrap_or(0);
    let to = items.len().min(from + 2);
    let next = (to < items.len()).then(|| to.to_string());
    Json(json!({ "items": items[from..to], "next_cursor": next }))
}

fn status(url: String) -> Status {
    Status {
        chapter: 1,
        routes: BTreeMap::from([("/".to_owned(), url.clone())]),
        balancers: BTreeMap::new(),
        staff: Staff { email: "staff@shop.example".to_owned(), password: "secret".to_owned() },
        payments: Some(Address { url }),
        nats: None,
        workspace: PathBuf::new(),
        processes: vec![],
        databases: vec![],
        settings: BTreeMap::new(),
    }
}

/// An order without lines that took the shortest path to its status.
pub(crate) fn order(n: u128, status: &str) -> Value {
    let path = if status == "paying" {
        vec!["pending", "awaiting_payment", "paying"]
    } else {
        vec!["pending", status]
    };
    let at = "2026-01-01T00:00:00Z";
    let steps: Vec<_> = path.iter().map(|status| json!({ "status": status, "at": at })).collect();
    let nothing = json!({ "amount": 0, "currency": "EUR" });
    json!({
        "id": Uuid::from_u128(n),
        "customer_id": Uuid::from_u128(99),
        "customer_name": null,
        "status": status,
        "reason": (status == "cancelled").then_some("customer_request"),
        "items": [],
        "total": null,
        "payment": { "captured": nothing, "refunded": nothing, "decline_code": null },
        "history": steps,
        "created_at": at,
        "expires_at": null,
    })
}

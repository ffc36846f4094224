//! How the audit reads a running shop: all pages, invalid values too, and again until the shop has settled.

#![expect(clippy::unwrap_used, reason = "clippy allows it in tests, not in their harness")]

mod nats;
mod retention;
mod shop;
mod streams;

use audit::{Verdict, audit};
use serde_json::{Value, json};
use shop::{FakeShop, order};

#[tokio::test]
async fn every_page_of_orders_and_products_is_read() {
    let shop =
        FakeShop { orders: vec![(1..=5).map(|n| order(n, "cancelled")).collect()], ..FakeShop::default() };
    let report = audit(&shop.serve().await, None).await.unwrap();
    assert_eq!((report.orders, report.products, report.charges), (5, 3, Some(0)));
    assert_eq!(report.broken(), [] as [&str; 0]);
}

#[tokio::test]
async fn negative_stock_can_be_read_and_is_reported() {
    let stock = json!({ "received": 2, "available": -1, "held": 0, "sold": 3 });
    let shop = FakeShop { stock, ..FakeShop::default() };
    let report = audit(&shop.serve().await, None).await.unwrap();
    assert!(report.broken().contains(&"stock-conserved"), "{report}");
    assert!(report.broken().contains(&"no-oversell"), "{report}");
}

#[tokio::test]
async fn the_audit_waits_until_the_shop_has_settled() {
    let (paying, cancelled) = (vec![order(1, "paying")], vec![order(1, "cancelled")]);
    let orders = vec![paying.clone(), paying.clone(), paying, cancelled.clone(), cancelled];
    let shop = FakeShop { orders, ..FakeShop::default() };
    let report = audit(&shop.serve().await, None).await.unwrap();
    assert_eq!(report.broken(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_makes_its_invariants_not_checkable() {
    let shop = FakeShop { ledger: Value::Null, ..FakeShop::default() };
    let report = audit(&shop.serve().await, None).await.unwrap();
    let money = report.findings.iter().find(|finding| finding.invariant == "money-matches").unwrap();
    assert!(matches!(money.verdict, Verdict::NotCheckable { .. }));
    assert_eq!(report.charges, None);
}

#[tokio::test]
async fn the_audit_fails_if_the_shop_does_not_respond() {
    let mut stage = FakeShop::default().serve().await;
    stage.routes.insert("/".to_owned(), "http://127.0.0.1:1".to_owned());
    let error = audit(&stage, None).await.unwrap_err();
    assert!(error.to_string().contains("log in as staff"), "{error:#}");
}

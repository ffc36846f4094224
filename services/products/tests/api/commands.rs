//! What orders ask of the stock: twice, late, too early and wrongly.

use chassis::inbox::Outcome;
use contracts::{
    Command::{Release, Sell},
    Event,
    money::Money,
    stock::{HeldLine, ProductId, Refused},
};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Products, asked, hold};

fn mug() -> HeldLine {
    HeldLine { name: "Mug".into(), unit_price: Money::cents(1250) }
}

#[tokio::test]
async fn what_is_held_is_sold_and_what_is_sold_is_given_back() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    let held = products.ask(order, hold(&[(mug, 2)])).await;
    assert_eq!(held, Event::StockHeld { lines: vec![self::mug()] });
    assert_eq!(products.stock(mug).await, [5, 3, 2, 0]);
    assert_eq!(products.ask(order, Sell).await, Event::StockSold);
    assert_eq!(products.stock(mug).await, [5, 3, 0, 2]);
    assert_eq!(products.ask(order, Release).await, Event::StockReleased);
    assert_eq!(products.stock(mug).await, [5, 5, 0, 0]);
}

/// Twice by the stream, which is the same message; and twice by orders, which is another and wants an answer.
#[tokio::test]
async fn each_command_may_come_twice() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    let steps = [
        (hold(&[(mug, 2)]), [5, 3, 2, 0], Event::StockHeld { lines: vec![self::mug()] }),
        (Sell, [5, 3, 0, 2], Event::StockSold),
        (Release, [5, 5, 0, 0], Event::StockReleased),
    ];
    let mut told = 0;
    for (command, stock, event) in steps {
        let message = asked(order, command.clone());
        assert!(matches!(products.instance.handle(&message).await, Outcome::Done));
        assert!(matches!(products.instance.handle(&message).await, Outcome::Repeated));
        assert_eq!(products.instance.told(order).await.len(), told + 1, "who redelivers is not answered");
        assert_eq!(products.ask(order, command).await, event, "who asks again is");
        assert_eq!(products.stock(mug).await, stock);
        told += 2;
    }
    let versions: Vec<_> =
        products.instance.told(order).await.iter().map(|told| told.aggregate_version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6], "each answer is younger than the one before");
}

#[tokio::test]
async fn a_hold_that_comes_after_its_release_does_nothing() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    assert_eq!(products.ask(order, Release).await, Event::StockReleased);
    assert_eq!(products.ask(order, hold(&[(mug, 2)])).await, Event::StockReleased);
    assert_eq!(products.stock(mug).await, [5, 5, 0, 0]);

    let other = Uuid::now_v7();
    products.ask(other, hold(&[(mug, 2)])).await;
    products.ask(other, Release).await;
    assert_eq!(
        products.ask(other, hold(&[(mug, 2)])).await,
        Event::StockReleased,
        "also where it had been held"
    );
    assert_eq!(products.stock(mug).await, [5, 5, 0, 0]);
}

#[tokio::test]
async fn a_hold_that_comes_after_its_sale_is_told_that_it_is_sold() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    products.ask(order, hold(&[(mug, 2)])).await;
    products.ask(order, Sell).await;
    assert_eq!(products.ask(order, hold(&[(mug, 2)])).await, Event::StockSold);
    assert_eq!(products.stock(mug).await, [5, 3, 0, 2]);
}

#[tokio::test]
async fn a_sale_that_comes_after_its_release_does_nothing() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    products.ask(order, hold(&[(mug, 2)])).await;
    products.ask(order, Release).await;
    assert_eq!(products.ask(order, Sell).await, Event::StockReleased);
    assert_eq!(products.stock(mug).await, [5, 5, 0, 0]);
}

#[tokio::test]
async fn what_is_not_held_cannot_be_sold() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 1).await, Uuid::now_v7());
    assert_eq!(products.refuse(order, Sell).await, format!("nothing is held for the order {order}"));
    products.ask(order, hold(&[(mug, 2)])).await;
    assert_eq!(products.refuse(order, Sell).await, format!("nothing is held for the order {order}"));
    assert_eq!(products.stock(mug).await, [1, 1, 0, 0]);
}

#[tokio::test]
async fn a_refusal_is_remembered_also_when_there_is_enough_later() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 1).await, Uuid::now_v7());
    let refused = Event::StockRefused { reason: Refused::OutOfStock };
    assert_eq!(products.ask(order, hold(&[(mug, 2)])).await, refused);
    products.post(&format!("/products/{}/restocks", mug.0), json!({"quantity": 9})).await;
    assert_eq!(products.ask(order, hold(&[(mug, 2)])).await, refused);
    assert_eq!(products.ask(order, Release).await, Event::StockReleased);
    assert_eq!(products.stock(mug).await, [10, 10, 0, 0]);
}

#[tokio::test]
async fn of_fifty_lines_all_are_held_or_none() {
    let products = Products::open().await;
    let mut lines = Vec::new();
    for n in 0..50 {
        lines.push((products.product(&format!("Product {n}"), 100 + n, 3).await, 2));
    }
    let Event::StockHeld { lines: held } = products.ask(Uuid::now_v7(), hold(&lines)).await else { panic!() };
    let prices: Vec<_> = held.iter().map(|line| line.unit_price.amount).collect();
    assert_eq!(prices, (100..150).collect::<Vec<_>>(), "in the order of the command");

    for at in [0, 25, 49] {
        let mut lines: Vec<_> = lines.iter().map(|(product, _)| (*product, 1)).collect();
        lines[at].1 = 2;
        let refused = products.ask(Uuid::now_v7(), hold(&lines)).await;
        assert_eq!(refused, Event::StockRefused { reason: Refused::OutOfStock });
        lines[at] = (ProductId(Uuid::now_v7()), 1);
        let refused = products.ask(Uuid::now_v7(), hold(&lines)).await;
        assert_eq!(refused, Event::StockRefused { reason: Refused::UnknownProduct });
    }
    for (product, _) in lines {
        assert_eq!(products.stock(product).await, [3, 1, 2, 0]);
    }
}

/// Orders do not ask so, and the ledger must add up whatever is asked.
#[tokio::test]
async fn a_product_that_stands_twice_in_an_order_is_held_sold_and_given_back_twice() {
    let products = Products::open().await;
    let mug = products.product("Mug", 1250, 9).await;
    for (ask, stock) in [(Sell, [9, 4, 0, 5]), (Release, [9, 9, 0, 0])] {
        let order = Uuid::now_v7();
        products.ask(order, hold(&[(mug, 2), (mug, 3)])).await;
        assert_eq!(products.stock(mug).await, [9, 4, 5, 0]);
        products.ask(order, ask).await;
        assert_eq!(products.stock(mug).await, stock);
        products.ask(order, Release).await;
        assert_eq!(products.stock(mug).await, [9, 9, 0, 0]);
    }
    let refused = products.ask(Uuid::now_v7(), hold(&[(mug, 5), (mug, 5)])).await;
    assert_eq!(refused, Event::StockRefused { reason: Refused::OutOfStock });
    assert_eq!(products.stock(mug).await, [9, 9, 0, 0]);
}

#[tokio::test]
async fn a_line_is_called_and_costs_what_it_did_when_it_was_held() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    let held = products.ask(order, hold(&[(mug, 2)])).await;
    products.patch(mug, json!({"name": "Beaker", "price": {"amount": 9900, "currency": "EUR"}})).await;
    assert_eq!(products.ask(order, hold(&[(mug, 2)])).await, held);
    let Event::StockHeld { lines } = products.ask(Uuid::now_v7(), hold(&[(mug, 2)])).await else { panic!() };
    assert_eq!(lines, [HeldLine { name: "Beaker".into(), unit_price: Money::cents(9900) }]);
}

//! Commands: repeated, late, early and invalid.

use chassis::inbox::Outcome;
use contracts::{
    Command::{Release, Sell},
    Event,
    money::Money,
    stock::{HeldLine, ProductId, Refused},
};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Products, hold, in_envelope};

fn mug() -> HeldLine {
    HeldLine { name: "Mug".into(), unit_price: Money::cents(1250) }
}

#[tokio::test]
async fn held_stock_is_sold_and_sold_stock_is_released() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    let held = products.execute(order, hold(&[(mug, 2)])).await;
    assert_eq!(held, Event::StockHeld { lines: vec![self::mug()] });
    assert_eq!(products.stock(mug).await, [5, 3, 2, 0]);
    assert_eq!(products.execute(order, Sell).await, Event::StockSold);
    assert_eq!(products.stock(mug).await, [5, 3, 0, 2]);
    assert_eq!(products.execute(order, Release).await, Event::StockReleased);
    assert_eq!(products.stock(mug).await, [5, 5, 0, 0]);
}

/// The stream can deliver a message twice: the second delivery is skipped. Orders can send a command twice, in two
/// messages: each gets a reply.
#[tokio::test]
async fn a_repeated_command_has_one_effect_and_gets_the_same_reply() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    let steps = [
        (hold(&[(mug, 2)]), [5, 3, 2, 0], Event::StockHeld { lines: vec![self::mug()] }),
        (Sell, [5, 3, 0, 2], Event::StockSold),
        (Release, [5, 5, 0, 0], Event::StockReleased),
    ];
    let mut replies = 0;
    for (command, stock, event) in steps {
        let message = in_envelope(order, command.clone());
        assert!(matches!(products.instance.handle(&message).await, Outcome::Done));
        assert!(matches!(products.instance.handle(&message).await, Outcome::Duplicate));
        assert_eq!(products.instance.events_of(order).await.len(), replies + 1, "a duplicate gets no reply");
        assert_eq!(products.execute(order, command).await, event, "a retry gets a reply");
        assert_eq!(products.stock(mug).await, stock);
        replies += 2;
    }
    let versions: Vec<_> =
        products.instance.events_of(order).await.iter().map(|event| event.aggregate_version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6], "each reply is a new version");
}

#[tokio::test]
async fn a_hold_after_its_release_does_nothing() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    assert_eq!(products.execute(order, Release).await, Event::StockReleased);
    assert_eq!(products.execute(order, hold(&[(mug, 2)])).await, Event::StockReleased);
    assert_eq!(products.stock(mug).await, [5, 5, 0, 0]);

    let other = Uuid::now_v7();
    products.execute(other, hold(&[(mug, 2)])).await;
    products.execute(other, Release).await;
    assert_eq!(
        products.execute(other, hold(&[(mug, 2)])).await,
        Event::StockReleased,
        "also if the stock was held before"
    );
    assert_eq!(products.stock(mug).await, [5, 5, 0, 0]);
}

#[tokio::test]
async fn a_hold_after_its_sale_is_answered_with_the_sale() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    products.execute(order, hold(&[(mug, 2)])).await;
    products.execute(order, Sell).await;
    assert_eq!(products.execute(order, hold(&[(mug, 2)])).await, Event::StockSold);
    assert_eq!(products.stock(mug).await, [5, 3, 0, 2]);
}

#[tokio::test]
async fn a_sale_after_its_release_does_nothing() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    products.execute(order, hold(&[(mug, 2)])).await;
    products.execute(order, Release).await;
    assert_eq!(products.execute(order, Sell).await, Event::StockReleased);
    assert_eq!(products.stock(mug).await, [5, 5, 0, 0]);
}

#[tokio::test]
async fn stock_that_is_not_held_cannot_be_sold() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 1).await, Uuid::now_v7());
    assert_eq!(products.rejection(order, Sell).await, format!("nothing is held for the order {order}"));
    products.execute(order, hold(&[(mug, 2)])).await;
    assert_eq!(products.rejection(order, Sell).await, format!("nothing is held for the order {order}"));
    assert_eq!(products.stock(mug).await, [1, 1, 0, 0]);
}

#[tokio::test]
async fn a_refusal_is_final_even_when_stock_arrives_later() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 1).await, Uuid::now_v7());
    let refused = Event::StockRefused { reason: Refused::OutOfStock };
    assert_eq!(products.execute(order, hold(&[(mug, 2)])).await, refused);
    products.post(&format!("/products/{}/restocks", mug.0), json!({"quantity": 9})).await;
    assert_eq!(products.execute(order, hold(&[(mug, 2)])).await, refused);
    assert_eq!(products.execute(order, Release).await, Event::StockReleased);
    assert_eq!(products.stock(mug).await, [10, 10, 0, 0]);
}

#[tokio::test]
async fn all_fifty_lines_are_held_or_none() {
    let products = Products::open().await;
    let mut lines = Vec::new();
    for n in 0..50 {
        lines.push((products.product(&format!("Product {n}"), 100 + n, 3).await, 2));
    }
    let Event::StockHeld { lines: held } = products.execute(Uuid::now_v7(), hold(&lines)).await else {
        panic!()
    };
    let prices: Vec<_> = held.iter().map(|line| line.unit_price.amount).collect();
    assert_eq!(prices, (100..150).collect::<Vec<_>>(), "in the order of the command");

    for at in [0, 25, 49] {
        let mut lines: Vec<_> = lines.iter().map(|(product, _)| (*product, 1)).collect();
        lines[at].1 = 2;
        let refused = products.execute(Uuid::now_v7(), hold(&lines)).await;
        assert_eq!(refused, Event::StockRefused { reason: Refused::OutOfStock });
        lines[at] = (ProductId(Uuid::now_v7()), 1);
        let refused = products.execute(Uuid::now_v7(), hold(&lines)).await;
        assert_eq!(refused, Event::StockRefused { reason: Refused::UnknownProduct });
    }
    for (product, _) in lines {
        assert_eq!(products.stock(product).await, [3, 1, 2, 0]);
    }
}

/// Orders never sends this, but the ledger must add up whatever the command.
#[tokio::test]
async fn a_product_that_occurs_twice_in_an_order_is_held_sold_and_released_twice() {
    let products = Products::open().await;
    let mug = products.product("Mug", 1250, 9).await;
    for (last, stock) in [(Sell, [9, 4, 0, 5]), (Release, [9, 9, 0, 0])] {
        let order = Uuid::now_v7();
        products.execute(order, hold(&[(mug, 2), (mug, 3)])).await;
        assert_eq!(products.stock(mug).await, [9, 4, 5, 0]);
        products.execute(order, last).await;
        assert_eq!(products.stock(mug).await, stock);
        products.execute(order, Release).await;
        assert_eq!(products.stock(mug).await, [9, 9, 0, 0]);
    }
    let refused = products.execute(Uuid::now_v7(), hold(&[(mug, 5), (mug, 5)])).await;
    assert_eq!(refused, Event::StockRefused { reason: Refused::OutOfStock });
    assert_eq!(products.stock(mug).await, [9, 9, 0, 0]);
}

#[tokio::test]
async fn a_line_keeps_the_name_and_price_of_when_it_was_held() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 1250, 5).await, Uuid::now_v7());
    let held = products.execute(order, hold(&[(mug, 2)])).await;
    products.patch(mug, json!({"name": "Beaker", "price": {"amount": 9900, "currency": "EUR"}})).await;
    assert_eq!(products.execute(order, hold(&[(mug, 2)])).await, held);
    let Event::StockHeld { lines } = products.execute(Uuid::now_v7(), hold(&[(mug, 2)])).await else {
        panic!()
    };
    assert_eq!(lines, [HeldLine { name: "Beaker".into(), unit_price: Money::cents(9900) }]);
}

#[tokio::test]
async fn a_reply_has_the_correlation_id_of_its_command() {
    let products = Products::open().await;
    let mug = products.product("Mug", 1250, 5).await;
    for correlation_id in [Some("request-1".to_owned()), None] {
        let order = Uuid::now_v7();
        let mut command = in_envelope(order, hold(&[(mug, 1)]));
        command.correlation_id.clone_from(&correlation_id);
        assert!(matches!(products.instance.handle(&command).await, Outcome::Done));
        let [reply] = products.instance.events_of(order).await.try_into().unwrap();
        assert_eq!(reply.correlation_id, correlation_id);
    }
}

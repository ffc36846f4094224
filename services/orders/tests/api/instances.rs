//! Several instances on one database: what each of them would do is done once.

use std::time::Duration;

use contracts::Command;
use futures::future::join_all;
use http::StatusCode;
use testbed::until;

use crate::{
    harness::{Background, Orders, held, history},
    paying::{answers_to_charges, asked, succeeded, too_late},
};

async fn three(settings: &[&str]) -> Orders {
    let mut orders = Orders::open_with(settings).await;
    for _ in 0..2 {
        orders.start(settings, Background::All).await;
    }
    orders
}

#[tokio::test]
async fn one_payment_is_asked_once() {
    let orders = three(&[]).await;
    answers_to_charges(&orders, vec![succeeded()]).await;
    let order = orders.place_and_hold().await;
    let paid = join_all((0..9).map(|_| orders.pay(order))).await;
    assert_eq!(paid.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count(), 1);
    orders.until(order, "paid").await;
    assert_eq!(asked(&orders).await.len(), 1);
    let [_hold, sell] = orders.until_asked(order, 2).await.try_into().unwrap();
    assert_eq!(sell.message, Command::Sell);
}

/// Every instance finds that the ask is due; while one of them asks, no other does.
#[tokio::test]
async fn what_is_due_again_is_asked_by_one_of_them() {
    let orders = three(&["--payment-timeout", "1s"]).await;
    answers_to_charges(&orders, vec![too_late(succeeded()), too_late(succeeded()), succeeded()]).await;
    let order = orders.place_and_hold().await;
    orders.pay(order).await;
    orders.until(order, "paid").await;
    let asked = asked(&orders).await;
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|ask| *ask == asked[0]), "{asked:?}");
}

#[tokio::test]
async fn what_expires_expires_once() {
    let orders = three(&["--order-ttl", "300ms"]).await;
    let mut placed = Vec::new();
    for _ in 0..10 {
        placed.push(orders.place().await);
    }
    for order in &placed {
        orders.tell(*order, held()).await;
    }
    for order in placed {
        let expired = orders.until(order, "cancelled").await;
        assert_eq!(history(&expired), ["pending", "awaiting_payment", "cancelled"]);
        orders.until_asked(order, 2).await;
    }
    until("the outbox to be empty", async || {
        (orders.number("select count(*) from outbox").await == 0).then_some(())
    })
    .await;
    assert_eq!(orders.stored(contracts::stream::COMMANDS).await.len(), 20, "a hold and a release each");
}

#[tokio::test]
async fn what_times_out_is_asked_again_once_and_given_up_once() {
    let orders = three(&["--stock-timeout", "1s"]).await;
    let placed = join_all((0..10).map(|_| orders.place())).await;
    // While somebody else writes, all three find that the time is over, and none can do anything about it yet.
    let mut writer = orders.sqlite().await;
    sqlx::query("begin immediate").execute(&mut writer).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    sqlx::query("rollback").execute(&mut writer).await.unwrap();
    for order in placed {
        let cancelled = orders.until(order, "cancelled").await;
        assert_eq!(cancelled["reason"], "timed_out");
        let asked = orders.until_asked(order, 3).await;
        let holds = asked.iter().filter(|ask| matches!(ask.message, Command::Hold { .. })).count();
        assert_eq!(holds, 2, "{asked:?}");
    }
}

#[tokio::test]
async fn an_event_that_one_heard_is_heard_for_all() {
    let orders = three(&[]).await;
    let placed = join_all((0..20).map(|_| orders.place())).await;
    for order in &placed {
        orders.tell(*order, held()).await;
        orders.tell(*order, held()).await;
    }
    orders.until_heard().await;
    for order in placed {
        assert_eq!(history(&orders.read(order).await), ["pending", "awaiting_payment"]);
    }
    assert_eq!(orders.number("select count(*) from inbox").await, 40);
}

//! Several instances on one database: work that is due for all of them is done once.

use std::time::Duration;

use contracts::{Command, Envelope};
use futures::future::join_all;
use http::StatusCode;
use testbed::wait_for;

use crate::{
    harness::{Background, Orders, held, history},
    paying::{delayed, mock_charges, provider_requests, succeeded},
};

async fn three(settings: &[&str]) -> Orders {
    let mut orders = Orders::open_with(settings).await;
    for _ in 0..2 {
        orders.start(settings, Background::All).await;
    }
    orders
}

#[tokio::test]
async fn a_payment_is_charged_by_one_instance() {
    let orders = three(&[]).await;
    mock_charges(&orders, vec![succeeded()]).await;
    let order = orders.place_and_hold().await;
    let paid = join_all((0..9).map(|_| orders.pay(order))).await;
    assert_eq!(paid.iter().filter(|response| response.status == StatusCode::ACCEPTED).count(), 1);
    orders.wait_for_status(order, "paid").await;
    assert_eq!(provider_requests(&orders).await.len(), 1);
    let [_hold, sell] = orders.wait_for_commands(order, 2).await.try_into().unwrap();
    assert_eq!(sell.message, Command::Sell);
}

/// Every instance finds that the retry is due. While one of them holds the lease, no other retries.
#[tokio::test]
async fn a_due_retry_is_made_by_one_instance() {
    let orders = three(&["--payment-timeout", "1s"]).await;
    mock_charges(&orders, vec![delayed(succeeded()), delayed(succeeded()), succeeded()]).await;
    let order = orders.place_and_hold().await;
    orders.pay(order).await;
    orders.wait_for_status(order, "paid").await;
    let requests = provider_requests(&orders).await;
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| *request == requests[0]), "{requests:?}");
}

#[tokio::test]
async fn an_order_expires_once() {
    let orders = three(&["--order-ttl", "300ms"]).await;
    let mut placed = Vec::new();
    for _ in 0..10 {
        placed.push(orders.place().await);
    }
    for order in &placed {
        orders.publish_event(*order, held()).await;
    }
    for order in placed {
        let expired = orders.wait_for_status(order, "cancelled").await;
        assert_eq!(history(&expired), ["pending", "awaiting_payment", "cancelled"]);
        orders.wait_for_commands(order, 2).await;
    }
    wait_for("the outbox to be empty", async || {
        (orders.number("select count(*) from outbox").await == 0).then_some(())
    })
    .await;
    assert_eq!(orders.stored(contracts::stream::COMMANDS).await.len(), 20, "a hold and a release each");
}

#[tokio::test]
async fn a_hold_that_times_out_is_retried_once_and_cancelled_once() {
    let orders = three(&["--stock-timeout", "1s"]).await;
    let placed = join_all((0..10).map(|_| orders.place())).await;
    // While another process holds the write lock, all three find that the deadline has passed, and none can act on it
    // yet.
    let mut writer = orders.sqlite().await;
    sqlx::query("begin immediate").execute(&mut writer).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    sqlx::query("rollback").execute(&mut writer).await.unwrap();
    for order in placed {
        let cancelled = orders.wait_for_status(order, "cancelled").await;
        assert_eq!(cancelled["reason"], "timed_out");
        let commands = orders.wait_for_commands(order, 3).await;
        let holds = commands.iter().filter(|command| matches!(command.message, Command::Hold { .. })).count();
        assert_eq!(holds, 2, "{commands:?}");
    }
}

/// The stream stores each event three times, so that several instances may receive it at once.
#[tokio::test]
async fn an_event_is_processed_by_one_instance() {
    let orders = three(&[]).await;
    let placed = join_all((0..20).map(|_| orders.place())).await;
    let events: Vec<_> =
        placed.iter().map(|order| Envelope::new(*order, 1, chassis::db::now(), held())).collect();
    join_all([0; 3].iter().flat_map(|_| &events).map(|event| orders.publish(event))).await;
    orders.wait_until_idle().await;
    for order in placed {
        assert_eq!(history(&orders.read(order).await), ["pending", "awaiting_payment"]);
    }
    assert_eq!(orders.stored(contracts::stream::EVENTS).await.len(), 60);
    assert_eq!(orders.number("select count(*) from inbox").await, 20);
    assert_eq!(orders.number("select count(*) from stock_requests").await, 0);
}

//! Expiry of orders and tokens, on a stage where both live for three seconds. The journeys log in again before each
//! step, because an earlier token may have expired.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use shop_client::model::{Order, Product, Reason, Status};
use shop_client::new_key;
use tokio::time::sleep;
use uuid::Uuid;

use crate::World;
use crate::world::{Customer, PASSWORD, PAYMENT_TIMEOUT, eventually, expect_problem};

journeys![
    an_order_that_is_not_paid_in_time_is_cancelled_and_its_stock_released,
    a_payment_after_expiry_is_rejected,
    cancelling_an_expired_order_returns_the_order,
    an_order_that_is_paid_in_time_does_not_expire,
    an_order_with_a_declined_payment_expires_too,
    the_stock_of_an_expired_order_can_be_ordered_again,
    a_payment_around_expiry_either_succeeds_completely_or_has_no_effect,
    an_expired_token_is_rejected,
];

/// Longer than an order needs to expire after three seconds, including the interval at which the shop looks for expired
/// orders.
const EXPIRY_TIMEOUT: Duration = Duration::from_secs(20);

/// Polls an order until `condition` holds, with a new token each time.
async fn read_until(
    customer: &Customer,
    order: Uuid,
    timeout: Duration,
    condition: impl Fn(&Order) -> bool,
) -> Result<Order> {
    eventually(timeout, async || {
        let order = customer.log_in_again().await?.order(order).await?.value;
        ensure!(condition(&order), "order {} is {:?}", order.id, order.status);
        Ok(order)
    })
    .await
}

/// Waits until an order has expired.
async fn wait_for_expiry(customer: &Customer, order: &Order) -> Result<Order> {
    let order =
        read_until(customer, order.id, EXPIRY_TIMEOUT, |order| order.status == Status::Cancelled).await?;
    ensure!(order.reason == Some(Reason::Expired) && order.payment.captured.amount == 0);
    Ok(order)
}

async fn an_order_that_is_not_paid_in_time_is_cancelled_and_its_stock_released(world: World) -> Result<()> {
    let (product, customer) = (world.product(5).await?, world.customer().await?);
    let order = customer.buy(&product, 2).await?;
    let order = wait_for_expiry(&customer, &order).await?;
    let due = order.expires_at.context("the order has no `expires_at`")?;
    ensure!(
        order.history.last().is_some_and(|cancelled| cancelled.at >= due),
        "the order was cancelled before it expired"
    );
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn a_payment_after_expiry_is_rejected(world: World) -> Result<()> {
    let (product, customer) = (world.product(5).await?, world.customer().await?);
    let order = customer.buy(&product, 1).await?;
    wait_for_expiry(&customer, &order).await?;
    expect_problem(409, customer.log_in_again().await?.pay(&new_key(), order.id, "tok_ok").await)?;
    ensure!(world.charges(order.id).await?.is_empty());
    Ok(())
}

async fn cancelling_an_expired_order_returns_the_order(world: World) -> Result<()> {
    let (product, customer) = (world.product(5).await?, world.customer().await?);
    let order = customer.buy(&product, 1).await?;
    let cancelled = wait_for_expiry(&customer, &order).await?;
    let again = customer.log_in_again().await?.cancel(order.id).await?;
    ensure!(again.response.status == 202 && again.value == cancelled);
    Ok(())
}

async fn an_order_that_is_paid_in_time_does_not_expire(world: World) -> Result<()> {
    let (product, early, late) = (world.product(5).await?, world.customer().await?, world.customer().await?);
    let kept = early.log_in_again().await?.buy(&product, 2).await?;
    early.pay(&new_key(), kept.id, "tok_ok").await?;
    // Once an order that was placed later has expired, this order would have expired too.
    let late = late.log_in_again().await?;
    wait_for_expiry(&late, &late.buy(&product, 1).await?).await?;
    read_until(&early, kept.id, PAYMENT_TIMEOUT, |order| order.status == Status::Paid).await?;
    world.wait_for_stock(product.id, 3, 0, 2).await
}

async fn an_order_with_a_declined_payment_expires_too(world: World) -> Result<()> {
    let (product, customer) = (world.product(5).await?, world.customer().await?);
    let order = customer.buy(&product, 2).await?;
    customer.pay(&new_key(), order.id, "tok_declined").await?;
    wait_for_expiry(&customer, &order).await?;
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn the_stock_of_an_expired_order_can_be_ordered_again(world: World) -> Result<()> {
    let (product, first) = (world.product(1).await?, world.customer().await?);
    wait_for_expiry(&first, &first.buy(&product, 1).await?).await?;
    world.wait_for_stock(product.id, 1, 0, 0).await?;
    world.customer().await?.buy(&product, 1).await?;
    Ok(())
}

/// Sleeps until a Unix time in milliseconds; returns immediately if it has passed.
async fn sleep_until(moment: i64) {
    let left = moment - Timestamp::now().as_millisecond();
    sleep(Duration::from_millis(left.try_into().unwrap_or(0))).await;
}

/// Pays this long before the order expires; a negative value means after it.
async fn pay_around_expiry(world: &World, product: &Product, milliseconds_before: i64) -> Result<()> {
    let customer = world.customer().await?;
    let order = customer.buy(product, 1).await?;
    let moment = order.expires_at.unwrap_or_default().as_millisecond() - milliseconds_before;
    sleep_until(moment - 1000).await;
    let payer = customer.log_in_again().await?;
    sleep_until(moment).await;
    let paid = match payer.pay(&new_key(), order.id, "tok_ok").await {
        Ok(_) => true,
        refusal => expect_problem(409, refusal).map(|_| false)?,
    };
    let end = if paid { Status::Paid } else { Status::Cancelled };
    let order = read_until(&customer, order.id, PAYMENT_TIMEOUT, |order| order.status == end).await?;
    ensure!(order.payment.captured.amount == if paid { 1999 } else { 0 });
    let began = order.history.iter().find(|step| step.status == Status::Paying);
    ensure!(
        began.is_none_or(|step| Some(step.at) < order.expires_at),
        "the payment started after the order had expired"
    );
    ensure!(world.charges(order.id).await?.len() == usize::from(paid));
    Ok(())
}

async fn a_payment_around_expiry_either_succeeds_completely_or_has_no_effect(world: World) -> Result<()> {
    let product = world.product(20).await?;
    let moments = [100, 40, 20, 10, 5, 0, -5, -20];
    try_join_all(moments.map(|moment| pay_around_expiry(&world, &product, moment))).await?;
    eventually(EXPIRY_TIMEOUT, async || {
        let stock = world.staff().await?.stock(product.id).await?;
        ensure!(stock.held == 0, "{} units are still held", stock.held);
        Ok(())
    })
    .await
}

async fn an_expired_token_is_rejected(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let session = world.shop.open_session(&customer.email, PASSWORD).await?;
    let caller = world.shop.with_token(&session.token);
    sleep_until(session.expires_at.as_millisecond()).await;
    eventually(Duration::from_secs(1), async || expect_problem(401, caller.profile().await).map(drop))
        .await?;
    customer.log_in_again().await?.profile().await?;
    Ok(())
}

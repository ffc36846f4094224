//! What time does, on a stage where an order and a token live for three seconds. So everybody logs in again
//! before each step: a token got earlier may be too old.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use shop_client::model::{Order, Product, Reason, Status};
use shop_client::new_key;
use tokio::time::sleep;
use uuid::Uuid;

use crate::World;
use crate::world::{Customer, PASSWORD, PAYMENT, eventually, refused};

journeys![
    an_order_that_is_not_paid_in_time_is_cancelled_and_its_stock_given_back,
    a_payment_that_comes_too_late_is_refused,
    an_expired_order_can_be_cancelled_again,
    an_order_that_was_paid_in_time_does_not_expire,
    a_declined_order_expires_too,
    what_expired_can_be_bought_by_another,
    a_payment_at_the_last_moment_is_either_in_time_or_too_late,
    a_token_that_expired_is_refused,
];

/// Longer than a three-second order takes to expire, with a reaper that comes by every now and then.
const EXPIRED: Duration = Duration::from_secs(20);

async fn read_when(
    customer: &Customer,
    order: Uuid,
    limit: Duration,
    wished: impl Fn(&Order) -> bool,
) -> Result<Order> {
    eventually(limit, async || {
        let order = customer.logged_in().await?.order(order).await?.value;
        ensure!(wished(&order), "order {} is {:?}", order.id, order.status);
        Ok(order)
    })
    .await
}

async fn expired(customer: &Customer, order: &Order) -> Result<Order> {
    let order = read_when(customer, order.id, EXPIRED, |order| order.status == Status::Cancelled).await?;
    ensure!(order.reason == Some(Reason::Expired) && order.payment.captured.amount == 0);
    Ok(order)
}

async fn an_order_that_is_not_paid_in_time_is_cancelled_and_its_stock_given_back(world: World) -> Result<()> {
    let (product, customer) = (world.product(5).await?, world.customer().await?);
    let order = customer.buy(&product, 2).await?;
    let order = expired(&customer, &order).await?;
    let due = order.expires_at.context("it has no `expires_at`")?;
    ensure!(order.history.last().is_some_and(|cancelled| cancelled.at >= due), "it was cancelled early");
    world.stock_becomes(product.id, 5, 0, 0).await
}

async fn a_payment_that_comes_too_late_is_refused(world: World) -> Result<()> {
    let (product, customer) = (world.product(5).await?, world.customer().await?);
    let order = customer.buy(&product, 1).await?;
    expired(&customer, &order).await?;
    refused(409, customer.logged_in().await?.pay(&new_key(), order.id, "tok_ok").await)?;
    ensure!(world.charges(order.id).await?.is_empty());
    Ok(())
}

async fn an_expired_order_can_be_cancelled_again(world: World) -> Result<()> {
    let (product, customer) = (world.product(5).await?, world.customer().await?);
    let order = customer.buy(&product, 1).await?;
    let cancelled = expired(&customer, &order).await?;
    let again = customer.logged_in().await?.cancel(order.id).await?;
    ensure!(again.answer.status == 202 && again.value == cancelled);
    Ok(())
}

async fn an_order_that_was_paid_in_time_does_not_expire(world: World) -> Result<()> {
    let (product, early, late) = (world.product(5).await?, world.customer().await?, world.customer().await?);
    let kept = early.logged_in().await?.buy(&product, 2).await?;
    early.pay(&new_key(), kept.id, "tok_ok").await?;
    // When an order that was placed later has expired, this one would have.
    let late = late.logged_in().await?;
    expired(&late, &late.buy(&product, 1).await?).await?;
    read_when(&early, kept.id, PAYMENT, |order| order.status == Status::Paid).await?;
    world.stock_becomes(product.id, 3, 0, 2).await
}

async fn a_declined_order_expires_too(world: World) -> Result<()> {
    let (product, customer) = (world.product(5).await?, world.customer().await?);
    let order = customer.buy(&product, 2).await?;
    customer.pay(&new_key(), order.id, "tok_declined").await?;
    expired(&customer, &order).await?;
    world.stock_becomes(product.id, 5, 0, 0).await
}

async fn what_expired_can_be_bought_by_another(world: World) -> Result<()> {
    let (product, first) = (world.product(1).await?, world.customer().await?);
    expired(&first, &first.buy(&product, 1).await?).await?;
    world.stock_becomes(product.id, 1, 0, 0).await?;
    world.customer().await?.buy(&product, 1).await?;
    Ok(())
}

/// Sleeps until so many milliseconds after 1970; not at all where that is past.
async fn sleep_until(moment: i64) {
    let left = moment - Timestamp::now().as_millisecond();
    sleep(Duration::from_millis(left.try_into().unwrap_or(0))).await;
}

/// Pays so long before (or, below zero, after) the order expires.
async fn pay_around_expiry(world: &World, product: &Product, milliseconds_before: i64) -> Result<()> {
    let customer = world.customer().await?;
    let order = customer.buy(product, 1).await?;
    let moment = order.expires_at.unwrap_or_default().as_millisecond() - milliseconds_before;
    sleep_until(moment - 1000).await;
    let payer = customer.logged_in().await?;
    sleep_until(moment).await;
    let paid = match payer.pay(&new_key(), order.id, "tok_ok").await {
        Ok(_) => true,
        refusal => refused(409, refusal).map(|_| false)?,
    };
    let end = if paid { Status::Paid } else { Status::Cancelled };
    let order = read_when(&customer, order.id, PAYMENT, |order| order.status == end).await?;
    ensure!(order.payment.captured.amount == if paid { 1999 } else { 0 });
    let began = order.history.iter().find(|step| step.status == Status::Paying);
    ensure!(began.is_none_or(|step| Some(step.at) < order.expires_at), "it was paid after it had expired");
    ensure!(world.charges(order.id).await?.len() == usize::from(paid));
    Ok(())
}

async fn a_payment_at_the_last_moment_is_either_in_time_or_too_late(world: World) -> Result<()> {
    let product = world.product(20).await?;
    let moments = [100, 40, 20, 10, 5, 0, -5, -20];
    try_join_all(moments.map(|moment| pay_around_expiry(&world, &product, moment))).await?;
    eventually(EXPIRED, async || {
        let stock = world.staff().await?.stock(product.id).await?;
        ensure!(stock.held == 0, "still held: {}", stock.held);
        Ok(())
    })
    .await
}

async fn a_token_that_expired_is_refused(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let session = world.shop.open_session(&customer.email, PASSWORD).await?;
    let caller = world.shop.with_token(&session.token);
    sleep_until(session.expires_at.as_millisecond()).await;
    eventually(Duration::from_secs(1), async || refused(401, caller.profile().await).map(drop)).await?;
    customer.logged_in().await?.profile().await?;
    Ok(())
}

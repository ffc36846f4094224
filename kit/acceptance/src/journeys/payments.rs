//! Paying for orders. The ledger of the payment provider shows what was charged.

use anyhow::{Result, ensure};
use shop_client::model::{Money, Order, Status};
use shop_client::{Request, new_key};

use crate::World;
use crate::world::{PAYMENT_TIMEOUT, expect_problem, line};

journeys![
    a_payment_is_captured_once_and_in_full,
    an_order_can_be_paid_again_after_a_declined_payment,
    a_payment_with_an_unknown_source_is_declined,
    a_payment_succeeds_with_a_slow_provider,
    a_payment_is_retried_when_the_provider_does_not_respond_and_charges_once,
    a_payment_is_retried_when_the_provider_returns_503,
    an_order_cannot_be_paid_twice,
    only_an_order_that_awaits_payment_can_be_paid,
    a_source_is_one_to_a_hundred_characters,
];

/// Checks that the order is paid in full and that the ledger of the provider agrees.
async fn ensure_paid(world: &World, order: &Order) -> Result<()> {
    ensure!(order.status == Status::Paid && order.payment.decline_code.is_none());
    ensure!(Some(&order.payment.captured) == order.total.as_ref() && order.payment.refunded == Money::eur(0));
    let charges = world.charges(order.id).await?;
    ensure!(charges.len() == 1, "the provider has charged {} times", charges.len());
    ensure!(charges[0].amount == order.payment.captured.amount && charges[0].refunded == 0);
    Ok(())
}

/// Pays with a source and checks that the payment finally succeeds.
async fn ensure_payment_succeeds(world: &World, source: &str) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    let order = customer.pay_with(&order, source).await?;
    ensure_paid(world, &order).await?;
    world.wait_for_stock(product.id, 3, 0, 2).await
}

async fn a_payment_is_captured_once_and_in_full(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    let reply = customer.pay(&new_key(), order.id, "tok_ok").await?;
    ensure!(reply.response.status == 202 && reply.id == order.id);
    ensure_paid(&world, &customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?).await
}

async fn an_order_can_be_paid_again_after_a_declined_payment(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    for _ in 0..2 {
        let declined = customer.pay_with(&order, "tok_declined").await?;
        ensure!(declined.status == Status::AwaitingPayment && declined.payment.decline_code.is_some());
        ensure!(declined.payment.captured == Money::eur(0) && world.charges(order.id).await?.is_empty());
    }
    world.wait_for_stock(product.id, 4, 1, 0).await?;
    ensure_paid(&world, &customer.pay_with(&order, "tok_ok").await?).await
}

async fn a_payment_with_an_unknown_source_is_declined(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    let order = customer.pay_with(&order, "tok_🫖").await?;
    ensure!(order.status == Status::AwaitingPayment && order.payment.decline_code.is_some());
    Ok(())
}

async fn a_payment_succeeds_with_a_slow_provider(world: World) -> Result<()> {
    ensure_payment_succeeds(&world, "tok_slow").await
}

async fn a_payment_is_retried_when_the_provider_does_not_respond_and_charges_once(
    world: World,
) -> Result<()> {
    ensure_payment_succeeds(&world, "tok_timeout").await
}

async fn a_payment_is_retried_when_the_provider_returns_503(world: World) -> Result<()> {
    ensure_payment_succeeds(&world, "tok_flaky").await
}

async fn an_order_cannot_be_paid_twice(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    expect_problem(409, customer.pay(&new_key(), order.id, "tok_ok").await)?;
    let order = customer.order(order.id).await?;
    ensure_paid(&world, &order).await
}

async fn only_an_order_that_awaits_payment_can_be_paid(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let cancelled = customer.buy(&product, 1).await?;
    customer.cancel(cancelled.id).await?;
    let rejected = customer.place(&[line(&product, 6)]).await?;
    for order in [cancelled, rejected] {
        expect_problem(409, customer.pay(&new_key(), order.id, "tok_ok").await)?;
        ensure!(world.charges(order.id).await?.is_empty());
    }
    Ok(())
}

async fn a_source_is_one_to_a_hundred_characters(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    for source in ["", &"x".repeat(101), "tok_\0ok"] {
        expect_problem(422, customer.pay(&new_key(), order.id, source).await)?;
    }
    for body in ["{}", r#"{"source": null}"#, r#"{"source": 1}"#, r#"{"source": "tok_ok", "amount": 1}"#] {
        let path = format!("/orders/{}/payment", order.id);
        let response = customer.send(Request::post(path).key(&new_key()).body(body)).await?;
        ensure!(response.status == 422, "{body} returned {}", response.status);
    }
    ensure!(customer.order(order.id).await?.status == Status::AwaitingPayment);
    Ok(())
}

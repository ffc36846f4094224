//! Paying. What was really charged stands in the payment provider's books.

use anyhow::{Result, ensure};
use shop_client::model::{Money, Order, Status};
use shop_client::{Request, new_key};

use crate::World;
use crate::world::{PAYMENT, line, refused};

journeys![
    a_payment_is_captured_once_and_in_full,
    a_declined_payment_can_be_made_again,
    an_unknown_card_is_declined,
    a_slow_provider_is_waited_for,
    a_provider_that_never_answers_is_asked_again_and_charges_once,
    a_provider_that_fails_twice_is_asked_again,
    an_order_is_paid_once,
    nothing_is_paid_before_it_awaits_payment,
    a_source_is_one_to_a_hundred_characters,
];

/// The order is paid in full, and the provider agrees.
async fn ensure_paid(world: &World, order: &Order) -> Result<()> {
    ensure!(order.status == Status::Paid && order.payment.decline_code.is_none());
    ensure!(Some(&order.payment.captured) == order.total.as_ref() && order.payment.refunded == Money::eur(0));
    let charges = world.charges(order.id).await?;
    ensure!(charges.len() == 1, "the provider has charged {} times", charges.len());
    ensure!(charges[0].amount == order.payment.captured.amount && charges[0].refunded == 0);
    Ok(())
}

/// Pays with a source that has to succeed in the end.
async fn pays(world: &World, source: &str) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    let order = customer.pay_with(&order, source).await?;
    ensure_paid(world, &order).await?;
    world.stock_becomes(product.id, 3, 0, 2).await
}

async fn a_payment_is_captured_once_and_in_full(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    let reply = customer.pay(&new_key(), order.id, "tok_ok").await?;
    ensure!(reply.answer.status == 202 && reply.id == order.id);
    ensure_paid(&world, &customer.settled(order.id, PAYMENT).await?).await
}

async fn a_declined_payment_can_be_made_again(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    for _ in 0..2 {
        let declined = customer.pay_with(&order, "tok_declined").await?;
        ensure!(declined.status == Status::AwaitingPayment && declined.payment.decline_code.is_some());
        ensure!(declined.payment.captured == Money::eur(0) && world.charges(order.id).await?.is_empty());
    }
    world.stock_becomes(product.id, 4, 1, 0).await?;
    ensure_paid(&world, &customer.pay_with(&order, "tok_ok").await?).await
}

async fn an_unknown_card_is_declined(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    let order = customer.pay_with(&order, "tok_🫖").await?;
    ensure!(order.status == Status::AwaitingPayment && order.payment.decline_code.is_some());
    Ok(())
}

async fn a_slow_provider_is_waited_for(world: World) -> Result<()> {
    pays(&world, "tok_slow").await
}

async fn a_provider_that_never_answers_is_asked_again_and_charges_once(world: World) -> Result<()> {
    pays(&world, "tok_timeout").await
}

async fn a_provider_that_fails_twice_is_asked_again(world: World) -> Result<()> {
    pays(&world, "tok_flaky").await
}

async fn an_order_is_paid_once(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    refused(409, customer.pay(&new_key(), order.id, "tok_ok").await)?;
    let order = customer.order(order.id).await?;
    ensure_paid(&world, &order).await
}

async fn nothing_is_paid_before_it_awaits_payment(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let cancelled = customer.buy(&product, 1).await?;
    customer.cancel(cancelled.id).await?;
    let rejected = customer.place(&[line(&product, 6)]).await?;
    for order in [cancelled, rejected] {
        refused(409, customer.pay(&new_key(), order.id, "tok_ok").await)?;
        ensure!(world.charges(order.id).await?.is_empty());
    }
    Ok(())
}

async fn a_source_is_one_to_a_hundred_characters(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    for source in ["", &"x".repeat(101), "tok_\0ok"] {
        refused(422, customer.pay(&new_key(), order.id, source).await)?;
    }
    for body in ["{}", r#"{"source": null}"#, r#"{"source": 1}"#, r#"{"source": "tok_ok", "amount": 1}"#] {
        let path = format!("/orders/{}/payment", order.id);
        let answer = customer.send(Request::post(path).key(&new_key()).body(body)).await?;
        ensure!(answer.status == 422, "{body} was answered {}", answer.status);
    }
    ensure!(customer.order(order.id).await?.status == Status::AwaitingPayment);
    Ok(())
}

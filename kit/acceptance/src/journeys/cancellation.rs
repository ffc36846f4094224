//! Cancelling, from every state.

use anyhow::{Result, ensure};
use shop_client::model::{Money, Order, Reason, Status};
use shop_client::{StatusCode, new_key};

use crate::World;
use crate::world::{PAYMENT, SOON, line, refused};

journeys![
    an_order_that_awaits_payment_is_cancelled_and_its_stock_given_back,
    an_order_can_be_cancelled_at_once,
    cancelling_again_answers_with_the_order,
    a_paid_order_is_refunded_in_full,
    an_order_being_paid_cannot_be_cancelled,
    a_declined_order_can_be_cancelled,
    an_order_that_was_shipped_or_delivered_cannot_be_cancelled,
    staff_may_cancel_an_order,
];

fn ensure_cancelled(order: &Order) -> Result<()> {
    ensure!(order.status == Status::Cancelled && order.reason == Some(Reason::CustomerRequest));
    ensure!(order.payment.captured == order.payment.refunded);
    Ok(())
}

async fn an_order_that_awaits_payment_is_cancelled_and_its_stock_given_back(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    ensure!(customer.cancel(order.id).await?.answer.status == 202);
    let order = customer.settled(order.id, SOON).await?;
    ensure_cancelled(&order)?;
    ensure!(order.payment.captured == Money::eur(0));
    world.stock_becomes(product.id, 5, 0, 0).await
}

async fn an_order_can_be_cancelled_at_once(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.place_order(&new_key(), &[line(&product, 2)]).await?;
    customer.cancel(order.id).await?;
    let order = customer.watch(order.id, SOON, |order| order.status == Status::Cancelled).await?;
    ensure_cancelled(&order)?;
    world.stock_becomes(product.id, 5, 0, 0).await
}

async fn cancelling_again_answers_with_the_order(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    customer.cancel(order.id).await?;
    let cancelled = customer.settled(order.id, SOON).await?;
    let again = customer.cancel(order.id).await?;
    ensure!(again.answer.status == 202 && again.value == cancelled);
    world.stock_becomes(product.id, 5, 0, 0).await
}

async fn a_paid_order_is_refunded_in_full(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.check_out(&product, 2).await?;
    ensure!(customer.cancel(order.id).await?.answer.status == 202);
    // Asked for twice, refunded once.
    customer.cancel(order.id).await?;
    let order = customer.settled(order.id, PAYMENT).await?;
    ensure_cancelled(&order)?;
    ensure!(order.payment.refunded == Money::eur(3998));
    ensure!(order.history.iter().any(|step| step.status == Status::Refunding));
    let charges = world.charges(order.id).await?;
    ensure!(charges.len() == 1 && charges[0].refunded == 3998, "the provider says {charges:?}");
    world.stock_becomes(product.id, 5, 0, 0).await
}

async fn an_order_being_paid_cannot_be_cancelled(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    // The provider never answers the first time, so the order is `paying` for seconds.
    let key = new_key();
    let payment = customer.pay(&key, order.id, "tok_timeout");
    let cancellation = async {
        customer.watch(order.id, SOON, |order| order.status != Status::AwaitingPayment).await?;
        refused(409, customer.cancel(order.id).await)
    };
    let (payment, cancellation) = tokio::join!(payment, cancellation);
    payment?;
    cancellation?;
    ensure!(customer.settled(order.id, PAYMENT).await?.status == Status::Paid);
    Ok(())
}

async fn a_declined_order_can_be_cancelled(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    customer.pay_with(&order, "tok_declined").await?;
    customer.cancel(order.id).await?;
    ensure_cancelled(&customer.settled(order.id, SOON).await?)?;
    world.stock_becomes(product.id, 5, 0, 0).await
}

async fn an_order_that_was_shipped_or_delivered_cannot_be_cancelled(world: World) -> Result<()> {
    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    staff.ship(order.id).await?;
    refused(409, customer.cancel(order.id).await)?;
    refused(409, staff.cancel(order.id).await)?;
    staff.deliver(order.id).await?;
    let problem = refused(409, customer.cancel(order.id).await)?;
    ensure!(problem.status == StatusCode::CONFLICT.as_u16());
    ensure!(customer.order(order.id).await?.payment.refunded == Money::eur(0));
    world.stock_becomes(product.id, 4, 0, 1).await
}

async fn staff_may_cancel_an_order(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    world.staff().await?.cancel(order.id).await?;
    ensure_cancelled(&customer.settled(order.id, SOON).await?)?;
    world.stock_becomes(product.id, 5, 0, 0).await
}

//! Payments that the provider refuses with 4xx. A refusal is final for the attempt, as a decline is.

use anyhow::{Result, ensure};
use shop_client::model::{Money, Order, Status};

use crate::World;
use crate::world::{Customer, SETTLE_TIMEOUT};

journeys![
    an_order_can_be_paid_again_after_the_provider_refused_the_payment,
    an_order_can_be_cancelled_after_the_provider_refused_the_payment,
];

/// Pays with a source that the provider rejects with 402 each time.
async fn pay_with_refused_source(customer: &Customer, order: &Order) -> Result<Order> {
    let order = customer.pay_with(order, "tok_refused").await?;
    ensure!(order.status == Status::AwaitingPayment, "the order is {:?}", order.status);
    ensure!(order.payment.decline_code.is_some(), "the order shows no reason of the refusal");
    ensure!(order.payment.captured == Money::eur(0));
    Ok(order)
}

async fn an_order_can_be_paid_again_after_the_provider_refused_the_payment(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    pay_with_refused_source(&customer, &order).await?;
    world.wait_for_stock(product.id, 3, 2, 0).await?;
    let paid = customer.pay_with(&order, "tok_ok").await?;
    ensure!(paid.status == Status::Paid && paid.payment.decline_code.is_none());
    ensure!(world.charges(order.id).await?.len() == 1);
    Ok(())
}

async fn an_order_can_be_cancelled_after_the_provider_refused_the_payment(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    pay_with_refused_source(&customer, &order).await?;
    customer.cancel(order.id).await?;
    let order = customer.wait_until_settled(order.id, SETTLE_TIMEOUT).await?;
    ensure!(order.status == Status::Cancelled && order.payment.captured == Money::eur(0));
    world.wait_for_stock(product.id, 5, 0, 0).await
}

//! Cancelling an order in every status.

use anyhow::{Result, ensure};
use shop_client::model::{Money, Order, Reason, Status};
use shop_client::{StatusCode, new_key};

use crate::World;
use crate::world::{PAYMENT_TIMEOUT, SETTLE_TIMEOUT, expect_problem, line};

journeys![
    cancelling_an_order_that_awaits_payment_releases_its_stock,
    an_order_can_be_cancelled_immediately_after_it_was_placed,
    cancelling_a_cancelled_order_returns_the_order,
    a_paid_order_is_refunded_in_full,
    an_order_whose_payment_is_in_progress_cannot_be_cancelled,
    a_declined_order_can_be_cancelled,
    a_shipped_or_delivered_order_cannot_be_cancelled,
    staff_may_cancel_an_order,
];

/// Checks that the customer cancelled the order and that all captured money was refunded.
fn ensure_cancelled(order: &Order) -> Result<()> {
    ensure!(order.status == Status::Cancelled && order.reason == Some(Reason::CustomerRequest));
    ensure!(order.payment.captured == order.payment.refunded);
    Ok(())
}

async fn cancelling_an_order_that_awaits_payment_releases_its_stock(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    ensure!(customer.cancel(order.id).await?.response.status == 202);
    let order = customer.wait_until_settled(order.id, SETTLE_TIMEOUT).await?;
    ensure_cancelled(&order)?;
    ensure!(order.payment.captured == Money::eur(0));
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn an_order_can_be_cancelled_immediately_after_it_was_placed(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.place_order(&new_key(), &[line(&product, 2)]).await?;
    customer.cancel(order.id).await?;
    let order =
        customer.wait_until(order.id, SETTLE_TIMEOUT, |order| order.status == Status::Cancelled).await?;
    ensure_cancelled(&order)?;
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn cancelling_a_cancelled_order_returns_the_order(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    customer.cancel(order.id).await?;
    let cancelled = customer.wait_until_settled(order.id, SETTLE_TIMEOUT).await?;
    let again = customer.cancel(order.id).await?;
    ensure!(again.response.status == 202 && again.value == cancelled);
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn a_paid_order_is_refunded_in_full(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.check_out(&product, 2).await?;
    ensure!(customer.cancel(order.id).await?.response.status == 202);
    // The second cancellation must not refund the money again.
    customer.cancel(order.id).await?;
    let order = customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?;
    ensure_cancelled(&order)?;
    ensure!(order.payment.refunded == Money::eur(3998));
    ensure!(order.history.iter().any(|step| step.status == Status::Refunding));
    let charges = world.charges(order.id).await?;
    ensure!(
        charges.len() == 1 && charges[0].refunded == 3998,
        "the ledger of the provider shows {charges:?}"
    );
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn an_order_whose_payment_is_in_progress_cannot_be_cancelled(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    // The provider does not respond to the first attempt, so the order stays `paying` for several seconds.
    let key = new_key();
    let payment = customer.pay(&key, order.id, "tok_timeout");
    let cancellation = async {
        customer
            .wait_until(order.id, SETTLE_TIMEOUT, |order| order.status != Status::AwaitingPayment)
            .await?;
        expect_problem(409, customer.cancel(order.id).await)
    };
    let (payment, cancellation) = tokio::join!(payment, cancellation);
    payment?;
    cancellation?;
    ensure!(customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?.status == Status::Paid);
    Ok(())
}

async fn a_declined_order_can_be_cancelled(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    customer.pay_with(&order, "tok_declined").await?;
    customer.cancel(order.id).await?;
    ensure_cancelled(&customer.wait_until_settled(order.id, SETTLE_TIMEOUT).await?)?;
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn a_shipped_or_delivered_order_cannot_be_cancelled(world: World) -> Result<()> {
    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    staff.ship(order.id).await?;
    expect_problem(409, customer.cancel(order.id).await)?;
    expect_problem(409, staff.cancel(order.id).await)?;
    staff.deliver(order.id).await?;
    let problem = expect_problem(409, customer.cancel(order.id).await)?;
    ensure!(problem.status == StatusCode::CONFLICT.as_u16());
    ensure!(customer.order(order.id).await?.payment.refunded == Money::eur(0));
    world.wait_for_stock(product.id, 4, 0, 1).await
}

async fn staff_may_cancel_an_order(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 2).await?;
    world.staff().await?.cancel(order.id).await?;
    ensure_cancelled(&customer.wait_until_settled(order.id, SETTLE_TIMEOUT).await?)?;
    world.wait_for_stock(product.id, 5, 0, 0).await
}

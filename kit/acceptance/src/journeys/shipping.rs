//! Shipping and delivering orders.

use anyhow::{Result, ensure};
use shop_client::model::Status;
use uuid::Uuid;

use crate::World;
use crate::world::expect_problem;

journeys![
    a_paid_order_is_shipped_and_delivered,
    shipping_and_delivering_are_idempotent,
    only_a_paid_order_can_be_shipped_and_only_a_shipped_order_can_be_delivered,
    shipping_or_delivering_an_unknown_order_is_404,
];

async fn a_paid_order_is_shipped_and_delivered(world: World) -> Result<()> {
    use Status::{AwaitingPayment, Delivered, Paid, Paying, Pending, Shipped};

    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    let shipped = staff.ship(order.id).await?;
    ensure!(shipped.response.status == 200 && shipped.status == Shipped);
    let delivered = staff.deliver(order.id).await?;
    ensure!(delivered.response.status == 200 && delivered.status == Delivered);
    let history: Vec<_> = customer.order(order.id).await?.history.iter().map(|step| step.status).collect();
    ensure!(history == [Pending, AwaitingPayment, Paying, Paid, Shipped, Delivered]);
    world.wait_for_stock(product.id, 4, 0, 1).await
}

async fn shipping_and_delivering_are_idempotent(world: World) -> Result<()> {
    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    let shipped = staff.ship(order.id).await?;
    let again = staff.ship(order.id).await?;
    ensure!(again.response.status == 200 && again.history == shipped.history);
    let delivered = staff.deliver(order.id).await?;
    let again = staff.deliver(order.id).await?;
    ensure!(again.response.status == 200 && again.history == delivered.history);
    Ok(())
}

async fn only_a_paid_order_can_be_shipped_and_only_a_shipped_order_can_be_delivered(
    world: World,
) -> Result<()> {
    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let unpaid = customer.buy(&product, 1).await?;
    expect_problem(409, staff.ship(unpaid.id).await)?;
    expect_problem(409, staff.deliver(unpaid.id).await)?;
    let paid = customer.check_out(&product, 1).await?;
    expect_problem(409, staff.deliver(paid.id).await)?;
    customer.cancel(unpaid.id).await?;
    expect_problem(409, staff.ship(unpaid.id).await)?;
    expect_problem(409, staff.deliver(unpaid.id).await)?;
    Ok(())
}

async fn shipping_or_delivering_an_unknown_order_is_404(world: World) -> Result<()> {
    let staff = world.staff().await?;
    expect_problem(404, staff.ship(Uuid::now_v7()).await)?;
    expect_problem(404, staff.deliver(Uuid::now_v7()).await)?;
    Ok(())
}

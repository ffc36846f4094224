//! Shipping and delivering.

use anyhow::{Result, ensure};
use shop_client::model::Status;
use uuid::Uuid;

use crate::World;
use crate::world::refused;

journeys![
    a_paid_order_is_shipped_and_delivered,
    doing_it_again_changes_nothing,
    only_a_paid_order_is_shipped_and_only_a_shipped_one_delivered,
    an_unknown_order_is_not_shipped,
];

async fn a_paid_order_is_shipped_and_delivered(world: World) -> Result<()> {
    use Status::{AwaitingPayment, Delivered, Paid, Paying, Pending, Shipped};

    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    let shipped = staff.ship(order.id).await?;
    ensure!(shipped.answer.status == 200 && shipped.status == Shipped);
    let delivered = staff.deliver(order.id).await?;
    ensure!(delivered.answer.status == 200 && delivered.status == Delivered);
    let history: Vec<_> = customer.order(order.id).await?.history.iter().map(|step| step.status).collect();
    ensure!(history == [Pending, AwaitingPayment, Paying, Paid, Shipped, Delivered]);
    world.stock_becomes(product.id, 4, 0, 1).await
}

async fn doing_it_again_changes_nothing(world: World) -> Result<()> {
    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    let shipped = staff.ship(order.id).await?;
    let again = staff.ship(order.id).await?;
    ensure!(again.answer.status == 200 && again.history == shipped.history);
    let delivered = staff.deliver(order.id).await?;
    let again = staff.deliver(order.id).await?;
    ensure!(again.answer.status == 200 && again.history == delivered.history);
    Ok(())
}

async fn only_a_paid_order_is_shipped_and_only_a_shipped_one_delivered(world: World) -> Result<()> {
    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let unpaid = customer.buy(&product, 1).await?;
    refused(409, staff.ship(unpaid.id).await)?;
    refused(409, staff.deliver(unpaid.id).await)?;
    let paid = customer.check_out(&product, 1).await?;
    refused(409, staff.deliver(paid.id).await)?;
    customer.cancel(unpaid.id).await?;
    refused(409, staff.ship(unpaid.id).await)?;
    refused(409, staff.deliver(unpaid.id).await)?;
    Ok(())
}

async fn an_unknown_order_is_not_shipped(world: World) -> Result<()> {
    let staff = world.staff().await?;
    refused(404, staff.ship(Uuid::now_v7()).await)?;
    refused(404, staff.deliver(Uuid::now_v7()).await)?;
    Ok(())
}

//! The stock ledger. The suite checks `received = available + held + sold` in every response.

use anyhow::{Result, ensure};
use shop_client::model::{Reason, Status};
use shop_client::{Request, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{expect_problem, line};

journeys![
    the_initial_stock_of_a_product_is_received_and_available,
    a_restock_increases_the_received_and_the_available_units,
    a_restock_with_an_invalid_quantity_is_422,
    placing_an_order_holds_stock_and_paying_sells_it,
    held_units_cannot_be_ordered_by_another_customer,
    restocked_units_can_be_ordered,
    the_stock_of_an_unknown_product_is_not_found,
];

async fn the_initial_stock_of_a_product_is_received_and_available(world: World) -> Result<()> {
    let product = world.product(12).await?;
    world.wait_for_stock(product.id, 12, 0, 0).await
}

async fn a_restock_increases_the_received_and_the_available_units(world: World) -> Result<()> {
    let (staff, product) = (world.staff().await?, world.product(5).await?);
    let stock = staff.restock(&new_key(), product.id, 7).await?;
    ensure!(stock.response.status == 201 && stock.received == 12 && stock.available == 12);
    ensure!(world.shop.read_product(product.id).await?.available == 12);
    Ok(())
}

async fn a_restock_with_an_invalid_quantity_is_422(world: World) -> Result<()> {
    let (staff, product) = (world.staff().await?, world.product(5).await?);
    for quantity in ["0", "-1", "1000001", "1.5", "99999999999999999999", "\"7\"", "null"] {
        let body = format!("{{\"quantity\": {quantity}}}");
        let path = format!("/products/{}/restocks", product.id);
        let response = staff.send(Request::post(path).key(&new_key()).body(body)).await?;
        ensure!(response.status == 422, "{quantity} returned {}", response.status);
    }
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn placing_an_order_holds_stock_and_paying_sells_it(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(10).await?);
    let order = customer.buy(&product, 3).await?;
    world.wait_for_stock(product.id, 7, 3, 0).await?;
    ensure!(world.shop.read_product(product.id).await?.available == 7);
    customer.pay_with(&order, "tok_ok").await?;
    world.wait_for_stock(product.id, 7, 0, 3).await
}

async fn held_units_cannot_be_ordered_by_another_customer(world: World) -> Result<()> {
    let product = world.product(2).await?;
    world.customer().await?.buy(&product, 2).await?;
    let order = world.customer().await?.place(&[line(&product, 1)]).await?;
    ensure!(order.status == Status::Rejected && order.reason == Some(Reason::OutOfStock));
    world.wait_for_stock(product.id, 0, 2, 0).await
}

async fn restocked_units_can_be_ordered(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(0).await?);
    world.staff().await?.restock(&new_key(), product.id, 4).await?;
    customer.buy(&product, 4).await?;
    world.wait_for_stock(product.id, 0, 4, 0).await
}

async fn the_stock_of_an_unknown_product_is_not_found(world: World) -> Result<()> {
    let staff = world.staff().await?;
    expect_problem(404, staff.stock(Uuid::now_v7()).await)?;
    expect_problem(404, staff.restock(&new_key(), Uuid::now_v7(), 1).await)?;
    Ok(())
}

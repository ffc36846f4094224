//! The stock ledger: received = available + held + sold. That it adds up is checked in every answer.

use anyhow::{Result, ensure};
use shop_client::model::{Reason, Status};
use shop_client::{Request, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{line, refused};

journeys![
    what_is_added_with_a_product_is_received_and_available,
    a_restock_adds_to_what_was_received,
    a_restock_of_nothing_or_too_much_is_refused,
    an_order_holds_its_stock_and_a_payment_sells_it,
    what_is_held_cannot_be_bought_by_another,
    restocked_units_can_be_bought,
    the_stock_of_an_unknown_product_is_not_found,
];

async fn what_is_added_with_a_product_is_received_and_available(world: World) -> Result<()> {
    let product = world.product(12).await?;
    world.stock_becomes(product.id, 12, 0, 0).await
}

async fn a_restock_adds_to_what_was_received(world: World) -> Result<()> {
    let (staff, product) = (world.staff().await?, world.product(5).await?);
    let stock = staff.restock(&new_key(), product.id, 7).await?;
    ensure!(stock.answer.status == 201 && stock.received == 12 && stock.available == 12);
    ensure!(world.shop.read_product(product.id).await?.available == 12);
    Ok(())
}

async fn a_restock_of_nothing_or_too_much_is_refused(world: World) -> Result<()> {
    let (staff, product) = (world.staff().await?, world.product(5).await?);
    for quantity in ["0", "-1", "1000001", "1.5", "99999999999999999999", "\"7\"", "null"] {
        let body = format!("{{\"quantity\": {quantity}}}");
        let path = format!("/products/{}/restocks", product.id);
        let answer = staff.send(Request::post(path).key(&new_key()).body(body)).await?;
        ensure!(answer.status == 422, "{quantity} was answered {}", answer.status);
    }
    world.stock_becomes(product.id, 5, 0, 0).await
}

async fn an_order_holds_its_stock_and_a_payment_sells_it(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(10).await?);
    let order = customer.buy(&product, 3).await?;
    world.stock_becomes(product.id, 7, 3, 0).await?;
    ensure!(world.shop.read_product(product.id).await?.available == 7);
    customer.pay_with(&order, "tok_ok").await?;
    world.stock_becomes(product.id, 7, 0, 3).await
}

async fn what_is_held_cannot_be_bought_by_another(world: World) -> Result<()> {
    let product = world.product(2).await?;
    world.customer().await?.buy(&product, 2).await?;
    let order = world.customer().await?.place(&[line(&product, 1)]).await?;
    ensure!(order.status == Status::Rejected && order.reason == Some(Reason::OutOfStock));
    world.stock_becomes(product.id, 0, 2, 0).await
}

async fn restocked_units_can_be_bought(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(0).await?);
    world.staff().await?.restock(&new_key(), product.id, 4).await?;
    customer.buy(&product, 4).await?;
    world.stock_becomes(product.id, 0, 4, 0).await
}

async fn the_stock_of_an_unknown_product_is_not_found(world: World) -> Result<()> {
    let staff = world.staff().await?;
    refused(404, staff.stock(Uuid::now_v7()).await)?;
    refused(404, staff.restock(&new_key(), Uuid::now_v7(), 1).await)?;
    Ok(())
}

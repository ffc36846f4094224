//! Authorization: which operations need a token, and which need the role `staff`.

use anyhow::{Result, ensure};
use shop_client::model::{Money, ProductChange, Role, Status};
use shop_client::{Method, Request, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{expect_problem, new_product};

journeys![
    the_staff_account_has_the_role_staff,
    an_operation_that_needs_a_token_is_401_without_one,
    a_customer_cannot_use_the_operations_of_staff,
    a_staff_operation_is_403_for_a_customer_even_if_the_resource_does_not_exist,
    the_order_of_another_customer_is_not_found,
    staff_can_read_every_order,
    staff_cannot_pay_for_a_customer,
    staff_can_list_all_orders_and_customers_only_their_own,
];

async fn the_staff_account_has_the_role_staff(world: World) -> Result<()> {
    ensure!(world.staff().await?.profile().await?.role == Role::Staff);
    Ok(())
}

async fn an_operation_that_needs_a_token_is_401_without_one(world: World) -> Result<()> {
    let id = Uuid::now_v7();
    let post = |path: String| Request::post(path).key(&new_key()).body("{}");
    for request in [
        Request::get("/users/me"),
        Request::new(Method::PATCH, "/users/me").body("{}"),
        Request::new(Method::PUT, "/users/me/password").body("{}"),
        post("/products".to_owned()),
        Request::new(Method::PATCH, format!("/products/{id}")).body("{}"),
        Request::get(format!("/products/{id}/stock")),
        post(format!("/products/{id}/restocks")),
        Request::get("/orders"),
        post("/orders".to_owned()),
        Request::get(format!("/orders/{id}")),
        post(format!("/orders/{id}/payment")),
        Request::post(format!("/orders/{id}/cancellation")),
        Request::post(format!("/orders/{id}/shipment")),
        Request::post(format!("/orders/{id}/delivery")),
    ] {
        let response = world.shop.send(request.clone()).await?;
        ensure!(response.status == 401, "{} {} returned {}", request.method, request.path, response.status);
    }
    Ok(())
}

async fn a_customer_cannot_use_the_operations_of_staff(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    let change = ProductChange { price: Some(Money::eur(1)), ..ProductChange::default() };
    expect_problem(403, customer.add_product(&new_key(), &new_product("Tea", 1)).await)?;
    expect_problem(403, customer.change_product(product.id, &change).await)?;
    expect_problem(403, customer.stock(product.id).await)?;
    expect_problem(403, customer.restock(&new_key(), product.id, 1).await)?;
    expect_problem(403, customer.ship(order.id).await)?;
    expect_problem(403, customer.deliver(order.id).await)?;
    expect_problem(403, customer.all_orders(None, None).await)?;
    ensure!(customer.order(order.id).await?.status == Status::Paid);
    world.wait_for_stock(product.id, 4, 0, 1).await
}

async fn a_staff_operation_is_403_for_a_customer_even_if_the_resource_does_not_exist(
    world: World,
) -> Result<()> {
    let customer = world.customer().await?;
    for id in [Uuid::now_v7().to_string(), "17".to_owned()] {
        for request in [
            Request::new(Method::PATCH, format!("/products/{id}")).body("{}"),
            Request::get(format!("/products/{id}/stock")),
            Request::post(format!("/products/{id}/restocks")).body("{}"),
            Request::post(format!("/orders/{id}/shipment")),
            Request::post(format!("/orders/{id}/delivery")),
        ] {
            let response = customer.send(request.clone()).await?;
            ensure!(
                response.status == 403,
                "{} {} returned {}",
                request.method,
                request.path,
                response.status
            );
        }
    }
    Ok(())
}

async fn the_order_of_another_customer_is_not_found(world: World) -> Result<()> {
    let (ada, eve, product) = (world.customer().await?, world.customer().await?, world.product(5).await?);
    let order = ada.buy(&product, 1).await?;
    expect_problem(404, eve.order(order.id).await)?;
    expect_problem(404, eve.pay(&new_key(), order.id, "tok_ok").await)?;
    expect_problem(404, eve.cancel(order.id).await)?;
    ensure!(eve.orders(None, None).await?.items.is_empty());
    ensure!(ada.order(order.id).await?.status == Status::AwaitingPayment);
    Ok(())
}

async fn staff_can_read_every_order(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    let read = world.staff().await?.order(order.id).await?;
    ensure!(read.id == order.id && read.customer_id == customer.user.id);
    Ok(())
}

async fn staff_cannot_pay_for_a_customer(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    expect_problem(404, world.staff().await?.pay(&new_key(), order.id, "tok_ok").await)?;
    ensure!(customer.order(order.id).await?.status == Status::AwaitingPayment);
    ensure!(world.charges(order.id).await?.is_empty());
    Ok(())
}

async fn staff_can_list_all_orders_and_customers_only_their_own(world: World) -> Result<()> {
    let (customer, staff, product) = (world.customer().await?, world.staff().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    let everybodys = staff.all_orders(Some(100), None).await?;
    ensure!(everybodys.items.iter().any(|listed| listed.id == order.id));
    let own = staff.orders(Some(100), None).await?;
    ensure!(own.items.iter().all(|listed| listed.id != order.id));
    let mine = customer.send(Request::get("/orders?scope=mine")).await?;
    ensure!(mine.status == 200);
    ensure!(customer.orders(None, None).await?.items.iter().map(|listed| listed.id).eq([order.id]));
    Ok(())
}

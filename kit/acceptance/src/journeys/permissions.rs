//! Who may do what.

use anyhow::{Result, ensure};
use shop_client::model::{Money, ProductChange, Role, Status};
use shop_client::{Method, Request, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{new_product, refused};

journeys![
    staff_are_staff,
    what_needs_a_token_is_401_without_one,
    a_customer_may_do_nothing_that_is_for_staff,
    to_a_customer_staff_operations_are_forbidden_whether_or_not_the_thing_exists,
    another_customers_order_is_not_found,
    staff_read_any_order,
    staff_cannot_pay_for_a_customer,
    staff_list_everybodys_orders_and_customers_their_own,
];

async fn staff_are_staff(world: World) -> Result<()> {
    ensure!(world.staff().await?.profile().await?.role == Role::Staff);
    Ok(())
}

async fn what_needs_a_token_is_401_without_one(world: World) -> Result<()> {
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
        let answer = world.shop.send(request.clone()).await?;
        ensure!(answer.status == 401, "{} {} was answered {}", request.method, request.path, answer.status);
    }
    Ok(())
}

async fn a_customer_may_do_nothing_that_is_for_staff(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.check_out(&product, 1).await?;
    let change = ProductChange { price: Some(Money::eur(1)), ..ProductChange::default() };
    refused(403, customer.add_product(&new_key(), &new_product("Tea", 1)).await)?;
    refused(403, customer.change_product(product.id, &change).await)?;
    refused(403, customer.stock(product.id).await)?;
    refused(403, customer.restock(&new_key(), product.id, 1).await)?;
    refused(403, customer.ship(order.id).await)?;
    refused(403, customer.deliver(order.id).await)?;
    refused(403, customer.all_orders(None, None).await)?;
    ensure!(customer.order(order.id).await?.status == Status::Paid);
    world.stock_becomes(product.id, 4, 0, 1).await
}

async fn to_a_customer_staff_operations_are_forbidden_whether_or_not_the_thing_exists(
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
            let answer = customer.send(request.clone()).await?;
            ensure!(
                answer.status == 403,
                "{} {} was answered {}",
                request.method,
                request.path,
                answer.status
            );
        }
    }
    Ok(())
}

async fn another_customers_order_is_not_found(world: World) -> Result<()> {
    let (ada, eve, product) = (world.customer().await?, world.customer().await?, world.product(5).await?);
    let order = ada.buy(&product, 1).await?;
    refused(404, eve.order(order.id).await)?;
    refused(404, eve.pay(&new_key(), order.id, "tok_ok").await)?;
    refused(404, eve.cancel(order.id).await)?;
    ensure!(eve.orders(None, None).await?.items.is_empty());
    ensure!(ada.order(order.id).await?.status == Status::AwaitingPayment);
    Ok(())
}

async fn staff_read_any_order(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    let read = world.staff().await?.order(order.id).await?;
    ensure!(read.id == order.id && read.customer_id == customer.user.id);
    Ok(())
}

async fn staff_cannot_pay_for_a_customer(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    refused(404, world.staff().await?.pay(&new_key(), order.id, "tok_ok").await)?;
    ensure!(customer.order(order.id).await?.status == Status::AwaitingPayment);
    ensure!(world.charges(order.id).await?.is_empty());
    Ok(())
}

async fn staff_list_everybodys_orders_and_customers_their_own(world: World) -> Result<()> {
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

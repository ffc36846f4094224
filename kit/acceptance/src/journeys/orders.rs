//! Placing and reading orders. The outcome of an order is read from its status, never inferred from the response to the
//! POST.

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use shop_client::model::{Line, Money, OrderItem, ProfileChange, Reason, Status};
use shop_client::{Request, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{Customer, SETTLE_TIMEOUT, eventually, expect_problem, line};

journeys![
    an_order_is_placed_and_awaits_payment,
    an_order_shows_the_prices_and_names_of_its_products,
    an_order_for_more_than_the_available_stock_is_rejected,
    an_order_is_all_or_nothing,
    an_order_for_an_unknown_product_is_rejected,
    a_rejected_order_can_be_neither_paid_nor_cancelled,
    an_order_has_one_to_fifty_different_products,
    a_quantity_is_a_whole_number_from_one_to_a_thousand,
    orders_are_listed_newest_first_in_pages,
    an_order_shows_the_current_name_of_its_customer,
    an_unknown_order_is_not_found,
];

async fn an_order_is_placed_and_awaits_payment(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let placed = customer.place_order(&new_key(), &[line(&product, 2)]).await?;
    ensure!(placed.response.status == 201);
    ensure!(placed.response.location() == Some(&*format!("/orders/{}", placed.id)));
    ensure!(placed.customer_id == customer.user.id && placed.id.get_version_num() == 7);
    let order = customer.wait_until_settled(placed.id, SETTLE_TIMEOUT).await?;
    ensure!(order.status == Status::AwaitingPayment && order.reason.is_none());
    ensure!(order.expires_at.is_some_and(|at| at > Timestamp::now()));
    ensure!(order.payment.captured == Money::eur(0) && order.payment.decline_code.is_none());
    Ok(())
}

async fn an_order_shows_the_prices_and_names_of_its_products(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let (tea, pot) = (world.product_named("Tea", 9).await?, world.product_named("Pot", 9).await?);
    let order = customer.place(&[line(&tea, 3), line(&pot, 1)]).await?;
    for (product, quantity) in [(tea, 3), (pot, 1)] {
        let item = OrderItem {
            product_id: product.id,
            quantity,
            name: Some(product.name),
            unit_price: Some(Money::eur(1999)),
        };
        ensure!(order.items.contains(&item), "{item:?} is not in the order");
    }
    ensure!(order.items.len() == 2 && order.total == Some(Money::eur(4 * 1999)));
    Ok(())
}

async fn an_order_for_more_than_the_available_stock_is_rejected(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.place(&[line(&product, 6)]).await?;
    ensure!(order.status == Status::Rejected && order.reason == Some(Reason::OutOfStock));
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn an_order_is_all_or_nothing(world: World) -> Result<()> {
    let customer = world.customer().await?;
    let (plenty, scarce) = (world.product(100).await?, world.product(1).await?);
    let order = customer.place(&[line(&plenty, 10), line(&scarce, 2)]).await?;
    ensure!(order.status == Status::Rejected && order.reason == Some(Reason::OutOfStock));
    world.wait_for_stock(plenty.id, 100, 0, 0).await?;
    world.wait_for_stock(scarce.id, 1, 0, 0).await
}

async fn an_order_for_an_unknown_product_is_rejected(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let unknown = Line { product_id: Uuid::now_v7(), quantity: 1 };
    let order = customer.place(&[line(&product, 1), unknown]).await?;
    ensure!(order.status == Status::Rejected && order.reason == Some(Reason::UnknownProduct));
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn a_rejected_order_can_be_neither_paid_nor_cancelled(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(0).await?);
    let order = customer.place(&[line(&product, 1)]).await?;
    expect_problem(409, customer.pay(&new_key(), order.id, "tok_ok").await)?;
    expect_problem(409, customer.cancel(order.id).await)?;
    Ok(())
}

async fn place_raw(customer: &Customer, items: &Value) -> Result<u16> {
    let request = Request::post("/orders").key(&new_key()).json(&json!({ "items": items }));
    Ok(customer.send(request).await?.status.as_u16())
}

async fn an_order_has_one_to_fifty_different_products(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let unknown = |count: usize| -> Vec<Line> {
        (0..count).map(|_| Line { product_id: Uuid::now_v7(), quantity: 1 }).collect()
    };
    expect_problem(422, customer.place_order(&new_key(), &[]).await)?;
    expect_problem(422, customer.place_order(&new_key(), &unknown(51)).await)?;
    expect_problem(422, customer.place_order(&new_key(), &[line(&product, 1), line(&product, 1)]).await)?;
    ensure!(customer.place(&unknown(50)).await?.items.len() == 50);
    Ok(())
}

async fn a_quantity_is_a_whole_number_from_one_to_a_thousand(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(2000).await?);
    let huge: Value = serde_json::from_str("99999999999999999999")?;
    let beyond_32_bits = json!(4_294_967_297_u64);
    let wrong = [json!(0), json!(-1), json!(1001), json!(1.5), json!("2"), json!(null), beyond_32_bits, huge];
    for quantity in wrong {
        let items = json!([{ "product_id": product.id, "quantity": quantity }]);
        ensure!(place_raw(&customer, &items).await? == 422, "the quantity {quantity} did not return 422");
    }
    for product_id in [json!("17"), json!(17), json!(""), json!(null)] {
        let items = json!([{ "product_id": product_id, "quantity": 1 }]);
        ensure!(place_raw(&customer, &items).await? == 422, "the product id {product_id} did not return 422");
    }
    customer.buy(&product, 1000).await?;
    world.wait_for_stock(product.id, 1000, 1000, 0).await
}

async fn orders_are_listed_newest_first_in_pages(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(100).await?);
    let mut newest_first = Vec::new();
    for _ in 0..7 {
        newest_first.insert(0, customer.place_order(&new_key(), &[line(&product, 1)]).await?.id);
    }
    let mut listed = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = customer.orders(Some(3), cursor.as_deref()).await?;
        listed.extend(page.items.iter().map(|order| order.id));
        // An order that is placed in the meantime is newer than the first page, so no later page contains it.
        customer.place_order(&new_key(), &[line(&product, 1)]).await?;
        cursor.clone_from(&page.next_cursor);
        if cursor.is_none() {
            break;
        }
    }
    ensure!(listed == newest_first);
    for query in ["limit=0", "limit=101", "cursor=garbage", "scope=theirs"] {
        let response = customer.send(Request::get(format!("/orders?{query}"))).await?;
        ensure!(response.status == 422, "{query} returned {}", response.status);
    }
    Ok(())
}

async fn an_order_shows_the_current_name_of_its_customer(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(5).await?);
    let order = customer.buy(&product, 1).await?;
    for name in ["Ada", "Countess of Lovelace"] {
        customer.change_profile(&ProfileChange { name: Some(name.to_owned()), email: None }).await?;
        eventually(SETTLE_TIMEOUT, async || {
            let shown = customer.order(order.id).await?.value.customer_name;
            ensure!(shown.as_deref() == Some(name));
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn an_unknown_order_is_not_found(world: World) -> Result<()> {
    let customer = world.customer().await?;
    expect_problem(404, customer.order(Uuid::now_v7()).await)?;
    expect_problem(404, customer.pay(&new_key(), Uuid::now_v7(), "tok_ok").await)?;
    expect_problem(404, customer.cancel(Uuid::now_v7()).await)?;
    Ok(())
}

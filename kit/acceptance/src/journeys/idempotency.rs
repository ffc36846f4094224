//! Idempotency keys: a retry with the same key has no second effect and returns the same response.

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shop_client::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use shop_client::model::{Status, Stock};
use shop_client::{Caller, Request, Response, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{PAYMENT_TIMEOUT, expect_problem, line, new_product};

journeys![
    a_retried_order_is_placed_once,
    a_retried_payment_is_charged_once,
    a_retried_restock_is_received_once,
    a_retried_product_is_added_once,
    a_retry_is_compared_as_json_not_by_its_bytes,
    a_key_cannot_be_reused_with_a_different_body,
    a_key_belongs_to_its_caller,
    a_key_belongs_to_its_path,
    a_key_remains_valid_after_a_new_log_in,
    a_rejected_request_does_not_use_up_its_key,
    every_operation_with_a_key_requires_it,
    a_key_has_one_to_sixty_four_visible_characters,
    concurrent_requests_with_one_key_have_one_effect,
    concurrent_payments_with_one_key_charge_once,
];

/// Sends a request twice and checks that the second response repeats the first one.
async fn send_twice(caller: &Caller, request: Request) -> Result<Response> {
    let first = caller.send(request.clone()).await?;
    ensure!(first.status.is_success() && !first.is_replayed());
    let again = caller.send(request).await?;
    ensure!(again.is_replayed(), "the retry returned no `Idempotency-Replayed: true`");
    ensure!(again.status == first.status && again.body == first.body, "the retry returned another response");
    for name in [CONTENT_TYPE, LOCATION] {
        ensure!(again.headers.get(&name) == first.headers.get(&name), "the retry returned another {name}");
    }
    Ok(first)
}

fn order_of(product: Uuid, quantity: u32) -> Value {
    json!({ "items": [{ "product_id": product, "quantity": quantity }] })
}

async fn a_retried_order_is_placed_once(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(9).await?);
    send_twice(&customer, Request::post("/orders").key(&new_key()).json(&order_of(product.id, 2))).await?;
    ensure!(customer.orders(None, None).await?.items.len() == 1);
    world.wait_for_stock(product.id, 7, 2, 0).await
}

async fn a_retried_payment_is_charged_once(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(9).await?);
    let order = customer.buy(&product, 1).await?;
    let pay = |source: &str| {
        Request::post(format!("/orders/{}/payment", order.id)).json(&json!({ "source": source }))
    };
    let declined = pay("tok_declined").key(&new_key());
    send_twice(&customer, declined.clone()).await?;
    ensure!(customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?.status == Status::AwaitingPayment);
    send_twice(&customer, pay("tok_ok").key(&new_key())).await?;
    ensure!(customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?.status == Status::Paid);
    // A retry of the declined payment still returns its own response and charges nothing.
    ensure!(customer.send(declined).await?.is_replayed());
    ensure!(world.charges(order.id).await?.len() == 1);
    Ok(())
}

async fn a_retried_restock_is_received_once(world: World) -> Result<()> {
    let (staff, product) = (world.staff().await?, world.product(1).await?);
    let request = Request::post(format!("/products/{}/restocks", product.id)).key(&new_key());
    let response = send_twice(&staff, request.json(&json!({ "quantity": 4 }))).await?;
    ensure!(serde_json::from_slice::<Stock>(&response.body)?.received == 5);
    world.wait_for_stock(product.id, 5, 0, 0).await
}

async fn a_retried_product_is_added_once(world: World) -> Result<()> {
    let staff = world.staff().await?;
    let product = new_product(&crate::world::unique_word(), 3);
    send_twice(&staff, Request::post("/products").key(&new_key()).json(&product)).await?;
    ensure!(world.shop.list_products(Some(&product.name), None, None).await?.items.len() == 1);
    Ok(())
}

async fn a_retry_is_compared_as_json_not_by_its_bytes(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(9).await?, new_key());
    let id = product.id;
    let compact = format!(r#"{{"items":[{{"product_id":"{id}","quantity":2}}]}}"#);
    let spacious = format!(r#" {{ "items" : [ {{ "quantity" : 2, "product_id" : "{id}" }} ] }} "#);
    let first = customer.send(Request::post("/orders").key(&key).body(compact)).await?;
    let again = customer.send(Request::post("/orders").key(&key).body(spacious)).await?;
    ensure!(again.is_replayed() && again.body == first.body);
    Ok(())
}

async fn a_key_cannot_be_reused_with_a_different_body(world: World) -> Result<()> {
    let (customer, staff) = (world.customer().await?, world.staff().await?);
    let (product, key) = (world.product(9).await?, new_key());
    let order = customer.place_order(&key, &[line(&product, 2)]).await?;
    expect_problem(422, customer.place_order(&key, &[line(&product, 3)]).await)?;
    customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?;
    customer.pay(&key, order.id, "tok_declined").await?;
    expect_problem(422, customer.pay(&key, order.id, "tok_ok").await)?;
    staff.restock(&key, product.id, 1).await?;
    expect_problem(422, staff.restock(&key, product.id, 2).await)?;
    staff.add_product(&key, &new_product("Tea", 1)).await?;
    expect_problem(422, staff.add_product(&key, &new_product("Pot", 1)).await)?;
    world.wait_for_stock(product.id, 8, 2, 0).await
}

async fn a_key_belongs_to_its_caller(world: World) -> Result<()> {
    let (ada, eve) = (world.customer().await?, world.customer().await?);
    let (product, key) = (world.product(9).await?, new_key());
    let of_ada = ada.place_order(&key, &[line(&product, 1)]).await?;
    let of_eve = eve.place_order(&key, &[line(&product, 2)]).await?;
    ensure!(of_ada.id != of_eve.id && !of_eve.response.is_replayed());
    world.wait_for_stock(product.id, 6, 3, 0).await
}

async fn a_key_belongs_to_its_path(world: World) -> Result<()> {
    let (staff, key) = (world.staff().await?, new_key());
    let (tea, pot) = (world.product(1).await?, world.product(1).await?);
    staff.restock(&key, tea.id, 1).await?;
    ensure!(!staff.restock(&key, pot.id, 1).await?.response.is_replayed());
    ensure!(!staff.place_order(&key, &[line(&tea, 1)]).await?.response.is_replayed());
    world.wait_for_stock(pot.id, 2, 0, 0).await
}

async fn a_key_remains_valid_after_a_new_log_in(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(9).await?, new_key());
    let first = customer.place_order(&key, &[line(&product, 1)]).await?;
    let again = customer.log_in_again().await?.place_order(&key, &[line(&product, 1)]).await?;
    ensure!(again.response.is_replayed() && again.id == first.id);
    Ok(())
}

async fn a_rejected_request_does_not_use_up_its_key(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(9).await?, new_key());
    expect_problem(422, customer.place_order(&key, &[line(&product, 0)]).await)?;
    let order = customer.place_order(&key, &[line(&product, 1)]).await?;
    ensure!(!order.response.is_replayed());

    let (staff, unpaid) =
        (world.staff().await?, customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?);
    expect_problem(422, customer.pay(&key, unpaid.id, "").await)?;
    customer.pay(&key, unpaid.id, "tok_ok").await?;
    expect_problem(422, staff.restock(&key, product.id, 0).await)?;
    staff.restock(&key, product.id, 1).await?;
    Ok(())
}

/// A valid request without a key for every operation that requires one, with a caller that may send it.
async fn keyed_requests(world: &World) -> Result<Vec<(Caller, Request)>> {
    let (customer, product) = (world.customer().await?, world.product(9).await?);
    let order = customer.buy(&product, 1).await?;
    let (staff, customer) = (world.staff().await?, (*customer).clone());
    Ok(vec![
        (staff.clone(), Request::post("/products").json(&new_product("Tea", 1))),
        (staff, Request::post(format!("/products/{}/restocks", product.id)).json(&json!({ "quantity": 1 }))),
        (customer.clone(), Request::post("/orders").json(&order_of(product.id, 1))),
        (
            customer,
            Request::post(format!("/orders/{}/payment", order.id)).json(&json!({ "source": "tok_ok" })),
        ),
    ])
}

async fn every_operation_with_a_key_requires_it(world: World) -> Result<()> {
    for (caller, request) in keyed_requests(&world).await? {
        let response = caller.send(request.clone()).await?;
        ensure!(response.status == 422, "{} without a key returned {}", request.path, response.status);
    }
    Ok(())
}

async fn a_key_has_one_to_sixty_four_visible_characters(world: World) -> Result<()> {
    const KEY: HeaderName = HeaderName::from_static("idempotency-key");
    let (longest, too_long) = ("k".repeat(64), "k".repeat(65));
    for (caller, request) in keyed_requests(&world).await? {
        for key in ["", "two words", "k\tk", "schlüssel", &too_long] {
            let mut request = request.clone();
            request.headers.push((KEY, HeaderValue::from_bytes(key.as_bytes())?));
            let response = caller.send(request.clone()).await?;
            ensure!(response.status == 422, "{} with key `{key}` returned {}", request.path, response.status);
        }
        ensure!(caller.send(request.clone().key(&longest)).await?.status.is_success());
    }
    let (customer, product) = (world.customer().await?, world.product(1).await?);
    let odd = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~";
    customer.place_order(odd, &[line(&product, 1)]).await?;
    Ok(())
}

async fn concurrent_requests_with_one_key_have_one_effect(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(50).await?, new_key());
    let lines = [line(&product, 1)];
    let replies = join_all((0..6).map(|_| customer.place_order(&key, &lines))).await;
    let replies: Vec<_> = replies.into_iter().collect::<Result<_, _>>()?;
    let first = replies.first().context("no response")?;
    ensure!(replies.iter().all(|reply| reply.response.body == first.response.body), "the responses differ");
    let replayed = replies.iter().filter(|reply| reply.response.is_replayed()).count();
    ensure!(replayed == 5, "{replayed} of six responses are marked as replayed");
    ensure!(customer.orders(None, None).await?.items.len() == 1);
    world.wait_for_stock(product.id, 49, 1, 0).await
}

async fn concurrent_payments_with_one_key_charge_once(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(5).await?, new_key());
    let order = customer.buy(&product, 1).await?;
    let (one, two) =
        tokio::join!(customer.pay(&key, order.id, "tok_ok"), customer.pay(&key, order.id, "tok_ok"));
    let (one, two) = (one?, two?);
    ensure!(
        one.response.body == two.response.body && one.response.is_replayed() != two.response.is_replayed()
    );
    ensure!(customer.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?.status == Status::Paid);
    ensure!(world.charges(order.id).await?.len() == 1);
    Ok(())
}

//! A key stands for one intent: asked twice, done once, and answered the same.

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shop_client::header::{HeaderName, HeaderValue};
use shop_client::model::{Status, Stock};
use shop_client::{Answer, Caller, Request, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{PAYMENT, line, new_product, refused};

journeys![
    a_repeated_order_is_placed_once,
    a_repeated_payment_is_made_once,
    a_repeated_restock_is_received_once,
    a_repeated_product_is_added_once,
    a_repeat_is_the_same_request_not_the_same_bytes,
    a_key_is_not_reused_for_another_body,
    a_key_belongs_to_its_caller,
    a_key_belongs_to_its_path,
    a_key_outlives_its_token,
    a_request_that_was_refused_leaves_its_key_free,
    every_keyed_request_needs_a_key,
    a_key_is_one_to_sixty_four_visible_characters,
    two_at_once_with_one_key_have_one_effect,
    two_payments_at_once_with_one_key_charge_once,
];

/// Sends a request twice and checks that the second answer is the first one again.
async fn twice(caller: &Caller, request: Request) -> Result<Answer> {
    let first = caller.send(request.clone()).await?;
    ensure!(first.status.is_success() && !first.is_replayed());
    let again = caller.send(request).await?;
    ensure!(again.is_replayed(), "the repeat lacks `Idempotency-Replayed: true`");
    ensure!(again.status == first.status && again.body == first.body, "the repeat is answered differently");
    Ok(first)
}

fn order_of(product: Uuid, quantity: u32) -> Value {
    json!({ "items": [{ "product_id": product, "quantity": quantity }] })
}

async fn a_repeated_order_is_placed_once(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(9).await?);
    twice(&customer, Request::post("/orders").key(&new_key()).json(&order_of(product.id, 2))).await?;
    ensure!(customer.orders(None, None).await?.items.len() == 1);
    world.stock_becomes(product.id, 7, 2, 0).await
}

async fn a_repeated_payment_is_made_once(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(9).await?);
    let order = customer.buy(&product, 1).await?;
    let pay = |source: &str| {
        Request::post(format!("/orders/{}/payment", order.id)).json(&json!({ "source": source }))
    };
    let declined = pay("tok_declined").key(&new_key());
    twice(&customer, declined.clone()).await?;
    ensure!(customer.settled(order.id, PAYMENT).await?.status == Status::AwaitingPayment);
    twice(&customer, pay("tok_ok").key(&new_key())).await?;
    ensure!(customer.settled(order.id, PAYMENT).await?.status == Status::Paid);
    // The old repeat still gets the old answer, and pays nothing.
    ensure!(customer.send(declined).await?.is_replayed());
    ensure!(world.charges(order.id).await?.len() == 1);
    Ok(())
}

async fn a_repeated_restock_is_received_once(world: World) -> Result<()> {
    let (staff, product) = (world.staff().await?, world.product(1).await?);
    let request = Request::post(format!("/products/{}/restocks", product.id)).key(&new_key());
    let answer = twice(&staff, request.json(&json!({ "quantity": 4 }))).await?;
    ensure!(serde_json::from_slice::<Stock>(&answer.body)?.received == 5);
    world.stock_becomes(product.id, 5, 0, 0).await
}

async fn a_repeated_product_is_added_once(world: World) -> Result<()> {
    let staff = world.staff().await?;
    let product = new_product(&crate::world::unique_word(), 3);
    twice(&staff, Request::post("/products").key(&new_key()).json(&product)).await?;
    ensure!(world.shop.list_products(Some(&product.name), None, None).await?.items.len() == 1);
    Ok(())
}

async fn a_repeat_is_the_same_request_not_the_same_bytes(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(9).await?, new_key());
    let id = product.id;
    let compact = format!(r#"{{"items":[{{"product_id":"{id}","quantity":2}}]}}"#);
    let spacious = format!(r#" {{ "items" : [ {{ "quantity" : 2, "product_id" : "{id}" }} ] }} "#);
    let first = customer.send(Request::post("/orders").key(&key).body(compact)).await?;
    let again = customer.send(Request::post("/orders").key(&key).body(spacious)).await?;
    ensure!(again.is_replayed() && again.body == first.body);
    Ok(())
}

async fn a_key_is_not_reused_for_another_body(world: World) -> Result<()> {
    let (customer, staff) = (world.customer().await?, world.staff().await?);
    let (product, key) = (world.product(9).await?, new_key());
    let order = customer.place_order(&key, &[line(&product, 2)]).await?;
    refused(422, customer.place_order(&key, &[line(&product, 3)]).await)?;
    customer.settled(order.id, PAYMENT).await?;
    customer.pay(&key, order.id, "tok_declined").await?;
    refused(422, customer.pay(&key, order.id, "tok_ok").await)?;
    staff.restock(&key, product.id, 1).await?;
    refused(422, staff.restock(&key, product.id, 2).await)?;
    staff.add_product(&key, &new_product("Tea", 1)).await?;
    refused(422, staff.add_product(&key, &new_product("Pot", 1)).await)?;
    world.stock_becomes(product.id, 8, 2, 0).await
}

async fn a_key_belongs_to_its_caller(world: World) -> Result<()> {
    let (ada, eve) = (world.customer().await?, world.customer().await?);
    let (product, key) = (world.product(9).await?, new_key());
    let hers = ada.place_order(&key, &[line(&product, 1)]).await?;
    let others = eve.place_order(&key, &[line(&product, 2)]).await?;
    ensure!(hers.id != others.id && !others.answer.is_replayed());
    world.stock_becomes(product.id, 6, 3, 0).await
}

async fn a_key_belongs_to_its_path(world: World) -> Result<()> {
    let (staff, key) = (world.staff().await?, new_key());
    let (tea, pot) = (world.product(1).await?, world.product(1).await?);
    staff.restock(&key, tea.id, 1).await?;
    ensure!(!staff.restock(&key, pot.id, 1).await?.answer.is_replayed());
    ensure!(!staff.place_order(&key, &[line(&tea, 1)]).await?.answer.is_replayed());
    world.stock_becomes(pot.id, 2, 0, 0).await
}

async fn a_key_outlives_its_token(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(9).await?, new_key());
    let first = customer.place_order(&key, &[line(&product, 1)]).await?;
    let again = customer.logged_in().await?.place_order(&key, &[line(&product, 1)]).await?;
    ensure!(again.answer.is_replayed() && again.id == first.id);
    Ok(())
}

async fn a_request_that_was_refused_leaves_its_key_free(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(9).await?, new_key());
    refused(422, customer.place_order(&key, &[line(&product, 0)]).await)?;
    let order = customer.place_order(&key, &[line(&product, 1)]).await?;
    ensure!(!order.answer.is_replayed());

    let (staff, unpaid) = (world.staff().await?, customer.settled(order.id, PAYMENT).await?);
    refused(422, customer.pay(&key, unpaid.id, "").await)?;
    customer.pay(&key, unpaid.id, "tok_ok").await?;
    refused(422, staff.restock(&key, product.id, 0).await)?;
    staff.restock(&key, product.id, 1).await?;
    Ok(())
}

/// Every keyed request, each good but for its key, with the one who may send it.
async fn keyed(world: &World) -> Result<Vec<(Caller, Request)>> {
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

async fn every_keyed_request_needs_a_key(world: World) -> Result<()> {
    for (caller, request) in keyed(&world).await? {
        let answer = caller.send(request.clone()).await?;
        ensure!(answer.status == 422, "{} without a key was answered {}", request.path, answer.status);
    }
    Ok(())
}

async fn a_key_is_one_to_sixty_four_visible_characters(world: World) -> Result<()> {
    const KEY: HeaderName = HeaderName::from_static("idempotency-key");
    let (longest, too_long) = ("k".repeat(64), "k".repeat(65));
    for (caller, request) in keyed(&world).await? {
        for key in ["", "two words", "k\tk", "schlüssel", &too_long] {
            let mut request = request.clone();
            request.headers.push((KEY, HeaderValue::from_bytes(key.as_bytes())?));
            let answer = caller.send(request.clone()).await?;
            ensure!(answer.status == 422, "{} with key `{key}` was answered {}", request.path, answer.status);
        }
        ensure!(caller.send(request.clone().key(&longest)).await?.status.is_success());
    }
    let (customer, product) = (world.customer().await?, world.product(1).await?);
    let odd = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~";
    customer.place_order(odd, &[line(&product, 1)]).await?;
    Ok(())
}

async fn two_at_once_with_one_key_have_one_effect(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(50).await?, new_key());
    let lines = [line(&product, 1)];
    let replies = join_all((0..6).map(|_| customer.place_order(&key, &lines))).await;
    let replies: Vec<_> = replies.into_iter().collect::<Result<_, _>>()?;
    let first = replies.first().context("no answer")?;
    ensure!(replies.iter().all(|reply| reply.answer.body == first.answer.body), "the answers differ");
    let replayed = replies.iter().filter(|reply| reply.answer.is_replayed()).count();
    ensure!(replayed == 5, "{replayed} of six answers are marked as replayed");
    ensure!(customer.orders(None, None).await?.items.len() == 1);
    world.stock_becomes(product.id, 49, 1, 0).await
}

async fn two_payments_at_once_with_one_key_charge_once(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(5).await?, new_key());
    let order = customer.buy(&product, 1).await?;
    let (one, two) =
        tokio::join!(customer.pay(&key, order.id, "tok_ok"), customer.pay(&key, order.id, "tok_ok"));
    let (one, two) = (one?, two?);
    ensure!(one.answer.body == two.answer.body && one.answer.is_replayed() != two.answer.is_replayed());
    ensure!(customer.settled(order.id, PAYMENT).await?.status == Status::Paid);
    ensure!(world.charges(order.id).await?.len() == 1);
    Ok(())
}

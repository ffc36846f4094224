//! Integers in JSON: by JSON Schema 2020-12 a number without a fraction is an integer, however it is written.

use anyhow::{Result, ensure};
use shop_client::model::{Order, Product, Stock};
use shop_client::{Request, new_key};

use crate::World;

journeys![
    an_integer_may_be_written_with_a_zero_fraction_or_an_exponent,
    an_integer_in_another_notation_is_the_same_body,
    a_number_with_a_fraction_is_422,
];

async fn an_integer_may_be_written_with_a_zero_fraction_or_an_exponent(world: World) -> Result<()> {
    let (staff, customer) = (world.staff().await?, world.customer().await?);
    let body = r#"{"name": "Tea", "price": {"amount": 100.0, "currency": "EUR"}, "stock": 1e2}"#;
    let response = staff.send(Request::post("/products").key(&new_key()).body(body)).await?;
    ensure!(response.status == 201, "adding a product returned {}", response.status);
    let product: Product = serde_json::from_slice(&response.body)?;
    ensure!(product.price.amount == 100 && product.available == 100);

    let restock = Request::post(format!("/products/{}/restocks", product.id)).key(&new_key());
    let response = staff.send(restock.body(r#"{"quantity": 50e-1}"#)).await?;
    ensure!(response.status == 201, "a restock returned {}", response.status);
    ensure!(serde_json::from_slice::<Stock>(&response.body)?.received == 105);

    let items = format!(r#"{{"items": [{{"product_id": "{}", "quantity": 2.0}}]}}"#, product.id);
    let response = customer.send(Request::post("/orders").key(&new_key()).body(items)).await?;
    ensure!(response.status == 201, "placing an order returned {}", response.status);
    ensure!(serde_json::from_slice::<Order>(&response.body)?.items[0].quantity == 2);
    Ok(())
}

async fn an_integer_in_another_notation_is_the_same_body(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(9).await?, new_key());
    let order = |quantity: &str| {
        let items = format!(r#"{{"items": [{{"product_id": "{}", "quantity": {quantity}}}]}}"#, product.id);
        Request::post("/orders").key(&key).body(items)
    };
    let first = customer.send(order("2")).await?;
    let retry = customer.send(order("2.0")).await?;
    ensure!(
        retry.is_replayed() && retry.body == first.body,
        "`2.0` returned {}, not the order",
        retry.status
    );
    Ok(())
}

async fn a_number_with_a_fraction_is_422(world: World) -> Result<()> {
    let (staff, product) = (world.staff().await?, world.product(1).await?);
    for quantity in ["1.5", "1.0000001", "15e-1"] {
        let restock = Request::post(format!("/products/{}/restocks", product.id)).key(&new_key());
        let response = staff.send(restock.body(format!(r#"{{"quantity": {quantity}}}"#))).await?;
        ensure!(response.status == 422, "{quantity} returned {}", response.status);
    }
    Ok(())
}

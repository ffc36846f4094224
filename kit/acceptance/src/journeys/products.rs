//! Adding, changing and listing products.

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use shop_client::model::{Money, NewProduct, Product, ProductChange};
use shop_client::{Request, Shop, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{ensure_names_field, expect_problem, line, new_product, unique_word};

journeys![
    staff_add_a_product_and_everyone_can_read_it,
    the_description_of_a_product_is_optional,
    an_invalid_product_is_422_and_the_problem_names_each_field,
    the_largest_allowed_values_are_accepted,
    the_largest_product_is_accepted_when_every_character_is_escaped,
    a_product_change_affects_only_the_given_fields,
    an_invalid_product_change_has_no_effect,
    a_new_price_does_not_affect_existing_orders,
    an_unknown_product_is_not_found,
    products_are_listed_newest_first,
    pages_have_no_duplicates_and_no_gaps_while_products_are_added,
    a_page_has_as_many_items_as_requested_and_twenty_by_default,
    an_invalid_limit_or_cursor_is_422,
];

async fn staff_add_a_product_and_everyone_can_read_it(world: World) -> Result<()> {
    let product = NewProduct { description: "Black, loose".to_owned(), ..new_product("Tea", 7) };
    let added = world.staff().await?.add_product(&new_key(), &product).await?;
    ensure!(added.response.status == 201);
    ensure!(added.response.location() == Some(&*format!("/products/{}", added.id)));
    ensure!(added.name == "Tea" && added.description == "Black, loose" && added.price == Money::eur(1999));
    ensure!(added.available == 7 && added.id.get_version_num() == 7);
    ensure!(world.shop.read_product(added.id).await?.value == added.value);
    Ok(())
}

async fn the_description_of_a_product_is_optional(world: World) -> Result<()> {
    let body = r#"{"name": "Tea", "price": {"amount": 1, "currency": "EUR"}, "stock": 0}"#;
    let response = world.staff().await?.send(Request::post("/products").key(&new_key()).body(body)).await?;
    ensure!(response.status == 201);
    let added: Product = serde_json::from_slice(&response.body)?;
    ensure!(added.description.is_empty() && added.available == 0);
    Ok(())
}

async fn an_invalid_product_is_422_and_the_problem_names_each_field(world: World) -> Result<()> {
    let staff = world.staff().await?;
    let good = new_product("Tea", 1);
    let dollars = Money { amount: 5, currency: "USD".to_owned() };
    for (field, wrong) in [
        ("name", NewProduct { name: String::new(), ..good.clone() }),
        ("name", NewProduct { name: "x".repeat(201), ..good.clone() }),
        ("name", NewProduct { name: "Te\0a".to_owned(), ..good.clone() }),
        ("description", NewProduct { description: "x".repeat(4001), ..good.clone() }),
        ("price", NewProduct { price: Money::eur(0), ..good.clone() }),
        ("price", NewProduct { price: Money::eur(100_000_001), ..good.clone() }),
        ("price", NewProduct { price: dollars, ..good.clone() }),
        ("stock", NewProduct { stock: 1_000_001, ..good }),
    ] {
        let problem = expect_problem(422, staff.add_product(&new_key(), &wrong).await)?;
        ensure_names_field(&problem, field)?;
    }
    Ok(())
}

async fn the_largest_allowed_values_are_accepted(world: World) -> Result<()> {
    let largest = NewProduct {
        name: "🫖".repeat(200),
        description: "é".repeat(4000),
        price: Money::eur(100_000_000),
        stock: 1_000_000,
    };
    let added = world.staff().await?.add_product(&new_key(), &largest).await?;
    ensure!(added.name == largest.name && added.description == largest.description);
    ensure!(added.available == 1_000_000 && added.price.amount == 100_000_000);
    Ok(())
}

async fn the_largest_product_is_accepted_when_every_character_is_escaped(world: World) -> Result<()> {
    let (name, description) = (r"\ud83e\uded6".repeat(200), r"\ud83e\uded6".repeat(4000));
    let price = r#"{"amount": 1, "currency": "EUR"}"#;
    let body =
        format!(r#"{{"name": "{name}", "description": "{description}", "price": {price}, "stock": 1}}"#);
    let response = world.staff().await?.send(Request::post("/products").key(&new_key()).body(body)).await?;
    ensure!(response.status == 201);
    ensure!(serde_json::from_slice::<Product>(&response.body)?.description == "🫖".repeat(4000));
    Ok(())
}

async fn a_product_change_affects_only_the_given_fields(world: World) -> Result<()> {
    let (staff, product) = (world.staff().await?, world.product(3).await?);
    let change = ProductChange { description: Some("Green".to_owned()), ..ProductChange::default() };
    let changed = staff.change_product(product.id, &change).await?.value;
    ensure!(changed.description == "Green" && changed.updated_at >= product.updated_at);
    ensure!(
        Product { description: String::new(), updated_at: product.updated_at, ..changed.clone() } == product
    );
    ensure!(world.shop.read_product(product.id).await?.value == changed);
    Ok(())
}

async fn an_invalid_product_change_has_no_effect(world: World) -> Result<()> {
    let (staff, product) = (world.staff().await?, world.product(3).await?);
    let nothing = ProductChange::default();
    let half = ProductChange { name: Some("New".to_owned()), price: Some(Money::eur(0)), ..nothing.clone() };
    let nameless = ProductChange { name: Some(String::new()), ..nothing.clone() };
    for wrong in [nothing, half, nameless] {
        expect_problem(422, staff.change_product(product.id, &wrong).await)?;
    }
    ensure!(world.shop.read_product(product.id).await?.value == product);
    Ok(())
}

async fn a_new_price_does_not_affect_existing_orders(world: World) -> Result<()> {
    let (customer, product) = (world.customer().await?, world.product(10).await?);
    let before = customer.buy(&product, 2).await?;
    let change = ProductChange { price: Some(Money::eur(500)), ..ProductChange::default() };
    world.staff().await?.change_product(product.id, &change).await?;
    let again = customer.order(before.id).await?;
    ensure!(again.items == before.items && again.total == Some(Money::eur(3998)));
    let paid = customer.pay_with(&again, "tok_ok").await?;
    ensure!(paid.payment.captured == Money::eur(3998));
    let after = customer.place(&[line(&product, 2)]).await?;
    ensure!(after.total == Some(Money::eur(1000)));
    Ok(())
}

async fn an_unknown_product_is_not_found(world: World) -> Result<()> {
    expect_problem(404, world.shop.read_product(Uuid::now_v7()).await)?;
    let change = ProductChange { name: Some("New".to_owned()), ..ProductChange::default() };
    expect_problem(404, world.staff().await?.change_product(Uuid::now_v7(), &change).await)?;
    Ok(())
}

/// Reads the ids of all products that match, page by page.
async fn matching_ids(shop: &Shop, search: &str, limit: u32) -> Result<Vec<Uuid>> {
    let mut ids = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = shop.list_products(Some(search), Some(limit), cursor.as_deref()).await?;
        ensure!(page.items.len() <= limit as usize, "{} items on a page of {limit}", page.items.len());
        ids.extend(page.items.iter().map(|product| product.id));
        cursor.clone_from(&page.next_cursor);
        if cursor.is_none() {
            return Ok(ids);
        }
    }
}

async fn products_are_listed_newest_first(world: World) -> Result<()> {
    let (older, newer) = (world.product(1).await?, world.product(1).await?);
    // Other journeys add products concurrently, so both products are near the top of the list, but not at the top.
    let page = world.shop.list_products(None, Some(100), None).await?;
    let place = |id: Uuid| page.items.iter().position(|product| product.id == id);
    ensure!(place(newer.id).context("not listed")? < place(older.id).context("not listed")?);
    ensure!(page.items.is_sorted_by(|one, next| one.created_at >= next.created_at));
    Ok(())
}

async fn pages_have_no_duplicates_and_no_gaps_while_products_are_added(world: World) -> Result<()> {
    let (staff, rare) = (world.staff().await?, unique_word());
    let mut newest_first = Vec::new();
    for number in 0..11 {
        let product = new_product(&format!("{rare} {number}"), 1);
        newest_first.insert(0, staff.add_product(&new_key(), &product).await?.id);
    }
    ensure!(matching_ids(&world.shop, &rare, 3).await? == newest_first);

    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = world.shop.list_products(Some(&rare), Some(2), cursor.as_deref()).await?;
        seen.extend(page.items.iter().map(|product| product.id));
        staff.add_product(&new_key(), &new_product(&format!("{rare} late"), 1)).await?;
        cursor.clone_from(&page.next_cursor);
        if cursor.is_none() {
            break;
        }
    }
    ensure!(seen.iter().collect::<HashSet<_>>().len() == seen.len(), "a product was listed twice");
    ensure!(seen == newest_first, "products that were added in the meantime changed the later pages");
    Ok(())
}

async fn a_page_has_as_many_items_as_requested_and_twenty_by_default(world: World) -> Result<()> {
    let (staff, rare) = (world.staff().await?, unique_word());
    for _ in 0..21 {
        staff.add_product(&new_key(), &new_product(&rare, 1)).await?;
    }
    for (limit, length) in [(None, 20), (Some(1), 1), (Some(21), 21), (Some(100), 21)] {
        let page = world.shop.list_products(Some(&rare), limit, None).await?;
        ensure!(page.items.len() == length, "limit {limit:?} returned {} items", page.items.len());
        ensure!(page.next_cursor.is_some() == (length < 21), "limit {limit:?} has {:?}", page.next_cursor);
    }
    Ok(())
}

async fn an_invalid_limit_or_cursor_is_422(world: World) -> Result<()> {
    let long = format!("cursor={}", "a".repeat(201));
    let limits = ["limit=0", "limit=101", "limit=-1", "limit=ten", "limit=1.5", "limit="];
    for query in limits.into_iter().chain(["cursor=garbage", "cursor=%F0%9F%92%A9", &long]) {
        let response = world.shop.send(Request::get(format!("/products?{query}"))).await?;
        ensure!(response.status == 422, "{query} returned {}", response.status);
    }
    Ok(())
}

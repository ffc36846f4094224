//! The routes below `/products`.

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    App, Error,
    domain::{Description, NewProduct, Price, Product, ProductChange, ProductName, Stock, parse_units},
};
use chassis::{
    idempotency::Answer,
    web::{
        Body, Cursor, Invalid, KeyHeader, Limit, Object, Page, PathId, Query, Staff, has_length, non_null,
    },
};
use contracts::{
    money::{Currency, Money},
    stock::ProductId,
};

/// The routes of products.
pub fn router() -> Router<App> {
    Router::new()
        .route("/products", get(list_products).post(add_product))
        .route("/products/{id}", get(read_product).patch(change_product))
        .route("/products/{id}/stock", get(read_stock))
        .route("/products/{id}/restocks", post(restock))
}

#[derive(Deserialize)]
struct ListProductsQuery {
    q: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

async fn list_products(
    State(app): State<App>,
    query: Query<ListProductsQuery>,
) -> Result<Json<Page<Product>>, Error> {
    let query = query.parse()?;
    let search = query.q.unwrap_or_default();
    let mut invalid = Invalid::default();
    let short = has_length(&search, 0..=100) && !search.contains('\0');
    let valid =
        invalid.check("q", short.then_some(()).ok_or("must have at most 100 characters, none of them NUL"));
    let limit = invalid.check("limit", Limit::parse(query.limit.as_deref()));
    let cursor = invalid.check("cursor", Cursor::parse(query.cursor.as_deref()));
    let (Some(()), Some(limit), Some(cursor)) = (valid, limit, cursor) else { return Err(invalid.into()) };

    Ok(Json(app.list_products(&search, limit, cursor).await?))
}

async fn read_product(State(app): State<App>, PathId(id): PathId) -> Result<Json<Product>, Error> {
    Ok(Json(app.read_product(ProductId(id)).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddProductBody {
    name: String,
    #[serde(default)]
    description: String,
    price: Object<PriceBody>,
    stock: i64,
}

/// Rejects unknown fields, like every body. `Money` itself accepts them, because messages may get new fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceBody {
    amount: i64,
    currency: Currency,
}

impl PriceBody {
    fn parse(self) -> Result<Price, &'static str> {
        Price::parse(Money { amount: self.amount, currency: self.currency })
    }
}

async fn add_product(
    State(app): State<App>,
    body: Body,
    Staff(caller): Staff,
    key: KeyHeader,
) -> Result<Answer, Error> {
    let request = body.canonical();
    let body: AddProductBody = body.parse()?;
    let mut invalid = Invalid::default();
    let key = invalid.check(KeyHeader::NAME, key.parse());
    let name = invalid.check("name", ProductName::parse(body.name));
    let description = invalid.check("description", Description::parse(body.description));
    let price = invalid.check("price", body.price.0.parse());
    let stock = invalid.check("stock", parse_units(body.stock, 0));
    let (Some(key), Some(name), Some(description), Some(price), Some(stock)) =
        (key, name, description, price, stock)
    else {
        return Err(invalid.into());
    };

    app.add_product(caller, &key, &request, NewProduct { name, description, price, stock }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeProductBody {
    #[serde(default, deserialize_with = "non_null")]
    name: Option<String>,
    #[serde(default, deserialize_with = "non_null")]
    description: Option<String>,
    #[serde(default, deserialize_with = "non_null")]
    price: Option<Object<PriceBody>>,
}

async fn change_product(
    State(app): State<App>,
    body: Body,
    Staff(_): Staff,
    PathId(id): PathId,
) -> Result<Json<Product>, Error> {
    let id = app.read_product(ProductId(id)).await?.id; // 404 comes before 422
    let body: ChangeProductBody = body.parse()?;
    if body.name.is_none() && body.description.is_none() && body.price.is_none() {
        return Err(Invalid::field("body", "must contain at least one of name, description and price").into());
    }
    let mut invalid = Invalid::default();
    let name = invalid.check("name", body.name.map(ProductName::parse).transpose());
    let description = invalid.check("description", body.description.map(Description::parse).transpose());
    let price = invalid.check("price", body.price.map(|price| price.0.parse()).transpose());
    let (Some(name), Some(description), Some(price)) = (name, description, price) else {
        return Err(invalid.into());
    };

    Ok(Json(app.change_product(id, ProductChange { name, description, price }).await?))
}

async fn read_stock(
    State(app): State<App>,
    Staff(_): Staff,
    PathId(id): PathId,
) -> Result<Json<Stock>, Error> {
    Ok(Json(app.read_stock(ProductId(id)).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestockBody {
    quantity: i64,
}

async fn restock(
    State(app): State<App>,
    body: Body,
    Staff(caller): Staff,
    PathId(id): PathId,
    key: KeyHeader,
) -> Result<Answer, Error> {
    let id = app.read_product(ProductId(id)).await?.id; // 404 comes before 422
    let request = body.canonical();
    let body: RestockBody = body.parse()?;
    let mut invalid = Invalid::default();
    let key = invalid.check(KeyHeader::NAME, key.parse());
    let quantity = invalid.check("quantity", parse_units(body.quantity, 1));
    let (Some(key), Some(quantity)) = (key, quantity) else { return Err(invalid.into()) };

    app.restock(caller, &key, &request, id, quantity).await
}

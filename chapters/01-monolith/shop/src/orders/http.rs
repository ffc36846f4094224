//! The routes below `/orders`.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    App, Error,
    domain::{Lines, Order, OrderId, Source},
};
use crate::products::{ProductId, Quantity};
use crate::{
    caller::Caller,
    idempotency::Answer,
    web::{Body, Cursor, Invalid, KeyHeader, Limit, Object, Page, PathId, Problem, Query, Staff, parse_id},
};

/// The routes of orders.
pub fn router() -> Router<App> {
    Router::new()
        .route("/orders", get(list_orders).post(place_order))
        .route("/orders/{id}", get(read_order))
        .route("/orders/{id}/payment", post(pay_order))
        .route("/orders/{id}/cancellation", post(cancel_order))
        .route("/orders/{id}/shipment", post(ship_order))
        .route("/orders/{id}/delivery", post(deliver_order))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceOrderBody {
    items: Vec<Object<LineBody>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineBody {
    product_id: String,
    quantity: i64,
}

async fn place_order(
    State(app): State<App>,
    body: Body,
    caller: Caller,
    key: KeyHeader,
) -> Result<Answer, Error> {
    let request = body.canonical();
    let body: PlaceOrderBody = body.parse()?;
    let mut invalid = Invalid::default();
    let key = invalid.check(KeyHeader::NAME, key.parse());
    let mut lines = Vec::with_capacity(body.items.len());
    for (index, Object(line)) in body.items.into_iter().enumerate() {
        let product = invalid.check(format!("items[{index}].product_id"), parse_id(&line.product_id));
        let quantity = invalid.check(format!("items[{index}].quantity"), Quantity::parse(line.quantity));
        lines.extend(product.map(ProductId).zip(quantity));
    }
    if !invalid.is_empty() {
        return Err(invalid.into());
    }
    let lines = invalid.check("items", Lines::parse(lines));
    let (Some(key), Some(lines)) = (key, lines) else { return Err(invalid.into()) };

    app.place_order(caller, &key, &request, lines).await
}

#[derive(Deserialize)]
struct ListOrdersQuery {
    scope: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

async fn list_orders(
    State(app): State<App>,
    caller: Caller,
    query: Query<ListOrdersQuery>,
) -> Result<Json<Page<Order>>, Error> {
    let query = query.parse()?;
    let mut invalid = Invalid::default();
    let all_customers = match query.scope.as_deref() {
        None | Some("mine") => Ok(false),
        Some("all") if caller.is_staff() => Ok(true),
        Some("all") => return Err(Problem::forbidden().into()),
        Some(_) => Err("must be mine or all"),
    };
    let all_customers = invalid.check("scope", all_customers);
    let limit = invalid.check("limit", Limit::parse(query.limit.as_deref()));
    let cursor = invalid.check("cursor", Cursor::parse(query.cursor.as_deref()));
    let (Some(all_customers), Some(limit), Some(cursor)) = (all_customers, limit, cursor) else {
        return Err(invalid.into());
    };

    Ok(Json(app.list_orders(caller, all_customers, limit, cursor).await?))
}

async fn read_order(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<Order>, Error> {
    Ok(Json(app.read_order(caller, OrderId(id)).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayOrderBody {
    source: String,
}

async fn pay_order(
    State(app): State<App>,
    body: Body,
    caller: Caller,
    PathId(id): PathId,
    key: KeyHeader,
) -> Result<Answer, Error> {
    let id = app.read_own_order(caller, OrderId(id)).await?.id; // 404 comes before 422
    let request = body.canonical();
    let body: PayOrderBody = body.parse()?;
    let mut invalid = Invalid::default();
    let key = invalid.check(KeyHeader::NAME, key.parse());
    let source = invalid.check("source", Source::parse(body.source));
    let (Some(key), Some(source)) = (key, source) else { return Err(invalid.into()) };

    app.pay_order(caller, &key, &request, id, source).await
}

async fn cancel_order(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<(StatusCode, Json<Order>), Error> {
    Ok((StatusCode::ACCEPTED, Json(app.cancel_order(caller, OrderId(id)).await?)))
}

async fn ship_order(
    State(app): State<App>,
    Staff(_): Staff,
    PathId(id): PathId,
) -> Result<Json<Order>, Error> {
    Ok(Json(app.ship_order(OrderId(id)).await?))
}

async fn deliver_order(
    State(app): State<App>,
    Staff(_): Staff,
    PathId(id): PathId,
) -> Result<Json<Order>, Error> {
    Ok(Json(app.deliver_order(OrderId(id)).await?))
}

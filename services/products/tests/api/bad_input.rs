//! Invalid requests: the service does not rely on the gateway.

use contracts::caller::Role;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Products, new_caller};

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let products = Products::open().await;
    let send = async |content_type: &str, body: &[u8]| {
        let request = Request::post("/products").header("content-type", content_type);
        products.client.send(request, Some(products.staff), body.to_vec().into()).await.status
    };
    for broken in [&b"{"[..], b"{'name': 1}", b"\xff\xfe", b"{\"name\": \"\xc3\x28\"}", b"nul", b"1 2", b""] {
        assert_eq!(send("application/json", broken).await, StatusCode::BAD_REQUEST);
    }
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    assert_eq!(send("application/json", deep.as_bytes()).await, StatusCode::BAD_REQUEST);
    assert_eq!(send("text/plain", b"{}").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let huge = " ".repeat(contracts::call::BODY_LIMIT + 1);
    assert_eq!(send("application/json", huge.as_bytes()).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_invalid_product_is_refused_and_every_field_is_named() {
    let products = Products::open().await;
    let with = |field: &str, value: Value| {
        let mut body = json!({"name": "Mug", "price": {"amount": 100, "currency": "EUR"}, "stock": 1});
        body[field] = value;
        body
    };
    let price = |amount: Value| with("price", json!({"amount": amount, "currency": "EUR"}));
    let bad = [
        (json!([]), "body"),
        (json!(null), "body"),
        (json!({}), "name"),
        (with("name", json!("")), "name"),
        (with("name", json!("x".repeat(201))), "name"),
        (with("name", json!("Mug\0")), "name"),
        (with("name", json!(7)), "name"),
        (with("description", json!("x".repeat(4001))), "description"),
        (with("price", json!(100)), "price"),
        (with("price", json!([100, "EUR"])), "price"),
        (with("price", json!({"amount": 100, "currency": "USD"})), "price.currency"),
        (with("price", json!({"amount": 100, "currency": "EUR", "more": 1})), "price.more"),
        (price(json!(0)), "price"),
        (price(json!(100_000_001)), "price"),
        (price(json!(1.5)), "price.amount"),
        (price(json!(u64::MAX)), "price.amount"),
        (with("stock", json!(-1)), "stock"),
        (with("stock", json!(1_000_001)), "stock"),
        (with("stock", json!("1")), "stock"),
        (with("sold", json!(1)), "sold"),
    ];
    for (body, field) in bad {
        let refused = products.post("/products", body.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(refused.body["errors"][0]["field"], field, "{body}: {}", refused.body);
    }
    let all = products
        .post("/products", json!({"name": "", "price": {"amount": 0, "currency": "EUR"}, "stock": -1}))
        .await;
    assert_eq!(all.body["errors"].as_array().unwrap().len(), 3);
    assert_eq!(products.get("/products").await.body["items"], json!([]));
}

#[tokio::test]
async fn checks_run_in_the_order_that_the_api_documents() {
    let products = Products::open().await;
    let post =
        async |path: &str, caller, body| products.client.json(Request::post(path), caller, body).await.status;
    let (customer, staff) = (Some(new_caller(Role::Customer)), Some(products.staff));
    let nothing = format!("/products/{}/restocks", Uuid::now_v7());
    assert_eq!(post(&nothing, None, json!({})).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&nothing, customer, json!({})).await, StatusCode::FORBIDDEN, "before 404");
    assert_eq!(post(&nothing, staff, json!({})).await, StatusCode::NOT_FOUND, "before 422");
    assert_eq!(post("/products/7/restocks", staff, json!({})).await, StatusCode::NOT_FOUND);
    let broken = Request::post(&nothing).header("content-type", "application/json");
    assert_eq!(
        products.client.send(broken, None, "{".into()).await.status,
        StatusCode::BAD_REQUEST,
        "before 401"
    );

    let mug = products.product("Mug", 100, 5).await;
    let restocks = format!("/products/{}/restocks", mug.0);
    let keyless = products.client.json(Request::post(&restocks), staff, json!({"quantity": 1})).await;
    assert_eq!(keyless.body["errors"][0]["field"], "Idempotency-Key");
    for quantity in [json!(0), json!(-1), json!(1_000_001), json!(1.5), json!("1"), json!(null)] {
        let refused = products.post(&restocks, json!({"quantity": quantity})).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{quantity}");
    }
    assert_eq!(products.stock(mug).await, [5, 5, 0, 0]);
}

#[tokio::test]
async fn a_header_that_must_be_single_is_refused_if_it_occurs_twice_even_with_equal_values() {
    let products = Products::open().await;
    let mug = products.product("Mug", 100, 5).await;
    let restock = || Request::post(format!("/products/{}/restocks", mug.0)).header("idempotency-key", "k");
    let send =
        async |request| products.client.json(request, Some(products.staff), json!({"quantity": 1})).await;
    let content_type = send(restock().header("content-type", "application/json")).await;
    assert_eq!(content_type.status, StatusCode::BAD_REQUEST);
    assert_eq!(content_type.body["detail"], "Content-Type must occur only once");
    for second in ["k", "l"] {
        let key = send(restock().header("idempotency-key", second)).await;
        assert_eq!(key.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(key.body["errors"][0]["field"], "Idempotency-Key");
    }
    assert_eq!(send(restock()).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn only_staff_can_change_products_and_read_stock() {
    let products = Products::open().await;
    let mug = products.product("Mug", 100, 5).await;
    let path = format!("/products/{}", mug.0);
    for (caller, status) in
        [(None, StatusCode::UNAUTHORIZED), (Some(new_caller(Role::Customer)), StatusCode::FORBIDDEN)]
    {
        assert_eq!(products.client.get(&format!("{path}/stock"), caller).await.status, status);
        let send = async |request| products.client.json(request, caller, json!({"quantity": 1})).await.status;
        assert_eq!(send(Request::patch(&path)).await, status);
        assert_eq!(send(Request::post("/products")).await, status);
        assert_eq!(send(Request::post(format!("{path}/restocks"))).await, status);
        assert_eq!(products.client.get(&path, caller).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn unknown_paths_methods_ids_and_queries_are_refused() {
    let products = Products::open().await;
    let mug = products.product("Mug", 100, 5).await.0;
    let get = async |path: String| products.get(&path).await.status;
    for id in [mug.simple().to_string(), format!("urn:uuid:{mug}"), Uuid::now_v7().to_string(), "7".into()] {
        assert_eq!(get(format!("/products/{id}")).await, StatusCode::NOT_FOUND, "{id}");
    }
    for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "limit=1&limit=2", "q=%00"] {
        assert_eq!(get(format!("/products?{query}")).await, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
    assert_eq!(get("/orders".into()).await, StatusCode::NOT_FOUND, "a path of another service");
    let method = products.client.send(Request::delete("/products"), Some(products.staff), "".into()).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    for body in [json!({}), json!({"name": null}), json!({"price": null}), json!({"stock": 5})] {
        assert_eq!(
            products.patch(contracts::stock::ProductId(mug), body).await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
}

use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Answer, Shop, answer, line};

async fn send(shop: &Shop, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = shop.request(Method::POST, "/users").header("content-type", content_type);
    answer(request.body(body)).await
}

#[tokio::test]
async fn invalid_json_is_rejected_before_all_other_checks() {
    let shop = Shop::open().await;
    for broken in [&b"{"[..], b"{'email': 1}", b"\xff\xfe", b"{\"email\": \"\xc3\x28\"}", b"nul", b"1 2"] {
        assert_eq!(send(&shop, "application/json", broken).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(send(&shop, "application/json", "").await.status, StatusCode::BAD_REQUEST);
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    assert_eq!(send(&shop, "application/json", deep).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(send(&shop, "text/plain", "{}").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let huge = send(&shop, "application/json", " ".repeat(shop::web::BODY_LIMIT + 1)).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        huge.headers["connection"], "close",
        "the unread rest of the body must not be read as the next request"
    );

    let no_token = shop.request(Method::POST, "/orders").header("content-type", "application/json").body("{");
    assert_eq!(answer(no_token).await.status, StatusCode::BAD_REQUEST, "400 comes before 401");
    let no_body = answer(shop.request(Method::POST, "/orders")).await;
    assert_eq!(no_body.status, StatusCode::BAD_REQUEST, "a missing body is not JSON");
}

#[tokio::test]
async fn a_content_type_may_have_parameters_and_any_case() {
    let shop = Shop::open().await;
    let body = json!({"email": "ada@example.com", "name": "Ada", "password": "correct horse"}).to_string();
    let registered = send(&shop, "Application/JSON; charset=utf-8", body).await;
    assert_eq!(registered.status, StatusCode::CREATED);
}

#[tokio::test]
async fn all_invalid_fields_are_named() {
    let shop = Shop::open().await;
    let body = json!({"email": "ada", "name": "", "password": "short"});
    let refused = answer(shop.request(Method::POST, "/users").json(&body)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let errors = refused.body["errors"].as_array().unwrap();
    let fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["email", "name", "password"]);
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_rejected() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let quantity = |quantity| json!({"items": [{"product_id": product, "quantity": quantity}]});
    let wrong = [
        json!(null),
        json!([]),
        json!("items"),
        json!({}),
        json!({"items": null}),
        json!({"items": {}}),
        json!({"items": []}),
        json!({"items": [[product, 1]]}),
        json!({"items": [{"product_id": product}]}),
        json!({"items": [{"product_id": 7, "quantity": 1}]}),
        json!({"items": [{"product_id": product, "quantity": 1}], "coupon": "x"}),
        json!({"items": [{"product_id": product, "quantity": 1, "price": 0}]}),
        json!({"items": [{"product_id": product, "quantity": 1}, {"product_id": product, "quantity": 1}]}),
        json!({"items\u{0}": []}),
        quantity(json!("1")),
        quantity(json!(0)),
        quantity(json!(-1)),
        quantity(json!(1.5)),
        quantity(json!(1001)),
        quantity(json!(u64::MAX)),
    ];
    for body in wrong {
        let refused = shop.post("/orders", &customer, body.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(!refused.body["errors"].as_array().unwrap().is_empty(), "{body}: {}", refused.body);
    }
    assert_eq!(shop.get("/orders", &customer).await.body["items"], json!([]));
}

#[tokio::test]
async fn an_emoji_is_one_character_and_nul_is_rejected() {
    let shop = Shop::open().await;
    let register = async |name: &str| {
        let email = format!("{}@example.com", Uuid::now_v7());
        let body = json!({"email": email, "name": name, "password": "correct horse"});
        answer(shop.request(Method::POST, "/users").json(&body)).await
    };
    assert_eq!(register(&"🦀".repeat(100)).await.status, StatusCode::CREATED);
    assert_eq!(register(&"🦀".repeat(101)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nul = register("Ada\0").await;
    assert_eq!(
        (nul.status, &nul.body["errors"][0]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("name"))
    );
    let search = answer(shop.request(Method::GET, "/products?q=%00")).await;
    assert_eq!(search.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn checks_run_in_the_order_that_the_api_defines() {
    let shop = Shop::open().await;
    let (product, customer, staff) =
        (shop.product("Mug", 100, 5).await, shop.customer().await, shop.staff().await);
    let unknown = format!("/products/{}/restocks", Uuid::now_v7());
    assert_eq!(shop.post(&unknown, "forged", json!({})).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(shop.post(&unknown, &customer, json!({})).await.status, StatusCode::FORBIDDEN, "before 404");
    assert_eq!(shop.post(&unknown, &staff, json!({})).await.status, StatusCode::NOT_FOUND, "before 422");
    assert_eq!(shop.post("/products/7/restocks", &staff, json!({})).await.status, StatusCode::NOT_FOUND);

    let order = shop.order(&customer, &product, 1).await;
    shop.post(&format!("{order}/cancellation"), &customer, json!({})).await;
    let payment = format!("{order}/payment");
    let invalid = shop.post(&payment, &customer, json!({"source": ""})).await;
    assert_eq!(invalid.status, StatusCode::UNPROCESSABLE_ENTITY, "before 409");
    let keyless =
        shop.request(Method::POST, &payment).bearer_auth(&customer).json(&json!({"source": "tok_ok"}));
    let keyless = answer(keyless).await;
    assert_eq!(keyless.body["errors"][0]["field"], "Idempotency-Key");
}

#[tokio::test]
async fn a_header_that_must_be_single_is_refused_if_it_occurs_twice_even_with_equal_values() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = || {
        let request = shop.request(Method::POST, "/orders").bearer_auth(&customer);
        request.header("idempotency-key", "basket-1").json(&line(&product, 1))
    };
    let bearer = format!("Bearer {customer}");
    let twice = |name, value| answer(order().header(name, value));
    let content_type = twice("content-type", "application/json").await;
    assert_eq!(content_type.status, StatusCode::BAD_REQUEST);
    assert_eq!(content_type.body["detail"], "Content-Type must occur only once");
    let authorization = twice("authorization", bearer.as_str()).await;
    assert_eq!(authorization.status, StatusCode::UNAUTHORIZED);
    assert_eq!(authorization.body["detail"], "the Authorization header occurs more than once");
    for second in ["basket-1", "basket-2"] {
        let key = twice("idempotency-key", second).await;
        assert_eq!(key.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(key.body["errors"][0]["field"], "Idempotency-Key");
    }
    assert_eq!(answer(order()).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_list_rejects_invalid_parameters() {
    let shop = Shop::open().await;
    let customer = shop.customer().await;
    for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "limit=1&limit=2"] {
        for list in ["/products", "/orders"] {
            let refused = shop.get(&format!("{list}?{query}"), &customer).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{list}?{query}");
        }
    }
    assert_eq!(shop.get("/orders?scope=yours", &customer).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn every_response_and_every_problem_contains_the_request_id() {
    let shop = Shop::open().await;
    let request = shop.request(Method::GET, "/nowhere").header("x-request-id", "trace-7");
    let nowhere = answer(request).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert_eq!(nowhere.headers["x-request-id"], "trace-7");
    assert_eq!(nowhere.headers["content-type"], "application/problem+json");
    assert_eq!(nowhere.body["request_id"], "trace-7");
    let method = answer(shop.request(Method::DELETE, "/orders")).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(method.headers["allow"].to_str().unwrap().contains("POST"));
    assert!(method.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn the_docs_load_nothing_from_other_hosts() {
    let shop = Shop::open().await;
    let page = shop.request(Method::GET, "/docs").send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("/docs/viewer.js") && !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    let viewer = shop.request(Method::GET, "/docs/viewer.js").send().await.unwrap();
    assert_eq!(viewer.headers()["content-encoding"], "gzip");
    let contract = shop.request(Method::GET, "/openapi.yaml").send().await.unwrap().text().await.unwrap();
    assert!(contract.starts_with("openapi: 3.1.0"));
}

#[tokio::test]
async fn a_body_that_is_not_needed_must_still_be_json() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = shop.post("/orders", &customer, line(&product, 1)).await.body["id"].clone();
    let path = format!("/orders/{}/cancellation", order.as_str().unwrap());
    let send = |body: &'static str| {
        let request = shop.request(Method::POST, &path).bearer_auth(&customer);
        answer(request.header("content-type", "application/json").body(body))
    };
    assert_eq!(send("{").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(send(r#"{"why": "because"}"#).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn an_id_has_exactly_one_valid_form() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    for id in [product.replace('-', ""), format!("urn:uuid:{product}"), format!("{{{product}}}")] {
        let refused = shop.post("/orders", &customer, line(&id, 1)).await;
        assert_eq!(refused.body["errors"][0]["field"], "items[0].product_id", "{id}");
        assert_eq!(shop.get(&format!("/products/{id}"), "").await.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn a_missing_field_is_named_and_messages_contain_no_rust_types() {
    let shop = Shop::open().await;
    let customer = shop.customer().await;
    let named = async |body| {
        let error = shop.post("/orders", &customer, body).await.body["errors"][0].clone();
        let message = error["message"].as_str().unwrap().to_owned();
        assert!(
            !["i64", "struct", "sequence", "Body"].iter().any(|word| message.contains(word)),
            "{message}"
        );
        error["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(named(json!({})).await, "items");
    assert_eq!(named(json!({"items": "none"})).await, "items");
    assert_eq!(named(json!({"items": [{"quantity": 1}]})).await, "items[0].product_id");
    assert_eq!(named(json!({"items": [{"product_id": "x", "quantity": "1"}]})).await, "items[0].quantity");
}

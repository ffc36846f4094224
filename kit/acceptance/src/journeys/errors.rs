//! Invalid requests. Every error must be a problem document; the suite checks that in every response.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use shop_client::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use shop_client::model::Problem;
use shop_client::{Error, Method, Request, Response, Shop, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{PASSWORD, ensure_names_field, unique_email};

journeys![
    a_body_that_is_not_json_is_400,
    a_body_of_the_wrong_shape_is_422,
    hostile_json_is_rejected,
    an_unknown_field_is_422_and_the_problem_names_it,
    a_nul_character_in_a_string_is_422,
    a_number_out_of_range_is_rejected,
    a_body_over_the_limit_is_413,
    a_body_without_the_json_content_type_is_415,
    the_content_type_may_have_parameters,
    a_header_that_must_be_single_is_refused_if_it_occurs_twice,
    an_unknown_path_is_404,
    an_unsupported_method_is_405_and_lists_the_allowed_methods,
    a_malformed_id_is_404,
    checks_run_in_the_order_that_the_contract_states,
    a_valid_request_id_is_returned_unchanged,
    an_invalid_request_id_is_replaced,
];

fn register(body: impl Into<Vec<u8>>) -> Request {
    Request::post("/users").body(body)
}

/// A valid registration.
fn valid_registration() -> Value {
    json!({ "email": unique_email(), "name": "Ada", "password": PASSWORD })
}

/// A registration without a content type.
fn without_content_type(body: &Value) -> Request {
    let mut request = Request::post("/users");
    request.body = body.to_string().into_bytes();
    request
}

fn problem(response: &Response) -> Result<Problem> {
    serde_json::from_slice(&response.body).context("the response is not a problem document")
}

async fn ensure_status(shop: &Shop, request: Request, status: u16) -> Result<Response> {
    let operation = format!("{} {}", request.method, request.path);
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let response = shop.send(request).await?;
    ensure!(
        response.status == status,
        "{operation} with `{body}` returned {}, not {status}",
        response.status
    );
    Ok(response)
}

async fn a_body_that_is_not_json_is_400(world: World) -> Result<()> {
    for body in ["", " ", "{", "{]", "{\"email\": }", "email=a", "'a'", "{} {}", "NaN"] {
        ensure_status(&world.shop, register(body), 400).await?;
    }
    let not_utf8 = valid_registration().to_string().replace("Ada", "Ad\u{7f}").into_bytes();
    let not_utf8: Vec<u8> = not_utf8.into_iter().map(|byte| if byte == 0x7f { 0xff } else { byte }).collect();
    ensure_status(&world.shop, register(not_utf8), 400).await?;
    Ok(())
}

async fn a_body_of_the_wrong_shape_is_422(world: World) -> Result<()> {
    for body in ["null", "[]", "{}", "17", "\"text\"", "true", "[{}]"] {
        ensure_status(&world.shop, register(body), 422).await?;
    }
    for field in ["email", "name", "password"] {
        for wrong in [json!(null), json!(17), json!([]), json!({}), json!(true)] {
            let mut body = valid_registration();
            body[field] = wrong;
            let response = ensure_status(&world.shop, register(body.to_string()), 422).await?;
            ensure_names_field(&problem(&response)?, field)?;
        }
    }
    Ok(())
}

async fn hostile_json_is_rejected(world: World) -> Result<()> {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    for body in [r#"{"email": "\ud800", "name": "Ada", "password": "0123456789"}"#, &deep] {
        let response = world.shop.send(register(body)).await?;
        // The parser decides whether a lone surrogate is a syntax error or an invalid value.
        ensure!([400, 422].contains(&response.status.as_u16()), "the status is {}", response.status);
    }
    Ok(())
}

async fn an_unknown_field_is_422_and_the_problem_names_it(world: World) -> Result<()> {
    let mut body = valid_registration();
    body["role"] = json!("staff");
    let response = ensure_status(&world.shop, register(body.to_string()), 422).await?;
    ensure_names_field(&problem(&response)?, "role")?;

    let (customer, staff, id) = (world.customer().await?, world.staff().await?, Uuid::now_v7());
    let nested = r#"{"name": "Tea", "price": {"amount": 1, "currency": "EUR", "tax": 0}, "stock": 1}"#;
    let product = Request::post("/products").key(&new_key()).body(nested).bearer(staff.token());
    ensure_status(&world.shop, product, 422).await?;
    let nested = format!(r#"{{"items": [{{"product_id": "{id}", "quantity": 1, "unit_price": 1}}]}}"#);
    let order = Request::post("/orders").key(&new_key()).body(nested).bearer(customer.token());
    ensure_status(&world.shop, order, 422).await?;
    Ok(())
}

async fn a_nul_character_in_a_string_is_422(world: World) -> Result<()> {
    for field in ["email", "name", "password"] {
        let mut body = valid_registration();
        body[field] = json!("enough\0characters@example.com");
        let response = ensure_status(&world.shop, register(body.to_string()), 422).await?;
        ensure_names_field(&problem(&response)?, field)?;
    }
    let log_in = Request::post("/sessions").body(r#"{"email": "a\u0000@example.com", "password": "x"}"#);
    ensure_status(&world.shop, log_in, 422).await?;
    Ok(())
}

async fn a_number_out_of_range_is_rejected(world: World) -> Result<()> {
    let staff = world.staff().await?;
    for amount in
        ["99999999999999999999", "-99999999999999999999", "9223372036854775808", "-1", "0.5", "1e400"]
    {
        let price = format!(r#"{{"amount": {amount}, "currency": "EUR"}}"#);
        let body = format!(r#"{{"name": "Tea", "price": {price}, "stock": 1}}"#);
        let response = staff.send(Request::post("/products").key(&new_key()).body(body)).await?;
        // Some parsers treat a number that fits no machine type as a syntax error, so 400 is allowed.
        let allowed: &[u16] = if amount.contains('e') { &[400, 422] } else { &[422] };
        ensure!(allowed.contains(&response.status.as_u16()), "{amount} returned {}", response.status);
    }
    Ok(())
}

async fn a_body_over_the_limit_is_413(world: World) -> Result<()> {
    let mut body = valid_registration();
    body["name"] = json!("a".repeat(4 << 20));
    let body = body.to_string();
    // A server that rejects a body without reading it may close the connection while the client is still sending.
    // The client then loses the response.
    for _ in 0..20 {
        match world.shop.send(register(body.clone())).await {
            Err(Error::Transport { .. }) => {}
            response => {
                ensure!(response?.status == 413);
                return Ok(());
            }
        }
    }
    bail!("no response in twenty attempts")
}

async fn a_body_without_the_json_content_type_is_415(world: World) -> Result<()> {
    for wrong in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", "", "☕"] {
        ensure_status(
            &world.shop,
            without_content_type(&valid_registration()).header(CONTENT_TYPE, wrong),
            415,
        )
        .await?;
    }
    ensure_status(&world.shop, without_content_type(&valid_registration()), 415).await?;
    Ok(())
}

async fn the_content_type_may_have_parameters(world: World) -> Result<()> {
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        ensure_status(
            &world.shop,
            without_content_type(&valid_registration()).header(CONTENT_TYPE, content_type),
            201,
        )
        .await?;
    }
    Ok(())
}

async fn a_header_that_must_be_single_is_refused_if_it_occurs_twice(world: World) -> Result<()> {
    let (customer, product, key) = (world.customer().await?, world.product(1).await?, new_key());
    let items = json!({ "items": [{ "product_id": product.id, "quantity": 1 }] });
    let order = Request::post("/orders").json(&items).bearer(customer.token()).key(&key);
    let twice = |name: HeaderName, status| {
        let mut request = order.clone();
        request.headers.extend(order.headers.iter().find(|header| header.0 == name).cloned());
        ensure_status(&world.shop, request, status)
    };
    let detail = |response: &Response| Ok::<_, anyhow::Error>(problem(response)?.detail.unwrap_or_default());
    let response = twice(CONTENT_TYPE, 400).await?;
    ensure!(detail(&response)?.contains("Content-Type"), "the problem does not name the header");
    let response = twice(AUTHORIZATION, 401).await?;
    ensure!(detail(&response)?.contains("Authorization"), "the problem does not name the header");
    let response = twice(HeaderName::from_static("idempotency-key"), 422).await?;
    ensure_names_field(&problem(&response)?, "Idempotency-Key")?;
    ensure_status(&world.shop, order, 201).await?;
    Ok(())
}

async fn an_unknown_path_is_404(world: World) -> Result<()> {
    let near = ["/products/", "/users/me/", "/users/17", "/Products", "/orders/1/2/3"];
    for path in near.into_iter().chain(["/nowhere", "/%00", "/%FF"]) {
        ensure_status(&world.shop, Request::get(path), 404).await?;
        ensure_status(&world.shop, Request::post(path), 404).await?;
    }
    Ok(())
}

async fn an_unsupported_method_is_405_and_lists_the_allowed_methods(world: World) -> Result<()> {
    let id = Uuid::now_v7();
    for (path, allowed) in [
        ("/users", vec!["POST"]),
        ("/sessions", vec!["POST"]),
        ("/users/me", vec!["GET", "PATCH"]),
        ("/users/me/password", vec!["PUT"]),
        ("/products", vec!["GET", "POST"]),
        (&format!("/products/{id}"), vec!["GET", "PATCH"]),
        (&format!("/products/{id}/stock"), vec!["GET"]),
        (&format!("/products/{id}/restocks"), vec!["POST"]),
        ("/orders", vec!["GET", "POST"]),
        (&format!("/orders/{id}"), vec!["GET"]),
        (&format!("/orders/{id}/payment"), vec!["POST"]),
        (&format!("/orders/{id}/cancellation"), vec!["POST"]),
        ("/openapi.yaml", vec!["GET"]),
        ("/health/ready", vec!["GET"]),
    ] {
        let response = ensure_status(&world.shop, Request::new(Method::DELETE, path), 405).await?;
        let mut listed: Vec<_> =
            response.header("allow").unwrap_or_default().split(',').map(str::trim).collect();
        // HEAD goes with GET, and OPTIONS with everything: a stage may name them or not.
        listed.retain(|method| !["HEAD", "OPTIONS"].contains(method));
        listed.sort_unstable();
        ensure!(listed == allowed, "{path} allows {listed:?}, not {allowed:?}");
    }
    Ok(())
}

async fn a_malformed_id_is_404(world: World) -> Result<()> {
    let staff = world.staff().await?;
    let full_id = Uuid::now_v7().to_string();
    for id in ["17", "me", "null", "%00", "%FF", "🫖", "..%2F..", &full_id[..35], &format!("{full_id}0")] {
        for path in [format!("/products/{id}"), format!("/products/{id}/stock"), format!("/orders/{id}")] {
            let response = staff.send(Request::get(&*path)).await?;
            ensure!(response.status == 404, "{path} returned {}", response.status);
        }
        let response = staff.send(Request::post(format!("/orders/{id}/cancellation"))).await?;
        ensure!(response.status == 404, "cancelling {id} returned {}", response.status);
    }
    Ok(())
}

async fn checks_run_in_the_order_that_the_contract_states(world: World) -> Result<()> {
    let (customer, staff) = (world.customer().await?, world.staff().await?);
    let unknown = Uuid::now_v7();
    let restock = |body: &str| Request::post(format!("/products/{unknown}/restocks")).body(body.as_bytes());
    // Each request contains the errors of the next one and one more, which is checked earlier.
    ensure_status(&world.shop, restock("{"), 400).await?;
    let mut without_type = restock(r#"{"quantity": 0}"#);
    without_type.headers.clear();
    ensure_status(&world.shop, without_type, 415).await?;
    ensure_status(&world.shop, restock(r#"{"quantity": 0}"#), 401).await?;
    let by_customer = restock(r#"{"quantity": 0}"#).bearer(customer.token());
    ensure_status(&world.shop, by_customer, 403).await?;
    let by_staff = restock(r#"{"quantity": 0}"#).bearer(staff.token());
    ensure_status(&world.shop, by_staff, 404).await?;

    let product = world.product(1).await?;
    let order = customer.buy(&product, 1).await?;
    customer.cancel(order.id).await?;
    let pay = |body: &str| Request::post(format!("/orders/{}/payment", order.id)).body(body.as_bytes());
    ensure_status(&world.shop, pay(r#"{"source": ""}"#).bearer(customer.token()), 422).await?;
    let valid = pay(r#"{"source": "tok_ok"}"#).bearer(customer.token()).key(&new_key());
    ensure_status(&world.shop, valid, 409).await?;
    Ok(())
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

async fn a_valid_request_id_is_returned_unchanged(world: World) -> Result<()> {
    for id in ["a", "Order.17_of-Ada", &"x".repeat(64)] {
        for path in ["/products", "/users/me", "/nowhere", "/health/live"] {
            let response = world.shop.send(Request::get(path).header(REQUEST_ID, id)).await?;
            ensure!(response.request_id() == Some(id), "{path} answered with {:?}", response.request_id());
        }
    }
    Ok(())
}

async fn an_invalid_request_id_is_replaced(world: World) -> Result<()> {
    for id in ["", "two words", "caf\u{e9}", "<script>", "a/b", &"x".repeat(65)] {
        let response = world.shop.send(Request::get("/products").header(REQUEST_ID, id)).await?;
        ensure!(response.request_id() != Some(id), "the invalid id `{id}` was returned");
    }
    Ok(())
}

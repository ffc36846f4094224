//! Bad input. Every refusal is a problem document, whatever was sent: that is checked in every answer.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use shop_client::header::{CONTENT_TYPE, HeaderName};
use shop_client::model::Problem;
use shop_client::{Answer, Error, Method, Request, Shop, new_key};
use uuid::Uuid;

use crate::World;
use crate::world::{PASSWORD, ensure_named, unique_email};

journeys![
    what_is_no_json_is_400,
    a_body_of_the_wrong_shape_is_422,
    json_that_no_parser_likes_is_refused,
    an_unknown_field_is_422_and_is_named,
    a_nul_in_any_string_is_422,
    a_number_beyond_all_bounds_is_refused,
    a_huge_body_is_413,
    a_body_that_is_not_said_to_be_json_is_415,
    a_content_type_may_have_parameters,
    an_unknown_path_is_404,
    a_wrong_method_is_405_and_says_which_are_allowed,
    a_malformed_id_is_404,
    checks_come_in_the_order_of_the_contract,
    a_sane_request_id_comes_back,
    a_request_id_that_is_not_sane_is_replaced,
];

fn register(body: impl Into<Vec<u8>>) -> Request {
    Request::post("/users").body(body)
}

/// A registration with which nothing is wrong.
fn good() -> Value {
    json!({ "email": unique_email(), "name": "Ada", "password": PASSWORD })
}

/// A registration that does not say that it is JSON.
fn untyped(body: &Value) -> Request {
    let mut request = Request::post("/users");
    request.body = body.to_string().into_bytes();
    request
}

fn problem(answer: &Answer) -> Result<Problem> {
    serde_json::from_slice(&answer.body).context("the answer is no problem document")
}

async fn ensure_status(shop: &Shop, request: Request, status: u16) -> Result<Answer> {
    let asked = format!("{} {}", request.method, request.path);
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let answer = shop.send(request).await?;
    ensure!(answer.status == status, "{asked} with `{body}` was answered {}, not {status}", answer.status);
    Ok(answer)
}

async fn what_is_no_json_is_400(world: World) -> Result<()> {
    for body in ["", " ", "{", "{]", "{\"email\": }", "email=a", "'a'", "{} {}", "NaN"] {
        ensure_status(&world.shop, register(body), 400).await?;
    }
    let not_utf8 = good().to_string().replace("Ada", "Ad\u{7f}").into_bytes();
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
            let mut body = good();
            body[field] = wrong;
            let answer = ensure_status(&world.shop, register(body.to_string()), 422).await?;
            ensure_named(&problem(&answer)?, field)?;
        }
    }
    Ok(())
}

async fn json_that_no_parser_likes_is_refused(world: World) -> Result<()> {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    for body in [r#"{"email": "\ud800", "name": "Ada", "password": "0123456789"}"#, &deep] {
        let answer = world.shop.send(register(body)).await?;
        // Whether a lone surrogate is a matter of syntax or of validity is for the parser to say.
        ensure!([400, 422].contains(&answer.status.as_u16()), "it was answered {}", answer.status);
    }
    Ok(())
}

async fn an_unknown_field_is_422_and_is_named(world: World) -> Result<()> {
    let mut body = good();
    body["role"] = json!("staff");
    let answer = ensure_status(&world.shop, register(body.to_string()), 422).await?;
    ensure_named(&problem(&answer)?, "role")?;

    let (customer, staff, id) = (world.customer().await?, world.staff().await?, Uuid::now_v7());
    let nested = r#"{"name": "Tea", "price": {"amount": 1, "currency": "EUR", "tax": 0}, "stock": 1}"#;
    let product = Request::post("/products").key(&new_key()).body(nested).bearer(staff.token());
    ensure_status(&world.shop, product, 422).await?;
    let nested = format!(r#"{{"items": [{{"product_id": "{id}", "quantity": 1, "unit_price": 1}}]}}"#);
    let order = Request::post("/orders").key(&new_key()).body(nested).bearer(customer.token());
    ensure_status(&world.shop, order, 422).await?;
    Ok(())
}

async fn a_nul_in_any_string_is_422(world: World) -> Result<()> {
    for field in ["email", "name", "password"] {
        let mut body = good();
        body[field] = json!("enough\0characters@example.com");
        let answer = ensure_status(&world.shop, register(body.to_string()), 422).await?;
        ensure_named(&problem(&answer)?, field)?;
    }
    let log_in = Request::post("/sessions").body(r#"{"email": "a\u0000@example.com", "password": "x"}"#);
    ensure_status(&world.shop, log_in, 422).await?;
    Ok(())
}

async fn a_number_beyond_all_bounds_is_refused(world: World) -> Result<()> {
    let staff = world.staff().await?;
    for amount in
        ["99999999999999999999", "-99999999999999999999", "9223372036854775808", "-1", "0.5", "1e400"]
    {
        let price = format!(r#"{{"amount": {amount}, "currency": "EUR"}}"#);
        let body = format!(r#"{{"name": "Tea", "price": {price}, "stock": 1}}"#);
        let answer = staff.send(Request::post("/products").key(&new_key()).body(body)).await?;
        // A number that no machine type holds is no number to some parsers: syntax, so 400.
        let allowed: &[u16] = if amount.contains('e') { &[400, 422] } else { &[422] };
        ensure!(allowed.contains(&answer.status.as_u16()), "{amount} was answered {}", answer.status);
    }
    Ok(())
}

async fn a_huge_body_is_413(world: World) -> Result<()> {
    let mut body = good();
    body["name"] = json!("a".repeat(4 << 20));
    let body = body.to_string();
    // Who refuses a body unread may close the connection while it is still being sent, and the answer is lost.
    for _ in 0..20 {
        match world.shop.send(register(body.clone())).await {
            Err(Error::Transport { .. }) => {}
            answer => {
                ensure!(answer?.status == 413);
                return Ok(());
            }
        }
    }
    bail!("no answer in twenty tries")
}

async fn a_body_that_is_not_said_to_be_json_is_415(world: World) -> Result<()> {
    for wrong in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", "", "☕"] {
        ensure_status(&world.shop, untyped(&good()).header(CONTENT_TYPE, wrong), 415).await?;
    }
    ensure_status(&world.shop, untyped(&good()), 415).await?;
    Ok(())
}

async fn a_content_type_may_have_parameters(world: World) -> Result<()> {
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        ensure_status(&world.shop, untyped(&good()).header(CONTENT_TYPE, content_type), 201).await?;
    }
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

async fn a_wrong_method_is_405_and_says_which_are_allowed(world: World) -> Result<()> {
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
        let answer = ensure_status(&world.shop, Request::new(Method::DELETE, path), 405).await?;
        let mut said: Vec<_> = answer.header("allow").unwrap_or_default().split(',').map(str::trim).collect();
        // HEAD goes with GET, and OPTIONS with everything: a stage may name them or not.
        said.retain(|method| !["HEAD", "OPTIONS"].contains(method));
        said.sort_unstable();
        ensure!(said == allowed, "{path} allows {said:?}, not {allowed:?}");
    }
    Ok(())
}

async fn a_malformed_id_is_404(world: World) -> Result<()> {
    let staff = world.staff().await?;
    let full_id = Uuid::now_v7().to_string();
    for id in ["17", "me", "null", "%00", "%FF", "🫖", "..%2F..", &full_id[..35], &format!("{full_id}0")] {
        for path in [format!("/products/{id}"), format!("/products/{id}/stock"), format!("/orders/{id}")] {
            let answer = staff.send(Request::get(&*path)).await?;
            ensure!(answer.status == 404, "{path} was answered {}", answer.status);
        }
        let answer = staff.send(Request::post(format!("/orders/{id}/cancellation"))).await?;
        ensure!(answer.status == 404, "cancelling {id} was answered {}", answer.status);
    }
    Ok(())
}

async fn checks_come_in_the_order_of_the_contract(world: World) -> Result<()> {
    let (customer, staff) = (world.customer().await?, world.staff().await?);
    let unknown = Uuid::now_v7();
    let restock = |body: &str| Request::post(format!("/products/{unknown}/restocks")).body(body.as_bytes());
    // Each request has everything wrong that the next one has, and one thing more.
    ensure_status(&world.shop, restock("{"), 400).await?;
    let mut unsaid = restock(r#"{"quantity": 0}"#);
    unsaid.headers.clear();
    ensure_status(&world.shop, unsaid, 415).await?;
    ensure_status(&world.shop, restock(r#"{"quantity": 0}"#), 401).await?;
    let customers = restock(r#"{"quantity": 0}"#).bearer(customer.token());
    ensure_status(&world.shop, customers, 403).await?;
    let staffs = restock(r#"{"quantity": 0}"#).bearer(staff.token());
    ensure_status(&world.shop, staffs, 404).await?;

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

async fn a_sane_request_id_comes_back(world: World) -> Result<()> {
    for id in ["a", "Order.17_of-Ada", &"x".repeat(64)] {
        for path in ["/products", "/users/me", "/nowhere", "/health/live"] {
            let answer = world.shop.send(Request::get(path).header(REQUEST_ID, id)).await?;
            ensure!(answer.request_id() == Some(id), "{path} answered with {:?}", answer.request_id());
        }
    }
    Ok(())
}

async fn a_request_id_that_is_not_sane_is_replaced(world: World) -> Result<()> {
    for id in ["", "two words", "caf\u{e9}", "<script>", "a/b", &"x".repeat(65)] {
        let answer = world.shop.send(Request::get("/products").header(REQUEST_ID, id)).await?;
        ensure!(answer.request_id() != Some(id), "`{id}` came back");
    }
    Ok(())
}

//! Invalid requests and invalid events.

use contracts::{Envelope, Event, caller::Role, stream};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use testbed::wait_for;
use uuid::Uuid;

use crate::harness::{Orders, held, new_caller, two};

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let orders = Orders::open().await;
    let send = async |content_type: &str, body: &[u8]| {
        let request = Request::post("/orders").header("content-type", content_type);
        orders.client.send(request, Some(orders.customer), body.to_vec().into()).await.status
    };
    for broken in [&b"{"[..], b"{'items': 1}", b"\xff\xfe", b"{\"items\": \"\xc3\x28\"}", b"nul", b"1 2", b""]
    {
        assert_eq!(send("application/json", broken).await, StatusCode::BAD_REQUEST);
    }
    assert_eq!(send("text/plain", b"{}").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let huge = " ".repeat(contracts::call::BODY_LIMIT + 1);
    assert_eq!(send("application/json", huge.as_bytes()).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_invalid_order_is_refused_and_the_field_is_named() {
    let orders = Orders::open().await;
    let product = Uuid::now_v7();
    let quantity = |quantity: Value| json!({"items": [{"product_id": product, "quantity": quantity}]});
    let id = |id: String| json!({"items": [{"product_id": id, "quantity": 1}]});
    let line = || json!({"product_id": Uuid::now_v7(), "quantity": 1});
    let bad = [
        (json!(null), "body"),
        (json!([]), "body"),
        (json!({}), "items"),
        (json!({"items": null}), "items"),
        (json!({"items": []}), "items"),
        (json!({"items": vec![line(); 2]}), "items"),
        (json!({"items": (0..51).map(|_| line()).collect::<Vec<_>>()}), "items"),
        (json!({"items": [[product, 1]]}), "items[0]"),
        (json!({"items": [{"quantity": 1}]}), "items[0].product_id"),
        (json!({"items": [{"product_id": product, "quantity": 1, "price": 0}]}), "items[0].price"),
        (json!({"items": [line()], "status": "paid"}), "status"),
        (quantity(json!(0)), "items[0].quantity"),
        (quantity(json!(-1)), "items[0].quantity"),
        (quantity(json!(1.5)), "items[0].quantity"),
        (quantity(json!("1")), "items[0].quantity"),
        (quantity(json!(1001)), "items[0].quantity"),
        (quantity(json!(u64::MAX)), "items[0].quantity"),
        (id(product.simple().to_string()), "items[0].product_id"),
        (id("7".into()), "items[0].product_id"),
    ];
    for (body, field) in bad {
        let refused = orders.post("/orders", orders.customer, body.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(refused.body["errors"][0]["field"], field, "{body}: {}", refused.body);
    }
    assert_eq!(orders.get("/orders", orders.customer).await.body["items"], json!([]));
    assert!(orders.stored(stream::COMMANDS).await.is_empty());
}

#[tokio::test]
async fn checks_run_in_the_order_that_the_api_documents() {
    let orders = Orders::open().await;
    let post = async |path: &str, caller, body| orders.client.json(Request::post(path), caller, body).await;
    assert_eq!(post("/orders", None, json!({})).await.status, StatusCode::UNAUTHORIZED, "before 422");
    let keyless = post("/orders", Some(orders.customer), two()).await;
    assert_eq!(keyless.body["errors"][0]["field"], "Idempotency-Key");
    let nothing = format!("/orders/{}/shipment", Uuid::now_v7());
    assert_eq!(
        post(&nothing, Some(orders.customer), json!({})).await.status,
        StatusCode::FORBIDDEN,
        "before 404"
    );
    assert_eq!(post(&nothing, Some(orders.staff), json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(post("/orders/7/shipment", Some(orders.staff), json!({})).await.status, StatusCode::NOT_FOUND);

    let order = orders.place_and_hold().await;
    let payment = format!("/orders/{order}/payment");
    let stranger = new_caller(Role::Customer);
    assert_eq!(post(&payment, Some(stranger), json!({})).await.status, StatusCode::NOT_FOUND, "before 422");
    orders.cancel(order).await;
    for source in [json!(""), json!("x".repeat(101)), json!(7), json!(null), json!("tok\0")] {
        let refused = orders.post(&payment, orders.customer, json!({"source": source})).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "before 409: {source}");
    }
    assert_eq!(orders.pay(order).await.status, StatusCode::CONFLICT);
    for query in ["limit=0", "limit=101", "cursor=x", "limit=1&limit=2", "scope=yours"] {
        let refused = orders.get(&format!("/orders?{query}"), orders.customer).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
}

#[tokio::test]
async fn garbage_among_the_events_becomes_dead_letters_and_the_next_event_is_processed() {
    let orders = Orders::open().await;
    let order = orders.place().await;
    let mut two_lines = held();
    if let Event::StockHeld { lines } = &mut two_lines {
        lines.push(lines[0].clone());
    }
    let bad = [
        b"garbage".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{}".to_vec(),
        serde_json::to_vec(&Envelope::new(Uuid::now_v7(), 1, chassis::db::now(), held())).unwrap(), // no such order
        serde_json::to_vec(&Envelope::new(order, 1, chassis::db::now(), two_lines)).unwrap(), // it has one line
        serde_json::to_string(&Envelope::new(order, 1, chassis::db::now(), held()))
            .unwrap()
            .replace("EUR", "USD")
            .into(),
    ];
    for payload in &bad {
        orders.publish_raw("events.stock.held".into(), payload.clone()).await;
    }
    let dead = async || (orders.stored(stream::DEAD_LETTERS).await.len() == bad.len()).then_some(());
    wait_for("every invalid event to be a dead letter", dead).await;
    assert_eq!(orders.read(order).await["status"], "pending");
    orders.publish_event(order, held()).await;
    orders.wait_for_status(order, "awaiting_payment").await;
}

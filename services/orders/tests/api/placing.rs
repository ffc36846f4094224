use contracts::{
    Command,
    caller::Role,
    stock::{ProductId, Quantity, WantedLine},
    stream,
};
use futures::future::join_all;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    harness::{Background, Orders, held, history, new_caller, two},
    paying::{mock_charges, succeeded},
};

#[tokio::test]
async fn a_placed_order_is_pending_and_its_hold_is_sent_to_products() {
    let orders = Orders::open().await;
    let [mug, plate] = [Uuid::now_v7(), Uuid::now_v7()];
    let items = json!({"items": [{"product_id": mug, "quantity": 2}, {"product_id": plate, "quantity": 1}]});
    let placed = orders.post("/orders", orders.customer, items).await;
    assert_eq!((placed.status, history(&placed.body)), (StatusCode::CREATED, vec!["pending"]));
    let id: Uuid = placed.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(placed.headers["location"], format!("/orders/{id}"));
    assert_eq!((&placed.body["total"], &placed.body["expires_at"]), (&Value::Null, &Value::Null));
    assert_eq!(placed.body, orders.read(id).await);

    let [command] = orders.wait_for_commands(id, 1).await.try_into().unwrap();
    let line = |product, quantity| WantedLine {
        product_id: ProductId(product),
        quantity: Quantity::parse(quantity).unwrap(),
    };
    assert_eq!(command.message, Command::Hold { lines: vec![line(mug, 2), line(plate, 1)] });
}

#[tokio::test]
async fn an_order_placed_before_a_crash_is_sent_to_products_after_the_restart() {
    let mut orders = Orders::without_instances().await;
    orders.start(&[], Background::None).await;
    let order = orders.place().await;
    let rows = "select (select count(*) from orders) + (select count(*) from idempotency)
                + (select count(*) from outbox) + (select count(*) from stock_requests)";
    assert_eq!(orders.number(rows).await, 4, "one of each");
    assert!(orders.commands(order).await.is_empty());
    orders.crash();
    orders.start(&[], Background::All).await;
    orders.wait_for_commands(order, 1).await;
}

#[tokio::test]
async fn an_order_is_stored_with_its_command_and_its_key_or_not_at_all() {
    let orders = Orders::open().await;
    let triggers = [
        ("create trigger broken before insert on orders begin select raise(abort, 'broken'); end", "orders"),
        (
            "create trigger broken before insert on stock_requests begin select raise(abort, 'broken'); end",
            "stock_requests",
        ),
        ("create trigger broken before insert on outbox begin select raise(abort, 'broken'); end", "outbox"),
        (
            "create trigger broken before insert on idempotency begin select raise(abort, 'broken'); end",
            "idempotency",
        ),
    ];
    let mut sqlite = orders.sqlite().await;
    for (trigger, table) in triggers {
        sqlx::query(trigger).execute(&mut sqlite).await.unwrap();
        let refused = orders.post_keyed("/orders", orders.customer, "basket-1", two()).await;
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR, "{table}");
        let rows = "select (select count(*) from orders) + (select count(*) from idempotency)
                    + (select count(*) from outbox) + (select count(*) from stock_requests)";
        assert_eq!(orders.number(rows).await, 0, "{table}");
        sqlx::query("drop trigger broken").execute(&mut sqlite).await.unwrap();
    }
    assert!(orders.stored(stream::COMMANDS).await.is_empty());
    let placed = orders.post_keyed("/orders", orders.customer, "basket-1", two()).await;
    assert_eq!(placed.status, StatusCode::CREATED, "the key was not used");
}

#[tokio::test]
async fn concurrent_requests_with_one_key_to_two_instances_place_one_order() {
    let mut orders = Orders::open().await;
    orders.start(&[], Background::All).await;
    let body = two();
    let same = || orders.post_keyed("/orders", orders.customer, "basket-1", body.clone());
    let placed = join_all((0..12).map(|_| same())).await;
    assert!(
        placed
            .iter()
            .all(|response| response.status == StatusCode::CREATED && response.body == placed[0].body)
    );
    assert_eq!(
        placed.iter().filter(|response| response.headers.contains_key("idempotency-replayed")).count(),
        11
    );
    let other = orders.post_keyed("/orders", orders.customer, "basket-1", two()).await;
    assert_eq!(
        (other.status, &other.body["type"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/problems/key-reused"))
    );
    let theirs = orders.post_keyed("/orders", new_caller(Role::Customer), "basket-1", body.clone()).await;
    assert_ne!(theirs.body["id"], placed[0].body["id"], "a key belongs to its caller");
    assert_eq!(orders.number("select count(*) from orders").await, 2);
}

#[tokio::test]
async fn the_order_of_another_customer_gets_404_and_staff_see_every_order() {
    let orders = Orders::open().await;
    let id = orders.place_and_hold().await;
    let (order, stranger) = (format!("/orders/{id}"), new_caller(Role::Customer));
    let payment = format!("{order}/payment");
    let pay = async |caller| orders.post(&payment, caller, json!({"source": "tok_ok"})).await.status;
    assert_eq!(orders.get(&order, stranger).await.status, StatusCode::NOT_FOUND);
    assert_eq!(pay(stranger).await, StatusCode::NOT_FOUND);
    assert_eq!(pay(orders.staff).await, StatusCode::NOT_FOUND, "staff may cancel, never pay");
    assert_eq!(orders.get(&order, orders.staff).await.status, StatusCode::OK);
    assert_eq!(orders.get("/orders?scope=all", stranger).await.status, StatusCode::FORBIDDEN);
    assert_eq!(orders.get("/orders", stranger).await.body["items"], json!([]));
    assert_eq!(
        orders.get("/orders?scope=all", orders.staff).await.body["items"].as_array().unwrap().len(),
        1
    );
    let cancellation = format!("{order}/cancellation");
    assert_eq!(orders.post(&cancellation, stranger, json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(orders.post(&cancellation, orders.staff, json!({})).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn pages_contain_every_order_once_newest_first() {
    let orders = Orders::open().await;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(json!(orders.place().await));
    }
    orders.publish_event(serde_json::from_value(placed[1].clone()).unwrap(), held()).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = orders.get(&format!("/orders?limit=2{cursor}"), orders.customer).await.body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|order| order["id"].clone()));
        orders.place().await;
        let Value::String(next) = &page["next_cursor"] else { break };
        cursor = format!("&cursor={next}");
    }
    placed.reverse();
    assert_eq!(seen, placed);
}

#[tokio::test]
async fn the_id_of_a_request_is_the_correlation_id_of_the_messages_that_it_causes() {
    let orders = Orders::open().await;
    mock_charges(&orders, vec![succeeded()]).await;
    let post = async |path: String, id: &str, body| {
        let request = Request::post(path).header("idempotency-key", id).header("x-request-id", id);
        orders.client.json(request, Some(orders.customer), body).await.body
    };
    let placed = post("/orders".to_owned(), "request-1", two()).await;
    let order: Uuid = placed["id"].as_str().unwrap().parse().unwrap();
    orders.publish_event(order, held()).await;
    orders.wait_for_status(order, "awaiting_payment").await;
    post(format!("/orders/{order}/payment"), "request-2", json!({"source": "tok_ok"})).await;
    let [hold, sell] = orders.wait_for_commands(order, 2).await.try_into().unwrap();
    assert_eq!(hold.correlation_id.as_deref(), Some("request-1"));
    assert_eq!(sell.correlation_id.as_deref(), Some("request-2"));
}

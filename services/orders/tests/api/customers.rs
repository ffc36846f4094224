use contracts::{Envelope, Event};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Orders, two};

fn registered(user: Uuid, name: &str) -> Envelope<Event> {
    Envelope::new(user, 1, chassis::db::now(), Event::UserRegistered { name: name.to_owned() })
}

fn renamed(user: Uuid, version: i64, name: &str) -> Envelope<Event> {
    Envelope::new(user, version, chassis::db::now(), Event::UserRenamed { name: name.to_owned() })
}

#[tokio::test]
async fn an_order_of_an_unknown_customer_has_no_name() {
    let orders = Orders::open().await;
    let placed = orders.post("/orders", orders.customer, two()).await.body;
    assert_eq!(placed["customer_name"], Value::Null);
    assert_eq!(orders.get("/orders", orders.customer).await.body["items"][0], placed);
}

#[tokio::test]
async fn the_newest_event_gives_the_name_whatever_the_order_of_delivery() {
    let orders = Orders::open().await;
    let user = orders.customer.id.0;
    let [first, second, third] =
        [registered(user, "Ada"), renamed(user, 2, "Ada King"), renamed(user, 3, "Ada Lovelace")];
    let order = orders.place().await;
    for (event, name) in [
        (&second, "Ada King"),
        (&first, "Ada King"),
        (&third, "Ada Lovelace"),
        (&second, "Ada Lovelace"),
        (&third, "Ada Lovelace"),
        (&renamed(user, 3, "Somebody else"), "Ada Lovelace"),
    ] {
        orders.publish(event).await;
        orders.wait_until_idle().await;
        assert_eq!(orders.read(order).await["customer_name"], name);
    }
    let placed = orders.post("/orders", orders.customer, two()).await.body;
    assert_eq!(placed["customer_name"], "Ada Lovelace");
}

#[tokio::test]
async fn each_customer_has_their_own_name() {
    let orders = Orders::open().await;
    let order = orders.place().await;
    orders.publish(&registered(Uuid::now_v7(), "Bob")).await;
    orders.wait_until_idle().await;
    assert_eq!(orders.read(order).await["customer_name"], json!(null));
}

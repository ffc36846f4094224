use async_nats::jetstream::consumer::pull;
use chassis::outbox::Relay;
use contracts::{Envelope, Event, stream};
use futures::{StreamExt, TryStreamExt};
use http::Request;
use serde_json::json;

use crate::harness::Users;

/// The events in the outbox, in order.
async fn outbox(users: &Users) -> Vec<Envelope<Event>> {
    let rows: Vec<String> = sqlx::query_scalar("select message from outbox order by seq")
        .fetch_all(&mut *users.app.db().read().await.unwrap())
        .await
        .unwrap();
    rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// The first `count` published events, in order.
async fn published(users: &Users, count: usize) -> Vec<Envelope<Event>> {
    let stream = users.bus.jetstream.get_stream(stream::EVENTS).await.unwrap();
    let consumer = stream.create_consumer(pull::Config::default()).await.unwrap();
    let messages = consumer.messages().await.unwrap().take(count).try_collect::<Vec<_>>().await.unwrap();
    messages.iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
}

/// That the event is in the transaction of the change shows only if something fails: exercise 8.6 is to write that test.
#[tokio::test]
async fn registering_and_renaming_write_an_event_that_is_published() {
    let users = Users::open().await;
    let ada = users.customer("ada@example.com").await;
    users.client.json(Request::patch("/users/me"), Some(ada), json!({"name": "Countess"})).await;

    let written: Vec<_> =
        outbox(&users).await.into_iter().filter(|event| event.aggregate_id == ada.id.0).collect();
    let messages: Vec<_> = written.iter().map(|event| (event.aggregate_version, &event.message)).collect();
    let [ada, countess] = ["Ada", "Countess"].map(str::to_owned);
    assert_eq!(
        messages,
        [(1, &Event::UserRegistered { name: ada }), (2, &Event::UserRenamed { name: countess })]
    );

    let relay = Relay::new(users.app.db(), &users.bus);
    while relay.run_once().await.unwrap() > 0 {}
    assert_eq!(outbox(&users).await, []);
    let published = published(&users, 3).await; // one of them is about the staff account
    assert!(written.iter().all(|event| published.contains(event)), "{published:?}");
}

#[tokio::test]
async fn a_new_address_is_a_new_version_without_an_event() {
    let users = Users::open().await;
    let ada = users.customer("ada@example.com").await;
    let change = async |body| users.client.json(Request::patch("/users/me"), Some(ada), body).await;
    change(json!({"email": "ada@lovelace.org"})).await;
    change(json!({"name": "Countess"})).await;
    let events = outbox(&users).await;
    let versions: Vec<_> = events.iter().map(|event| event.aggregate_version).collect();
    assert_eq!(versions, [1, 1, 3], "the staff account, Ada, and Ada renamed");
    assert!(!serde_json::to_string(&events).unwrap().contains('@'));
}

#[tokio::test]
async fn a_refused_request_writes_no_event() {
    let users = Users::open().await;
    users.register("ada@example.com").await;
    let before = outbox(&users).await;
    users.register("ada@example.com").await;
    assert_eq!(outbox(&users).await, before);
}

use async_nats::jetstream::consumer::pull;
use chassis::outbox::Relay;
use contracts::{Envelope, Event, stream};
use futures::{StreamExt, TryStreamExt};
use http::Request;
use serde_json::json;

use crate::harness::Users;

/// The events that wait to be published, in order.
async fn outbox(users: &Users) -> Vec<Envelope<Event>> {
    let rows: Vec<String> = sqlx::query_scalar("select message from outbox order by seq")
        .fetch_all(&mut *users.app.db().read().await.unwrap())
        .await
        .unwrap();
    rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// The events that are published, in order, as many as there are to be.
async fn published(users: &Users, count: usize) -> Vec<Envelope<Event>> {
    let stream = users.bus.jetstream.get_stream(stream::EVENTS).await.unwrap();
    let consumer = stream.create_consumer(pull::Config::default()).await.unwrap();
    let messages = consumer.messages().await.unwrap().take(count).try_collect::<Vec<_>>().await.unwrap();
    messages.iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
}

#[tokio::test]
async fn who_registers_and_who_is_renamed_is_told_in_the_transaction_that_does_it() {
    let users = Users::open().await;
    let ada = users.customer("ada@example.com").await;
    users.client.json(Request::patch("/users/me"), Some(ada), json!({"name": "Countess"})).await;

    let told: Vec<_> =
        outbox(&users).await.into_iter().filter(|event| event.aggregate_id == ada.id.0).collect();
    let said: Vec<_> = told.iter().map(|event| (event.aggregate_version, &event.message)).collect();
    let [ada, countess] = ["Ada", "Countess"].map(str::to_owned);
    assert_eq!(
        said,
        [(1, &Event::UserRegistered { name: ada }), (2, &Event::UserRenamed { name: countess })]
    );

    let relay = Relay::new(users.app.db(), &users.bus);
    while relay.run_once().await.unwrap() > 0 {}
    assert_eq!(outbox(&users).await, []);
    let published = published(&users, 3).await; // the staff's account is one of them
    assert!(told.iter().all(|event| published.contains(event)), "{published:?}");
}

#[tokio::test]
async fn an_address_is_told_nobody_but_counts_as_a_change() {
    let users = Users::open().await;
    let ada = users.customer("ada@example.com").await;
    let change = async |body| users.client.json(Request::patch("/users/me"), Some(ada), body).await;
    change(json!({"email": "ada@lovelace.org"})).await;
    change(json!({"name": "Countess"})).await;
    let told = outbox(&users).await;
    let versions: Vec<_> = told.iter().map(|event| event.aggregate_version).collect();
    assert_eq!(versions, [1, 1, 3], "the staff, Ada, and Ada under another name");
    assert!(!serde_json::to_string(&told).unwrap().contains('@'));
}

#[tokio::test]
async fn what_was_refused_is_not_told() {
    let users = Users::open().await;
    users.register("ada@example.com").await;
    let before = outbox(&users).await;
    users.register("ada@example.com").await;
    assert_eq!(outbox(&users).await, before);
}

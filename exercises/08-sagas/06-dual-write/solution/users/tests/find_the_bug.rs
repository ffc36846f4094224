//! Your test of exercise 8.6.

use harness::Users;
use http::{Request, StatusCode};
use serde_json::json;

#[path = "api/harness.rs"]
#[allow(dead_code)] // this test needs only a part of it
mod harness;

#[tokio::test]
async fn the_bug_is_detected() {
    let users = Users::open().await;
    let ada = users.customer("ada@example.com").await;
    let mut tx = users.app.db().write().await.unwrap();
    sqlx::query("create trigger broken before insert on outbox begin select raise(abort, 'broken'); end")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    users.client.json(Request::patch("/users/me"), Some(ada), json!({"name": "Countess"})).await;
    let profile = users.client.get("/users/me", Some(ada)).await;
    assert_eq!(profile.body["name"], "Ada", "the name, after its event could not be stored");

    users.register("bob@example.com").await;
    let session = users.log_in("bob@example.com", "correct horse").await;
    assert_eq!(session.status, StatusCode::UNAUTHORIZED, "an account whose event could not be stored");
}

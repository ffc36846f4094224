use chassis::db;
use jiff::SignedDuration;

use crate::harness::{STAFF, Users};

#[tokio::test]
async fn a_token_is_verified_with_the_keys_of_any_instance() {
    let users = Users::open().await;
    users.one_more().await;
    for _ in 0..4 {
        let session = users.log_in(STAFF.0, STAFF.1).await;
        assert!(users.caller(&session).await.is_some());
    }
    assert_eq!(users.keys().await.keys.len(), 1);
}

#[tokio::test]
async fn a_rotated_key_verifies_its_tokens_until_they_have_expired() {
    let users = Users::open().await;
    let session = users.log_in(STAFF.0, STAFF.1).await;
    let later = db::now() + SignedDuration::from_hours(720);
    users.app.rotate_keys(later).await.unwrap();
    users.one_more().await.rotate_keys(later).await.unwrap();
    assert_eq!(users.keys().await.keys.len(), 2, "the old key and one successor");
    assert!(users.caller(&session).await.is_some());

    users.app.rotate_keys(later + SignedDuration::from_mins(16)).await.unwrap();
    assert!(users.caller(&session).await.is_none());
    assert_eq!(users.keys().await.keys.len(), 1);
}

#[tokio::test]
async fn the_published_keys_contain_no_secret() {
    let users = Users::open().await;
    let keys = serde_json::to_value(users.keys().await).unwrap();
    let members: Vec<_> = keys["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"], "`d`, the secret, is missing");
}

use contracts::{call::Peer, caller::Role};
use futures::future::join_all;
use http::{Request, StatusCode};
use serde_json::json;

use crate::harness::{STAFF, Users};

#[tokio::test]
async fn an_address_is_registered_once_whatever_its_case() {
    let users = Users::open().await;
    assert_eq!(users.register("Ada@Example.com").await.status, StatusCode::CREATED);
    let again = users.register("aDA@example.COM").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.body["type"], "/problems/email-taken");
    assert_eq!(users.log_in("ADA@EXAMPLE.COM", "correct horse").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn of_concurrent_registrations_of_one_address_one_succeeds() {
    let users = Users::open().await;
    users.one_more().await;
    let registered = join_all((0..8).map(|_| users.register("ada@example.com"))).await;
    assert_eq!(registered.iter().filter(|response| response.status == StatusCode::CREATED).count(), 1);
    assert_eq!(registered.iter().filter(|response| response.status == StatusCode::CONFLICT).count(), 7);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_response() {
    let users = Users::open().await;
    users.register("ada@example.com").await;
    let wrong = users.log_in("ada@example.com", "wrong horse").await;
    let unknown = users.log_in("eve@example.com", "wrong horse").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong.body["type"], unknown.body["type"]);
    assert_eq!(wrong.body["detail"], unknown.body["detail"]);
}

#[tokio::test]
async fn after_ten_wrong_passwords_log_ins_to_this_account_from_this_client_are_refused() {
    let users = Users::open().await;
    users.register("ada@example.com").await;
    users.register("bob@example.com").await;
    for address in ["ada@example.com", "nobody@example.com"] {
        for _ in 0..10 {
            assert_eq!(users.log_in(address, "wrong horse").await.status, StatusCode::UNAUTHORIZED);
        }
        let refused = users.log_in(&address.to_uppercase(), "correct horse").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        let retry_after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=30).contains(&retry_after), "{retry_after}");
    }
    assert_eq!(users.log_in("bob@example.com", "correct horse").await.status, StatusCode::CREATED);

    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    let elsewhere = Request::post("/sessions").extension(Peer("192.0.2.7".parse().unwrap()));
    assert_eq!(users.client.json(elsewhere, None, credentials).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn ten_wrong_current_passwords_refuse_a_change() {
    let users = Users::open().await;
    let ada = users.customer("ada@example.com").await;
    let change = async |current: &str| {
        let body = json!({"current": current, "new": "battery staple"});
        users.client.json(Request::put("/users/me/password"), Some(ada), body).await.status
    };
    for _ in 0..10 {
        assert_eq!(change("wrong horse").await, StatusCode::FORBIDDEN);
    }
    assert_eq!(change("correct horse").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(users.log_in("ada@example.com", "correct horse").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_changed_password_replaces_the_old_one() {
    let users = Users::open().await;
    let ada = users.customer("ada@example.com").await;
    let change = async |current: &str| {
        let body = json!({"current": current, "new": "battery staple"});
        users.client.json(Request::put("/users/me/password"), Some(ada), body).await.status
    };
    assert_eq!(change("wrong horse").await, StatusCode::FORBIDDEN);
    assert_eq!(change("correct horse").await, StatusCode::NO_CONTENT);
    assert_eq!(users.log_in("ada@example.com", "correct horse").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(users.log_in("ada@example.com", "battery staple").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_profile_change_affects_only_the_given_fields() {
    let users = Users::open().await;
    users.register("eve@example.com").await;
    let ada = users.customer("ada@example.com").await;
    let change = async |body| users.client.json(Request::patch("/users/me"), Some(ada), body).await;
    assert_eq!(change(json!({"name": "Countess"})).await.body["email"], "ada@example.com");
    assert_eq!(change(json!({"email": "ada@lovelace.org"})).await.body["name"], "Countess");
    assert_eq!(change(json!({"email": "EVE@example.com"})).await.status, StatusCode::CONFLICT);
    let profile = users.client.get("/users/me", Some(ada)).await;
    assert_eq!(profile.body["email"], "ada@lovelace.org");
}

#[tokio::test]
async fn several_instances_create_one_staff_account() {
    let users = Users::open().await;
    tokio::join!(users.one_more(), users.one_more(), users.one_more());
    let staff = users.caller(&users.log_in(STAFF.0, STAFF.1).await).await.unwrap();
    assert_eq!(staff.role, Role::Staff);
    let count: i64 = sqlx::query_scalar("select count(*) from users")
        .fetch_one(&mut *users.app.db().read().await.unwrap())
        .await
        .unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_request_without_a_caller_gets_401_with_the_reason() {
    let users = Users::open().await;
    let refused = users.client.get("/users/me", None).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    assert_eq!(refused.body["detail"], "the Authorization header is missing");
}

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{STAFF, Shop, answer};

#[tokio::test]
async fn an_address_is_registered_once_ignoring_case() {
    let shop = Shop::open().await;
    assert_eq!(shop.register("Ada@Example.com").await.status, StatusCode::CREATED);
    let again = shop.register("aDA@example.COM").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.body["type"], "/problems/email-taken");
    assert_eq!(shop.log_in("ADA@EXAMPLE.COM", "correct horse").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn of_eight_concurrent_registrations_of_one_address_one_succeeds() {
    let shop = Shop::open().await;
    let registered = join_all((0..8).map(|_| shop.register("ada@example.com"))).await;
    assert_eq!(registered.iter().filter(|answer| answer.status == StatusCode::CREATED).count(), 1);
    assert_eq!(registered.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count(), 7);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_response() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await;
    let wrong = shop.log_in("ada@example.com", "wrong horse").await;
    let unknown = shop.log_in("eve@example.com", "wrong horse").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong.body["type"], unknown.body["type"]);
    assert_eq!(wrong.body["detail"], unknown.body["detail"]);
}

#[tokio::test]
async fn after_ten_wrong_passwords_log_ins_to_this_account_are_refused_for_half_a_minute() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await;
    shop.register("bob@example.com").await;
    for address in ["ada@example.com", "nobody@example.com"] {
        for _ in 0..10 {
            let wrong = shop.log_in(address, "wrong horse").await;
            assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
        }
        let refused = shop.log_in(&address.to_uppercase(), "correct horse").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        let retry_after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=30).contains(&retry_after), "{retry_after}");
    }
    assert_eq!(shop.log_in("bob@example.com", "correct horse").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn ten_wrong_current_passwords_refuse_a_change() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await;
    let session = shop.log_in("ada@example.com", "correct horse").await;
    let change = async |current: &str| {
        let request = shop.request(Method::PUT, "/users/me/password");
        let body = json!({"current": current, "new": "battery staple"});
        answer(request.bearer_auth(session.body["token"].as_str().unwrap()).json(&body)).await.status
    };
    for _ in 0..10 {
        assert_eq!(change("wrong horse").await, StatusCode::FORBIDDEN);
    }
    assert_eq!(change("correct horse").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(shop.log_in("ada@example.com", "correct horse").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn after_a_change_only_the_new_password_is_accepted() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await;
    let token =
        shop.log_in("ada@example.com", "correct horse").await.body["token"].as_str().unwrap().to_owned();
    let change = async |current: &str| {
        let body = json!({"current": current, "new": "battery staple"});
        answer(shop.request(Method::PUT, "/users/me/password").bearer_auth(&token).json(&body)).await.status
    };
    assert_eq!(change("wrong horse").await, StatusCode::FORBIDDEN);
    assert_eq!(change("correct horse").await, StatusCode::NO_CONTENT);
    assert_eq!(shop.log_in("ada@example.com", "correct horse").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(shop.log_in("ada@example.com", "battery staple").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn only_the_given_fields_of_a_profile_change() {
    let shop = Shop::open().await;
    shop.register("eve@example.com").await;
    shop.register("ada@example.com").await;
    let token =
        shop.log_in("ada@example.com", "correct horse").await.body["token"].as_str().unwrap().to_owned();
    let change =
        async |body| answer(shop.request(Method::PATCH, "/users/me").bearer_auth(&token).json(&body)).await;
    assert_eq!(change(json!({"name": "Countess"})).await.body["email"], "ada@example.com");
    assert_eq!(change(json!({"email": "ada@lovelace.org"})).await.body["name"], "Countess");
    assert_eq!(change(json!({"email": "EVE@example.com"})).await.status, StatusCode::CONFLICT);
    assert_eq!(shop.get("/users/me", &token).await.body["email"], "ada@lovelace.org");
}

#[tokio::test]
async fn the_staff_account_is_created_once_and_tokens_survive_a_restart() {
    let shop = Shop::open().await;
    let token = shop.staff().await;
    let shop = shop.crash_and_reopen(&[]).await;
    assert_eq!(shop.get("/users/me", &token).await.body["role"], "staff");
    assert_eq!(shop.log_in(STAFF.0, STAFF.1).await.status, StatusCode::CREATED);
}

use std::{
    fs,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use testbed::{Nats, wait_for};

use crate::{
    harness::{Gateway, send},
    services::{KeyServer, Service, new_customer, token, valid_token},
};

#[tokio::test]
async fn a_request_without_a_valid_token_is_forwarded_with_the_reason() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let ada = new_customer();
    let good = valid_token(ada);
    let (claims, foreign) = (good.split('.').nth(1).unwrap(), "the token is invalid");
    let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoiNyIsInR5cCI6IkpXVCJ9.{claims}."); // {"alg":"none","kid":"7",…
    let form = "the Authorization header must be `Bearer`, a space and the token";
    for (authorization, reason) in [
        (format!("Bearer {}", token(ada, 0, 7, 7)), "the token has expired: log in again"),
        (format!("Bearer {}", token(ada, -1, 7, 7)), "the token has expired: log in again"),
        (format!("Bearer {}", token(ada, 900, 7, 8)), foreign),
        (format!("Bearer {}", token(ada, 900, 8, 8)), foreign),
        (format!("Bearer {good}x"), foreign),
        (format!("Bearer {unsigned}"), foreign),
        ("Bearer garbage".to_owned(), foreign),
        ("Bearer ".to_owned(), form),
        (good.clone(), form),
        ("Basic YTpi".to_owned(), form),
    ] {
        let request = gateway.request(Method::GET, "/orders").header("authorization", &authorization);
        assert_eq!(send(request).await.status, StatusCode::OK, "{authorization}");
        assert_eq!(orders.last_caller(), Err(reason.to_owned()), "{authorization}");
    }
    gateway.get("/orders").await;
    assert_eq!(orders.last_caller(), Err("the Authorization header is missing".to_owned()));
    let twice = gateway.request(Method::GET, "/orders").bearer_auth(&good).bearer_auth(&good);
    assert_eq!(send(twice).await.status, StatusCode::OK);
    assert_eq!(orders.last_caller(), Err("the Authorization header occurs more than once".to_owned()));
    send(gateway.request(Method::GET, "/orders").header("authorization", format!("bEARER  {good}"))).await;
    assert_eq!(orders.last_caller(), Ok(ada));
}

#[tokio::test]
async fn tokens_are_verified_while_users_is_down_even_by_a_restarted_gateway() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let ada = new_customer();
    gateway.get_as(&valid_token(ada), "/orders").await;
    assert_eq!(orders.last_caller(), Ok(ada));

    let gateway = gateway.crash_and_reopen().await;
    gateway.wait_until_ready().await;
    gateway.get_as(&valid_token(ada), "/orders").await;
    assert_eq!(orders.last_caller(), Ok(ada));
}

#[tokio::test]
async fn an_unknown_key_is_fetched_but_not_for_every_token() {
    let nats = Nats::start().await;
    let first = KeyServer::publish(&nats, &[7]).await;
    let orders = Service::named(&nats, "orders").await;
    let began = Instant::now();
    let gateway = Gateway::open_on(nats, tempfile::tempdir().unwrap(), &[]).await;
    gateway.wait_until_ready().await;
    assert_eq!(first.requests(), 1);
    drop(first);

    let rotated = KeyServer::publish(&gateway.nats, &[7, 9]).await;
    let (ada, mut attempts) = (new_customer(), 0);
    wait_for("the new key to be known", async || {
        attempts += 1;
        gateway.get_as(&token(ada, 900, 9, 9), "/orders").await;
        orders.last_caller().is_ok().then_some(())
    })
    .await;
    assert!(
        attempts > 1 && began.elapsed() >= Duration::from_secs(5),
        "{attempts} attempts in {:?}",
        began.elapsed()
    );
    assert_eq!(rotated.requests(), 1);
}

#[tokio::test]
async fn a_gateway_without_keys_is_not_ready_and_answers_503_instead_of_401() {
    let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
    fs::write(folder.path().join("jwks.json"), "{\"keys\": [").unwrap();
    let short = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "7", "x": "c2hvcnQ"}]}"#;
    let nonsense = KeyServer::publish_text(&nats, short).await;
    let orders = Service::named(&nats, "orders").await;
    let gateway = Gateway::open_on(nats, folder, &[]).await;
    wait_for("the gateway to be connected", async || {
        (gateway.get("/orders").await.status == StatusCode::OK).then_some(())
    })
    .await;
    wait_for("the gateway to request keys", async || (nonsense.requests() > 1).then_some(())).await;
    assert_eq!(gateway.get("/health/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let ada = new_customer();
    let undecided = gateway.get_as(&valid_token(ada), "/orders").await;
    assert_eq!(
        undecided.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "401 would log out a user with a valid token"
    );

    drop(nonsense);
    let _keys = KeyServer::publish(&gateway.nats, &[7]).await;
    gateway.wait_until_ready().await;
    gateway.get_as(&valid_token(ada), "/orders").await;
    assert_eq!(orders.last_caller(), Ok(ada));
    let stored = fs::read_to_string(gateway.jwks_file()).unwrap();
    assert!(stored.contains("\"kid\":\"7\"") && !stored.contains("c2hvcnQ"), "{stored}");
    let left_over = fs::read_dir(gateway.jwks_file().parent().unwrap()).unwrap().count();
    assert_eq!(left_over, 1, "no temporary file is left");
}

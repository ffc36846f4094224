use std::{
    fs,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use testbed::{Nats, until};

use crate::{
    harness::{Gateway, answer},
    services::{Keys, Service, good_token, somebody, token},
};

#[tokio::test]
async fn a_request_without_a_valid_token_is_nobodys_and_its_owner_hears_why() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let ada = somebody();
    let good = good_token(ada);
    let (claims, foreign) = (good.split('.').nth(1).unwrap(), "the token is not one of ours");
    let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoiNyIsInR5cCI6IkpXVCJ9.{claims}."); // {"alg":"none","kid":"7",…
    let form = "the Authorization header must be: Bearer, a space, the token";
    for (authorization, why) in [
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
        let passed_on = gateway.request(Method::GET, "/orders").header("authorization", &authorization);
        assert_eq!(answer(passed_on).await.status, StatusCode::OK, "{authorization}");
        assert_eq!(orders.last_caller(), Err(why.to_owned()), "{authorization}");
    }
    gateway.get("/orders").await;
    assert_eq!(orders.last_caller(), Err("there is no Authorization header".to_owned()));
    answer(gateway.request(Method::GET, "/orders").header("authorization", format!("bEARER  {good}"))).await;
    assert_eq!(orders.last_caller(), Ok(ada));
}

#[tokio::test]
async fn who_has_logged_in_stays_known_while_users_is_away_also_to_a_gateway_that_starts_meanwhile() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let ada = somebody();
    gateway.get_as(&good_token(ada), "/orders").await;
    assert_eq!(orders.last_caller(), Ok(ada));

    let gateway = gateway.crash_and_reopen().await;
    gateway.until_ready().await;
    gateway.get_as(&good_token(ada), "/orders").await;
    assert_eq!(orders.last_caller(), Ok(ada));
}

#[tokio::test]
async fn a_key_that_is_not_known_is_asked_for_but_not_for_each_token() {
    let nats = Nats::start().await;
    let first = Keys::give_out(&nats, &[7]).await;
    let orders = Service::named(&nats, "orders").await;
    let began = Instant::now();
    let gateway = Gateway::open_on(nats, tempfile::tempdir().unwrap(), &[]).await;
    gateway.until_ready().await;
    assert_eq!(first.asked(), 1);
    drop(first);

    let rotated = Keys::give_out(&gateway.nats, &[7, 9]).await;
    let (ada, mut tries) = (somebody(), 0);
    until("the new key to be known", async || {
        tries += 1;
        gateway.get_as(&token(ada, 900, 9, 9), "/orders").await;
        orders.last_caller().is_ok().then_some(())
    })
    .await;
    assert!(tries > 1 && began.elapsed() >= Duration::from_secs(5), "after {tries} in {:?}", began.elapsed());
    assert_eq!(rotated.asked(), 1);
}

#[tokio::test]
async fn a_gateway_without_keys_is_not_ready_and_refuses_nobody_for_it() {
    let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
    fs::write(folder.path().join("jwks.json"), "{\"keys\": [").unwrap();
    let short = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "7", "x": "c2hvcnQ"}]}"#;
    let nonsense = Keys::say(&nats, short).await;
    let orders = Service::named(&nats, "orders").await;
    let gateway = Gateway::open_on(nats, folder, &[]).await;
    until("the gateway to be connected", async || {
        (gateway.get("/orders").await.status == StatusCode::OK).then_some(())
    })
    .await;
    until("it to have asked for keys", async || (nonsense.asked() > 1).then_some(())).await;
    assert_eq!(gateway.get("/health/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let ada = somebody();
    let undecided = gateway.get_as(&good_token(ada), "/orders").await;
    assert_eq!(undecided.status, StatusCode::SERVICE_UNAVAILABLE, "401 would send away who has logged in");

    drop(nonsense);
    let _keys = Keys::give_out(&gateway.nats, &[7]).await;
    gateway.until_ready().await;
    gateway.get_as(&good_token(ada), "/orders").await;
    assert_eq!(orders.last_caller(), Ok(ada));
    let stored = fs::read_to_string(gateway.jwks_file()).unwrap();
    assert!(stored.contains("\"kid\":\"7\"") && !stored.contains("c2hvcnQ"), "{stored}");
    let left_over = fs::read_dir(gateway.jwks_file().parent().unwrap()).unwrap().count();
    assert_eq!(left_over, 1, "and there is nothing beside it");
}

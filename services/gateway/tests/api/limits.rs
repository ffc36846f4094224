use futures::future::join_all;
use reqwest::{Method, StatusCode};
use testbed::until;

use crate::{
    harness::{Gateway, answer},
    services::{Service, good_token, somebody, token},
};

#[tokio::test]
async fn who_asks_too_much_is_told_to_slow_down_and_nobody_else_is() {
    let gateway = Gateway::open(&["--rate-limit", "3"]).await;
    let products = Service::named(&gateway.nats, "products").await;
    let (ada, eve) = (good_token(somebody()), good_token(somebody()));
    let answers = join_all((0..20).map(|_| gateway.get_as(&ada, "/products"))).await;
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).count();
    assert!((1..=17).contains(&refused), "{refused} of 20");
    assert_eq!(products.seen().len(), 20 - refused, "and what was refused reached nobody");
    let told = answers.iter().find(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).unwrap();
    assert_eq!(told.headers["retry-after"], "1");
    assert_eq!(told.body["type"], "/problems/too-many-requests");

    assert_eq!(gateway.get_as(&eve, "/products").await.status, StatusCode::OK);
    assert_eq!(gateway.get("/products").await.status, StatusCode::OK);
    until("there to be room again", async || {
        (gateway.get_as(&ada, "/products").await.status == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_makes_up_tokens_counts_as_the_address_they_come_from() {
    let gateway = Gateway::open(&["--rate-limit", "3"]).await;
    let _products = Service::named(&gateway.nats, "products").await;
    let answers = join_all((0..20).map(|_| {
        let forged = token(somebody(), 900, 7, 8);
        answer(gateway.request(Method::GET, "/products").bearer_auth(forged))
    }))
    .await;
    assert!(answers.iter().any(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(gateway.get_as(&good_token(somebody()), "/products").await.status, StatusCode::OK);
}

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use testbed::wait_for;

use crate::{
    harness::{Gateway, send},
    services::{Service, new_customer, token, valid_token},
};

#[tokio::test]
async fn a_client_over_its_rate_limit_gets_429_and_others_do_not() {
    let gateway = Gateway::open(&["--rate-limit", "3"]).await;
    let products = Service::named(&gateway.nats, "products").await;
    let (ada, eve) = (valid_token(new_customer()), valid_token(new_customer()));
    let responses = join_all((0..20).map(|_| gateway.get_as(&ada, "/products"))).await;
    let refused =
        responses.iter().filter(|response| response.status == StatusCode::TOO_MANY_REQUESTS).count();
    assert!((1..=17).contains(&refused), "{refused} of 20");
    assert_eq!(products.received().len(), 20 - refused, "refused requests are not forwarded");
    let refused = responses.iter().find(|response| response.status == StatusCode::TOO_MANY_REQUESTS).unwrap();
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.body["type"], "/problems/too-many-requests");

    assert_eq!(gateway.get_as(&eve, "/products").await.status, StatusCode::OK);
    assert_eq!(gateway.get("/products").await.status, StatusCode::OK);
    wait_for("the limit to allow requests again", async || {
        (gateway.get_as(&ada, "/products").await.status == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test]
async fn requests_with_forged_tokens_count_against_the_address() {
    let gateway = Gateway::open(&["--rate-limit", "3"]).await;
    let _products = Service::named(&gateway.nats, "products").await;
    let responses = join_all((0..20).map(|_| {
        let forged = token(new_customer(), 900, 7, 8);
        send(gateway.request(Method::GET, "/products").bearer_auth(forged))
    }))
    .await;
    assert!(responses.iter().any(|response| response.status == StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(gateway.get_as(&valid_token(new_customer()), "/products").await.status, StatusCode::OK);
}

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
async fn a_head_over_32_kib_is_431() {
    let gateway = Gateway::open(&[]).await;
    let request = gateway.request(Method::GET, "/health/live");
    let response = send(request.header("x-filler", "x".repeat(32 * 1024))).await;
    assert_eq!(response.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
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

/// On a socket for both IPv6 and IPv4, an IPv4 address looks like an IPv6 address. This one is such a socket, but on the
/// loopback interface only.
const DUAL_STACK: &str = "[::ffff:127.0.0.1]:0";

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_limited_one_by_one() {
    for listen in ["127.0.0.1:0", "[::1]:0", DUAL_STACK] {
        let proxies = ["--trusted-proxies", "127.0.0.0/8,::1", "--listen", listen, "--rate-limit", "3"];
        let gateway = Gateway::open(&proxies).await;
        let _products = Service::named(&gateway.nats, "products").await;
        let get =
            |client: &str| send(gateway.request(Method::GET, "/products").header("x-forwarded-for", client));
        let responses = join_all((0..20).map(|_| get("10.0.0.1, 192.0.2.1"))).await;
        let is_refused =
            |response: &crate::harness::Response| response.status == StatusCode::TOO_MANY_REQUESTS;
        assert!(responses.iter().any(is_refused), "{listen}");
        assert_eq!(get("192.0.2.2").await.status, StatusCode::OK, "{listen}");
    }
}

#[tokio::test]
async fn a_client_cannot_evade_its_limit_by_a_header() {
    for listen in ["127.0.0.1:0", "[::1]:0", DUAL_STACK] {
        let gateway = Gateway::open(&["--listen", listen, "--rate-limit", "3"]).await;
        let _products = Service::named(&gateway.nats, "products").await;
        let responses = join_all((0..20).map(|number| {
            let request = gateway.request(Method::GET, "/products");
            let request = request.header("x-forwarded-for", format!("192.0.2.{number}"));
            send(request.header("forwarded", format!("for=192.0.2.{number}")))
        }))
        .await;
        let refused = |response: &crate::harness::Response| response.status == StatusCode::TOO_MANY_REQUESTS;
        assert!(responses.iter().any(refused), "{listen}");
    }
}

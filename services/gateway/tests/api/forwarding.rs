use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use async_nats::HeaderMap;
use axum::http::Response;
use bytes::Bytes;
use contracts::call::{self, BODY_LIMIT, Peer, TimeLeft};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testbed::TIMEOUT;

use crate::{
    harness::{Gateway, send},
    services::{Reaction, Service, new_customer, ok, valid_token},
};

#[tokio::test]
async fn a_request_and_its_response_are_forwarded_unchanged() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::start(&gateway.nats, "orders", |_| {
        let response =
            Response::builder().status(202).header("location", "/orders/7").header("x-mood", "good");
        let response = response.header("x-mood", "tired").header("connection", "x-hop").header("x-hop", "1");
        Reaction::Respond(response.body(Bytes::from_static(b"[1]")).unwrap())
    })
    .await;
    let ada = new_customer();
    let request = gateway
        .request(Method::POST, "/orders/7/payment?now=%C3%A9&then")
        .bearer_auth(valid_token(ada))
        .header("idempotency-key", "pay-1")
        .header("x-request-id", "trace-7")
        .header("cookie", "secret")
        .header("content-type", "application/json")
        .body(" {\"source\":  \"tok_ok\"}");
    let response = send(request).await;

    assert_eq!((response.status, response.body), (StatusCode::ACCEPTED, json!([1])));
    assert_eq!(response.headers["location"], "/orders/7");
    assert_eq!(response.headers.get_all("x-mood").iter().collect::<Vec<_>>(), ["good", "tired"]);
    assert!(
        !response.headers.contains_key("x-hop"),
        "a header of the connection between service and gateway"
    );
    assert_eq!(response.headers["x-request-id"], "trace-7");

    assert_eq!(orders.last_caller(), Ok(ada));
    let [received] = &orders.received()[..] else { panic!("not one request") };
    assert_eq!(received.method(), Method::POST);
    assert_eq!(received.uri(), "/orders/7/payment?now=%C3%A9&then");
    assert_eq!(received.body(), " {\"source\":  \"tok_ok\"}", "the body is forwarded byte for byte");
    assert_eq!(received.headers()["idempotency-key"], "pay-1");
    assert_eq!(received.headers()["x-request-id"], "trace-7");
    assert!(!received.headers().contains_key("cookie") && !received.headers().contains_key("authorization"));
    assert_eq!(received.extensions().get(), Some(&Peer(Ipv4Addr::LOCALHOST.into())));
    let TimeLeft(left) = received.extensions().get().copied().unwrap();
    assert!(!left.is_zero() && left < Duration::from_secs(8), "{left:?}");
}

#[tokio::test]
async fn each_path_is_routed_to_its_service_and_any_other_gets_404() {
    let gateway = Gateway::open(&[]).await;
    let names = ["users", "products", "orders"];
    let services = futures::future::join_all(names.map(|name| Service::named(&gateway.nats, name))).await;
    for (path, owner) in [
        ("/users", "users"),
        ("/users/me/password", "users"),
        ("/sessions", "users"),
        ("/products?q=mug", "products"),
        ("/products/7/stock", "products"),
        ("/orders/no/such/thing", "orders"),
    ] {
        assert_eq!(gateway.get(path).await.body, owner, "{path}");
    }
    for path in ["/", "/nowhere", "/usersx", "/Users", "//users", "/%75sers", "/users.jwks", "/docs/nothing"]
    {
        let nowhere = gateway.get(path).await;
        assert_eq!(nowhere.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(nowhere.body["type"], "/problems/no-such-route", "{path}");
    }
    assert_eq!(services.iter().map(|service| service.received().len()).sum::<usize>(), 6);
}

#[tokio::test]
async fn malformed_json_gets_400_before_an_unknown_path_gets_404() {
    let gateway = Gateway::open(&[]).await;
    let send = |path: &str, body: &'static str| {
        let request = gateway.request(Method::POST, path).header("content-type", "application/json");
        send(request.body(body))
    };
    assert_eq!(send("/nowhere", "{").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(send("/nowhere", "{}").await.status, StatusCode::NOT_FOUND);
    assert_eq!(send("/docs", "{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn an_unsafe_request_id_is_replaced_before_it_is_forwarded() {
    let gateway = Gateway::open(&[]).await;
    let products = Service::named(&gateway.nats, "products").await;
    for strange in ["a b", &"x".repeat(65), ""] {
        let response = send(gateway.request(Method::GET, "/products").header("x-request-id", strange)).await;
        let passed_on = products.received().last().unwrap().headers()["x-request-id"].clone();
        assert_eq!(response.headers["x-request-id"], passed_on);
        assert_eq!(passed_on.len(), 36, "a UUID instead of {strange:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_or_incomplete_is_not_forwarded() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let send = |length: usize| send(gateway.request(Method::POST, "/orders").body(vec![b' '; length]));
    let refused = send(BODY_LIMIT + 1).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refused.headers["content-type"], "application/problem+json");

    let mut broken = TcpStream::connect(gateway.url.trim_start_matches("http://")).unwrap();
    let no_chunk = b"POST /orders HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\nno chunk\r\n";
    broken.set_read_timeout(Some(TIMEOUT)).unwrap();
    broken.write_all(no_chunk).unwrap();
    let mut response = [0; 12];
    broken.read_exact(&mut response).unwrap();
    assert_eq!(&response, b"HTTP/1.1 400");
    assert!(orders.received().is_empty());

    assert_eq!(send(BODY_LIMIT).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_invalid_response_gets_500_and_the_next_one_is_forwarded() {
    let gateway = Gateway::open(&[]).await;
    let with = |name: &str, value: &str| {
        let mut headers = call::response_headers(&ok(""));
        headers.insert(name, value);
        headers
    };
    let responses = [
        HeaderMap::new(),
        with("Shop-Status", "fine"),
        with("Shop-Status", "99"),
        with("Shop-Status", "101"),
        with("content-type", "\u{1}"),
    ];
    let count = responses.len();
    let _products = Service::start(&gateway.nats, "products", move |before| match responses.get(before) {
        Some(headers) => Reaction::Reply(headers.clone(), b"\xff\x00"),
        None => Reaction::Respond(ok("1")),
    })
    .await;
    for _ in 0..count {
        let response = gateway.get("/products").await;
        assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.body["type"], "/problems/internal");
    }
    assert_eq!(gateway.get("/products").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_content_length_is_that_of_the_body_that_is_sent() {
    let gateway = Gateway::open(&[]).await;
    let _products = Service::start(&gateway.nats, "products", |_| {
        let mut response = ok("[1, 2]");
        response.headers_mut().insert("content-length", "999".parse().unwrap());
        response.headers_mut().insert("transfer-encoding", "chunked".parse().unwrap());
        Reaction::Respond(response)
    })
    .await;
    let response = gateway.get("/products").await;
    assert_eq!(response.headers["content-length"], "6");
    assert_eq!(response.body, json!([1, 2]));
    let head = crate::harness::send(gateway.request(Method::HEAD, "/products")).await;
    assert_eq!(head.headers["content-length"], "999");
    assert_eq!(head.body, Value::Null);
}

#[tokio::test]
async fn a_problem_of_a_service_is_forwarded_unchanged() {
    let gateway = Gateway::open(&[]).await;
    let _orders = Service::start(&gateway.nats, "orders", |_| {
        let busy = Response::builder().status(503).header("retry-after", "1");
        Reaction::Respond(busy.body(r#"{"type": "/problems/busy"}"#.into()).unwrap())
    })
    .await;
    let busy = gateway.get("/orders").await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(busy.headers["retry-after"], "1");
    assert_eq!(busy.body, json!({"type": "/problems/busy"}));
}

#[tokio::test]
async fn the_docs_are_served_and_need_no_other_host() {
    let gateway = Gateway::open(&[]).await;
    let text = async |path| gateway.request(Method::GET, path).send().await.unwrap().text().await.unwrap();
    let page = text("/docs").await;
    assert!(
        page.contains("/docs/viewer.js") && !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    assert!(text("/openapi.yaml").await.starts_with("openapi: 3.1.0"));
    assert_eq!(gateway.get("/health/live").await.status, StatusCode::OK);
}

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use async_nats::HeaderMap;
use axum::http::Response;
use bytes::Bytes;
use contracts::call::{self, BODY_LIMIT, Deadline};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testbed::PATIENCE;

use crate::{
    harness::{Gateway, answer},
    services::{Does, Service, good_token, ok, somebody},
};

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_and_its_answer_comes_back_whole() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::start(&gateway.nats, "orders", |_| {
        let answer = Response::builder().status(202).header("location", "/orders/7").header("x-mood", "good");
        Does::Answer(answer.body(Bytes::from_static(b"[1]")).unwrap())
    })
    .await;
    let ada = somebody();
    let request = gateway
        .request(Method::POST, "/orders/7/payment?now=%C3%A9&then")
        .bearer_auth(good_token(ada))
        .header("idempotency-key", "pay-1")
        .header("x-request-id", "trace-7")
        .header("cookie", "secret")
        .header("content-type", "application/json")
        .body(" {\"source\":  \"tok_ok\"}");
    let answer = answer(request).await;

    assert_eq!((answer.status, answer.body), (StatusCode::ACCEPTED, json!([1])));
    assert_eq!(answer.headers["location"], "/orders/7");
    assert_eq!(answer.headers["x-mood"], "good");
    assert_eq!(answer.headers["x-request-id"], "trace-7");

    assert_eq!(orders.last_caller(), Ok(ada));
    let [seen] = &orders.seen()[..] else { panic!("asked more than once") };
    assert_eq!(seen.method(), Method::POST);
    assert_eq!(seen.uri(), "/orders/7/payment?now=%C3%A9&then");
    assert_eq!(seen.body(), " {\"source\":  \"tok_ok\"}", "not a byte of it is looked at");
    assert_eq!(seen.headers()["idempotency-key"], "pay-1");
    assert_eq!(seen.headers()["x-request-id"], "trace-7");
    assert!(!seen.headers().contains_key("cookie") && !seen.headers().contains_key("authorization"));
    let left = seen.extensions().get::<Deadline>().unwrap().0.duration_since(Timestamp::now());
    assert!(left.is_positive() && left < SignedDuration::from_secs(8), "{left:?}");
}

#[tokio::test]
async fn each_path_goes_to_its_owner_and_any_other_to_nobody() {
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
    assert_eq!(services.iter().map(|service| service.seen().len()).sum::<usize>(), 6);
}

#[tokio::test]
async fn whether_it_is_json_is_asked_before_whether_there_is_anything() {
    let gateway = Gateway::open(&[]).await;
    let send = |path: &str, body: &'static str| {
        let request = gateway.request(Method::POST, path).header("content-type", "application/json");
        answer(request.body(body))
    };
    assert_eq!(send("/nowhere", "{").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(send("/nowhere", "{}").await.status, StatusCode::NOT_FOUND);
    assert_eq!(send("/docs", "{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_request_id_that_could_do_harm_is_replaced_before_anybody_sees_it() {
    let gateway = Gateway::open(&[]).await;
    let products = Service::named(&gateway.nats, "products").await;
    for strange in ["a b", &"x".repeat(65), ""] {
        let answer = answer(gateway.request(Method::GET, "/products").header("x-request-id", strange)).await;
        let passed_on = products.seen().last().unwrap().headers()["x-request-id"].clone();
        assert_eq!(answer.headers["x-request-id"], passed_on);
        assert_eq!(passed_on.len(), 36, "a UUID instead of {strange:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_or_breaks_off_reaches_nobody() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let send = |length: usize| answer(gateway.request(Method::POST, "/orders").body(vec![b' '; length]));
    let refused = send(BODY_LIMIT + 1).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refused.headers["content-type"], "application/problem+json");

    let mut broken = TcpStream::connect(gateway.url.trim_start_matches("http://")).unwrap();
    let no_chunk = b"POST /orders HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\nno chunk\r\n";
    broken.set_read_timeout(Some(PATIENCE)).unwrap();
    broken.write_all(no_chunk).unwrap();
    let mut answer = [0; 12];
    broken.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
    assert!(orders.seen().is_empty());

    assert_eq!(send(BODY_LIMIT).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_a_problem_and_the_next_one_is_not() {
    let gateway = Gateway::open(&[]).await;
    let with = |name: &str, value: &str| {
        let mut headers = call::response_headers(&ok(""));
        headers.insert(name, value);
        headers
    };
    let answers = [
        HeaderMap::new(),
        with("Shop-Status", "fine"),
        with("Shop-Status", "99"),
        with("Shop-Status", "101"),
        with("content-type", "\u{1}"),
    ];
    let count = answers.len();
    let _products = Service::start(&gateway.nats, "products", move |before| match answers.get(before) {
        Some(headers) => Does::Say(headers.clone(), b"\xff\x00"),
        None => Does::Answer(ok("1")),
    })
    .await;
    for _ in 0..count {
        let answer = gateway.get("/products").await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.body["type"], "/problems/internal");
    }
    assert_eq!(gateway.get("/products").await.status, StatusCode::OK);
}

#[tokio::test]
async fn how_long_an_answer_is_is_not_what_a_service_says_but_what_it_sends() {
    let gateway = Gateway::open(&[]).await;
    let _products = Service::start(&gateway.nats, "products", |_| {
        let mut answer = ok("[1, 2]");
        answer.headers_mut().insert("content-length", "999".parse().unwrap());
        answer.headers_mut().insert("transfer-encoding", "chunked".parse().unwrap());
        Does::Answer(answer)
    })
    .await;
    let answer = gateway.get("/products").await;
    assert_eq!(answer.headers["content-length"], "6");
    assert_eq!(answer.body, json!([1, 2]));
    let head = crate::harness::answer(gateway.request(Method::HEAD, "/products")).await;
    assert_eq!(head.headers["content-length"], "999");
    assert_eq!(head.body, Value::Null);
}

#[tokio::test]
async fn a_problem_of_a_service_comes_as_it_was_written() {
    let gateway = Gateway::open(&[]).await;
    let _orders = Service::start(&gateway.nats, "orders", |_| {
        let busy = Response::builder().status(503).header("retry-after", "1").body(()).unwrap();
        let mut headers = call::response_headers(&busy);
        headers.insert(call::ERROR_BODY, r#"{"type": "/problems/busy"}"#);
        Does::Say(headers, b"")
    })
    .await;
    let busy = gateway.get("/orders").await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(busy.headers["retry-after"], "1");
    assert_eq!(busy.body, json!({"type": "/problems/busy"}));
}

#[tokio::test]
async fn the_docs_are_here_and_need_nothing_from_elsewhere() {
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

//! HTTP as bytes on a connection: what a client library would not send, or would hide.

use contracts::call::BODY_LIMIT;
use reqwest::Method;
use testbed::TIMEOUT;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{harness::Gateway, services::Service};

async fn connect(gateway: &Gateway) -> TcpStream {
    TcpStream::connect(gateway.url.trim_start_matches("http://")).await.unwrap()
}

/// What the gateway sends until it closes the connection.
async fn read_all(connection: &mut TcpStream) -> String {
    let mut response = String::new();
    let closed = timeout(TIMEOUT, connection.read_to_string(&mut response)).await;
    closed.expect("the gateway closes the connection").unwrap();
    response
}

async fn exchange(gateway: &Gateway, request: &str) -> String {
    let mut connection = connect(gateway).await;
    connection.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut connection).await
}

#[tokio::test]
async fn the_response_to_head_has_no_body() {
    let gateway = Gateway::open(&[]).await;
    let products = Service::named(&gateway.nats, "products").await;
    let request = "HEAD /products HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n";
    let response = exchange(&gateway, request).await;
    assert!(response.starts_with("HTTP/1.1 200") && response.ends_with("\r\n\r\n"), "{response}");
    assert_eq!(products.received()[0].method(), Method::HEAD);
}

#[tokio::test]
async fn a_method_and_a_path_are_forwarded_as_they_were_sent() {
    let gateway = Gateway::open(&[]).await;
    let products = Service::named(&gateway.nats, "products").await;
    for (method, sent, forwarded) in [
        ("OPTIONS", "/products", "/products"),
        ("PURGE", "/products/7", "/products/7"),
        ("GET", "/products/%41%2F..%2f%zz?q=%C3%A9&q=%", "/products/%41%2F..%2f%zz?q=%C3%A9&q=%"),
        ("GET", "/products/../users", "/products/../users"),
        ("GET", "http://elsewhere/products?q=1", "/products?q=1"),
    ] {
        let request = format!("{method} {sent} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n");
        let response = exchange(&gateway, &request).await;
        assert!(response.starts_with("HTTP/1.1 200"), "{sent}: {response}");
        let received = products.received().pop().unwrap();
        assert_eq!((received.method().as_str(), received.uri().to_string().as_str()), (method, forwarded));
    }
}

#[tokio::test]
async fn every_value_of_a_repeated_header_is_forwarded() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let request = "DELETE /orders HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\
        idempotency-key: a\r\nidempotency-key: b\r\n\r\n";
    exchange(&gateway, request).await;
    let received = orders.received().pop().unwrap();
    assert_eq!(received.headers().get_all("idempotency-key").iter().collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test]
async fn a_chunked_body_is_forwarded_whole() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let head =
        "POST /orders HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let response =
        exchange(&gateway, &format!("{head}2;a=b\r\n{{\"\r\n4\r\na\":1\r\n1\r\n}}\r\n0\r\nx: y\r\n\r\n"))
            .await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert_eq!(orders.received().pop().unwrap().body(), "{\"a\":1}");
}

#[tokio::test]
async fn a_client_that_expects_100_continue_is_asked_for_the_body() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let mut connection = connect(&gateway).await;
    let head = "POST /orders HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: 2\r\n\
        expect: 100-continue\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    timeout(TIMEOUT, connection.read_exact(&mut interim)).await.unwrap().unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(b"{}").await.unwrap();
    let response = read_all(&mut connection).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert_eq!(orders.received().pop().unwrap().body(), "{}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_before_all_of_it_arrives() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let sent = " ".repeat(BODY_LIMIT + 1);
    let head = format!("POST /orders HTTP/1.1\r\nhost: shop\r\ncontent-length: {}\r\n\r\n", 2 * BODY_LIMIT);
    let response = exchange(&gateway, &(head + &sent)).await;
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
    assert!(orders.received().is_empty());
}

#[tokio::test]
async fn a_request_whose_body_ends_early_is_not_forwarded() {
    let gateway = Gateway::open(&[]).await;
    let orders = Service::named(&gateway.nats, "orders").await;
    let mut connection = connect(&gateway).await;
    let half =
        b"POST /orders HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\nidempotency-key: k\r\n\r\n{\"a\"";
    connection.write_all(half).await.unwrap();
    connection.shutdown().await.unwrap();
    let response = read_all(&mut connection).await;
    assert!(response.starts_with("HTTP/1.1 400") || response.is_empty(), "{response}");
    assert!(orders.received().is_empty());
}

#[tokio::test]
async fn two_requests_on_one_connection_get_two_responses() {
    let gateway = Gateway::open(&[]).await;
    let products = Service::named(&gateway.nats, "products").await;
    let pipelined = "GET /products?n=1 HTTP/1.1\r\nhost: shop\r\n\r\n\
        GET /products?n=2 HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n";
    let responses = exchange(&gateway, pipelined).await;
    assert_eq!(responses.matches("HTTP/1.1 200").count(), 2, "{responses}");
    assert_eq!(products.received().len(), 2);
}

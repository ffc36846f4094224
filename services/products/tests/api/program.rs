//! The program itself: how it begins and how it ends.

use http::StatusCode;
use testbed::{Client, Nats, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_products");

#[tokio::test]
async fn it_says_that_it_is_ready_and_stops_when_it_is_told_to() {
    let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
    let program = Program::start(PROGRAM, &nats, folder.path());
    assert!(program.get("/health/ready").starts_with("HTTP/1.1 200"));
    let client = Client::of("products", &nats).await;
    assert_eq!(client.get("/products", None).await.status, StatusCode::OK);
    assert!(program.stop().contains("stopping"));
}

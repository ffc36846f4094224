//! The program: start and shutdown.

use http::StatusCode;
use testbed::{Client, Nats, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_products");

#[tokio::test]
async fn it_reports_that_it_is_ready_and_shuts_down_on_sigterm() {
    let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
    let program = Program::start(PROGRAM, &nats, folder.path());
    assert!(program.get("/health/ready").starts_with("HTTP/1.1 200"));
    let client = Client::for_service("products", &nats).await;
    assert_eq!(client.get("/products", None).await.status, StatusCode::OK);
    assert!(program.stop().contains("shutdown requested"));
}

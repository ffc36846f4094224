//! The program: start, shutdown and settings.

use http::StatusCode;
use testbed::{Client, Nats, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_orders");

#[tokio::test]
async fn it_reports_that_it_is_ready_and_shuts_down_on_sigterm() {
    let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
    let program = Program::start(PROGRAM, &nats, folder.path());
    assert!(program.get("/health/ready").starts_with("HTTP/1.1 200"));
    let client = Client::for_service("orders", &nats).await;
    assert_eq!(client.get("/orders", None).await.status, StatusCode::UNAUTHORIZED);
    assert!(program.stop().contains("shutdown requested"));
}

#[test]
fn an_invalid_setting_is_refused_by_name() {
    for setting in [["--order-ttl", "2000000000h"], ["--stock-timeout", "0s"], ["--payment-timeout", "soon"]]
    {
        Program::assert_refuses(PROGRAM, setting);
    }
}

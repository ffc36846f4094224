//! The program: start, shutdown and settings.

use http::StatusCode;
use testbed::{Client, Nats, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_users");

#[tokio::test]
async fn it_reports_that_it_is_ready_and_shuts_down_on_sigterm() {
    let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
    let program = Program::start(PROGRAM, &nats, folder.path());
    assert!(program.get("/health/ready").starts_with("HTTP/1.1 200"));
    let client = Client::for_service("users", &nats).await;
    assert_eq!(client.get("/users/me", None).await.status, StatusCode::UNAUTHORIZED);
    assert!(program.stop().contains("shutdown requested"));
}

#[test]
fn an_invalid_setting_is_refused_by_name() {
    for setting in [["--token-ttl", "0s"], ["--key-ttl", "soon"]] {
        Program::assert_refuses(PROGRAM, setting);
    }
}

//! The program itself: how it begins and how it ends.

use http::StatusCode;
use testbed::{Client, Nats, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_users");

#[tokio::test]
async fn it_says_that_it_is_ready_and_stops_when_it_is_told_to() {
    let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
    let program = Program::start(PROGRAM, &nats, folder.path());
    assert!(program.get("/health/ready").starts_with("HTTP/1.1 200"));
    let client = Client::of("users", &nats).await;
    assert_eq!(client.get("/users/me", None).await.status, StatusCode::UNAUTHORIZED);
    assert!(program.stop().contains("stopping"));
}

#[test]
fn a_setting_that_cannot_be_is_refused_by_name() {
    for setting in [["--token-ttl", "0s"], ["--key-ttl", "soon"]] {
        Program::refuses(PROGRAM, setting);
    }
}

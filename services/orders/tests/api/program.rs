//! The program itself: how it begins and how it ends.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use http::StatusCode;
use testbed::{Client, Nats};

#[tokio::test]
async fn it_says_that_it_is_ready_and_stops_when_it_is_told_to() {
    let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
    let mut program = Command::new(env!("CARGO_BIN_EXE_orders"))
        .args(["--listen", "127.0.0.1:0", "--nats-url", &nats.url(), "--database"])
        .arg(folder.path().join("orders.db"))
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(program.stdout.take().unwrap()).lines();
    let listening = log.find_map(|line| Some(line.unwrap().split_once("http://")?.1.to_owned())).unwrap();
    let mut health = TcpStream::connect(&listening).unwrap();
    health.write_all(b"GET /health/ready HTTP/1.1\r\nhost: orders\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    health.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let client = Client::of("orders", &nats).await;
    assert_eq!(client.get("/orders", None).await.status, StatusCode::UNAUTHORIZED);

    assert!(Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap().success());
    assert!(program.wait().unwrap().success());
    assert!(log.any(|line| line.unwrap().contains("stopping")));
}

#[test]
fn a_setting_that_cannot_be_is_refused_by_name() {
    for setting in [["--order-ttl", "2000000000h"], ["--stock-timeout", "0s"], ["--payment-timeout", "soon"]]
    {
        let refused = Command::new(env!("CARGO_BIN_EXE_orders")).args(setting).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(setting[0]) && said.contains("at most a year"), "{said}");
    }
}

//! The program: start, shutdown and settings.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use testbed::Nats;

#[tokio::test]
async fn it_starts_without_nats_and_finishes_a_request_in_flight_before_it_shuts_down() {
    let mut nats = Nats::start().await;
    nats.kill();
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_gateway"))
        .args([
            "--listen",
            "127.0.0.1:0",
            "--nats-url",
            &nats.url(),
            "--request-timeout",
            "4s",
            "--jwks-file",
        ])
        .arg(folder.path().join("jwks.json"))
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(program.stdout.take().unwrap()).lines();
    let address = log.find_map(|line| Some(line.unwrap().split_once("http://")?.1.to_owned())).unwrap();
    let mut half = TcpStream::connect(&address).unwrap();
    half.write_all(b"POST /users HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\n{").unwrap();
    let mut whole = TcpStream::connect(&address).unwrap();
    whole.write_all(b"GET /health/ready HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    whole.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 503"), "{response}");

    assert!(Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap().success());
    let mut response = String::new();
    half.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 400"), "the body did not arrive in time: {response}");
    assert!(program.wait().unwrap().success());
    let rest: Vec<_> = log.map(Result::unwrap).collect();
    assert!(rest.iter().any(|line| line.contains("shutdown requested")), "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("aborted")), "{rest:?}");
}

#[test]
fn an_invalid_setting_is_refused_by_name() {
    for setting in [["--request-timeout", "0s"], ["--attempt-timeout", "soon"], ["--rate-limit", "0"]] {
        let refused = Command::new(env!("CARGO_BIN_EXE_gateway")).args(setting).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(message.contains(setting[0]), "{message}");
    }
}

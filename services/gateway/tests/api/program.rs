//! The program itself: how it begins and how it ends.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use testbed::Nats;

#[tokio::test]
async fn it_needs_nobody_to_start_and_stops_when_it_is_told_to_whoever_is_still_talking() {
    let mut nats = Nats::start().await;
    nats.kill();
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_gateway"))
        .args(["--listen", "127.0.0.1:0", "--nats-url", &nats.url(), "--jwks-file"])
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
    let mut answer = String::new();
    whole.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");

    assert!(Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap().success());
    assert!(program.wait().unwrap().success());
    let rest: Vec<_> = log.map(Result::unwrap).collect();
    assert!(rest.iter().any(|line| line.contains("stopping")), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("cut off")), "{rest:?}");
}

#[test]
fn a_setting_that_cannot_be_is_refused_by_name() {
    for setting in [["--request-timeout", "0s"], ["--attempt-timeout", "soon"], ["--rate-limit", "0"]] {
        let refused = Command::new(env!("CARGO_BIN_EXE_gateway")).args(setting).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(setting[0]), "{said}");
    }
}

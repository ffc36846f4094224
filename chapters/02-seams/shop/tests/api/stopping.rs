//! Starting and stopping the program.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::program::{Program, read_to_end};

#[test]
fn four_instances_can_start_at_once_on_one_database() {
    let folder = tempfile::tempdir().unwrap();
    let programs = thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| Program::start(folder.path()))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect::<Vec<_>>()
    });
    for program in programs {
        assert!(TcpStream::connect(&program.address).is_ok(), "no server at {:?}", program.address);
    }
}

#[test]
fn a_request_in_flight_is_finished_before_the_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let body = r#"{"email": "ada@example.com", "name": "Ada", "password": "correct horse"}"#;
    let mut request = program.send(&format!(
        "POST /users HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    ));
    let mut started = *b"HTTP/1.1 100 Continue\r\n\r\n";
    request.read_exact(&mut started).unwrap();
    assert!(started.starts_with(b"HTTP/1.1 100"));

    program.terminate();
    thread::sleep(Duration::from_secs(4)); // the client is slow
    request.write_all(body.as_bytes()).unwrap();
    let response = read_to_end(request);
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    let log = program.wait();
    assert!(log.contains("shutdown requested") && !log.contains("aborted"), "{log}");
}

#[test]
fn an_idle_connection_does_not_delay_the_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let unused = program.send("");
    let idle = program.send("GET /health/live HTTP/1.1\r\nhost: shop\r\n\r\n");
    let mut first = [0];
    idle.peek(&mut first).unwrap(); // the response has arrived
    let started = Instant::now();
    program.terminate();
    program.wait();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(read_to_end(idle).starts_with("HTTP/1.1 200"));
    assert_eq!(read_to_end(unused), "");
}

#[test]
fn an_invalid_setting_is_rejected_by_name() {
    for setting in [["--order-ttl", "2000000000h"], ["--token-ttl", "0s"], ["--payment-timeout", "soon"]] {
        let refused = Command::new(env!("CARGO_BIN_EXE_shop")).args(setting).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(message.contains(setting[0]) && message.contains("at most a year"), "{message}");
    }
}

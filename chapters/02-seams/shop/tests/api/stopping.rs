//! Starting and stopping the program.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

/// Starts the program on a free port. Returns the process, the log after its first line, and the address.
fn start(folder: &std::path::Path) -> (Child, BufReader<ChildStdout>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_shop"))
        .args(["--listen", "127.0.0.1:0", "--database"])
        .arg(folder.join("shop.db"))
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(program.stdout.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let address = line.trim().rsplit("http://").next().unwrap().to_owned();
    (program, log, address)
}

fn terminate(program: &Child) {
    assert!(Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap().success());
}

#[test]
fn four_instances_can_start_at_once_on_one_database() {
    let folder = tempfile::tempdir().unwrap();
    let programs = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| start(folder.path()))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect::<Vec<_>>()
    });
    for (mut program, _log, address) in programs {
        let reachable = TcpStream::connect(&address).is_ok();
        terminate(&program);
        program.wait().unwrap();
        assert!(reachable, "no server at {address:?}");
    }
}

#[test]
fn an_incomplete_request_does_not_block_the_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, mut log, address) = start(folder.path());
    let mut incomplete = TcpStream::connect(&address).unwrap();
    incomplete.write_all(b"POST /users HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\n{").unwrap();
    let mut complete = TcpStream::connect(&address).unwrap();
    complete.write_all(b"GET /health/ready HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    complete.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    terminate(&program);
    assert!(program.wait().unwrap().success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("shutdown requested") && rest.contains("aborted"), "{rest}");
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

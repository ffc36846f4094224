//! The program itself: how it begins and how it ends.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

/// Starts the program on a free port; gives it, its log after the first line, and its address.
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
fn four_that_start_at_once_on_one_file_all_come_up() {
    let folder = tempfile::tempdir().unwrap();
    let programs = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| start(folder.path()))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect::<Vec<_>>()
    });
    for (mut program, _log, address) in programs {
        let reachable = TcpStream::connect(&address).is_ok();
        terminate(&program);
        program.wait().unwrap();
        assert!(reachable, "nobody at {address:?}");
    }
}

#[test]
fn a_request_that_is_never_sent_whole_does_not_keep_the_shop_from_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, mut log, address) = start(folder.path());
    let mut half = TcpStream::connect(&address).unwrap();
    half.write_all(b"POST /users HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\n{").unwrap();
    let mut whole = TcpStream::connect(&address).unwrap();
    whole.write_all(b"GET /health/ready HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    whole.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    terminate(&program);
    assert!(program.wait().unwrap().success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("stopping") && rest.contains("cut off"), "{rest}");
}

#[test]
fn a_setting_that_cannot_be_is_refused_by_name() {
    for setting in [["--order-ttl", "2000000000h"], ["--token-ttl", "0s"], ["--payment-timeout", "soon"]] {
        let refused = Command::new(env!("CARGO_BIN_EXE_shop")).args(setting).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(setting[0]) && said.contains("at most a year"), "{said}");
    }
}

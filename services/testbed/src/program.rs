//! The program of a service, started as a process.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::Nats;

/// A running program. Killed when dropped.
pub struct Program {
    process: Child,
    log: BufReader<ChildStdout>,
    address: String,
}

impl Program {
    /// Starts a program with a database in `folder`, and waits until it listens.
    pub fn start(program: &str, nats: &Nats, folder: &Path) -> Self {
        let mut process = Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--nats-url", &nats.url(), "--database"])
            .arg(folder.join("service.db"))
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stdout.take().unwrap());
        let mut lines = log.by_ref().lines();
        let address = lines.find_map(|line| Some(line.unwrap().split_once("http://")?.1.to_owned())).unwrap();
        Self { process, log, address }
    }

    /// The response to a GET over HTTP, from the status line on.
    pub fn get(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nhost: service\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends SIGTERM, waits until the program exits, and returns the rest of its log. The test fails if its exit code
    /// is not 0.
    pub fn stop(mut self) -> String {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        rest
    }

    /// Asserts that a program refuses an invalid duration and names the setting.
    pub fn assert_refuses(program: &str, setting: [&str; 2]) {
        let refused = Command::new(program).args(setting).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(message.contains(setting[0]) && message.contains("at most a year"), "{message}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().ok(); // it may have exited already
        self.process.wait().ok();
    }
}

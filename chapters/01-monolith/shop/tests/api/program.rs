//! The program, started as a process, and raw requests to it.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

/// How long a test waits for bytes before it fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running program. Killed when dropped.
pub struct Program {
    process: Child,
    log: BufReader<ChildStdout>,
    pub address: String,
}

impl Program {
    /// Starts the program on a free port, with its database in a folder, and waits until it listens.
    pub fn start(folder: &Path) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_shop")), folder)
    }

    /// Starts a program that may have only so many files open.
    pub fn start_with_file_limit(folder: &Path, files: u32) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"ulimit -n "$0" && exec "$@""#, &files.to_string()]);
        shell.arg(env!("CARGO_BIN_EXE_shop"));
        Self::run(shell, folder)
    }

    fn run(mut command: Command, folder: &Path) -> Self {
        let mut process = command
            .args(["--listen", "127.0.0.1:0", "--database"])
            .arg(folder.join("shop.db"))
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        Self { process, log, address }
    }

    /// Opens a connection and sends these bytes.
    pub fn send(&self, bytes: &str) -> TcpStream {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(DEADLINE)).unwrap();
        connection.write_all(bytes.as_bytes()).unwrap();
        connection
    }

    /// Requests the shutdown.
    pub fn terminate(&self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits until the program exits, and returns the rest of its log. The test fails if its exit code is not 0.
    pub fn wait(mut self) -> String {
        assert!(self.process.wait().unwrap().success());
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().ok(); // it may have exited already
        self.process.wait().ok();
    }
}

/// Reads until the program closes the connection.
pub fn read_to_end(mut connection: TcpStream) -> String {
    let mut response = Vec::new();
    match connection.read_to_end(&mut response) {
        // The kernel resets a connection that is closed before all of its bytes were read.
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("still open: {error}"),
        _ => String::from_utf8(response).unwrap(),
    }
}

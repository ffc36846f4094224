//! A sandbox process with its own ledger. It is killed when the test ends.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The key of a test with a single charge. Each test has its own ledger, so tests can share it.
pub(crate) const KEY: &str = "attempt-1";

pub(crate) struct Provider {
    process: Child,
    url: String,
    client: Client,
    folder: TempDir,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (process, url) = spawn(&folder);
        // The sandbox listens on the loopback interface, which an `HTTP_PROXY` of the machine cannot reach.
        let client = Client::builder().no_proxy().build().unwrap();
        Self { process, url, client, folder }
    }

    /// Kills the process with SIGKILL and starts it again with the same ledger.
    pub(crate) fn crash_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        (self.process, self.url) = spawn(&self.folder);
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        Ok((response.status(), response.json().await?))
    }

    pub(crate) async fn charge(&self, key: &str, source: &str) -> (StatusCode, Value) {
        self.send(Method::POST, "/v1/charges", Some(key), Some(charge_body(source))).await.unwrap()
    }

    pub(crate) async fn refund(&self, key: &str, charge: &Value, amount: i64) -> (StatusCode, Value) {
        let path = format!("/v1/charges/{}/refunds", charge["id"].as_str().unwrap());
        self.send(Method::POST, &path, Some(key), Some(json!({ "amount": amount }))).await.unwrap()
    }

    pub(crate) async fn control(&self, change: Value) -> (StatusCode, Value) {
        self.send(Method::PUT, "/control", None, Some(change)).await.unwrap()
    }

    /// Reads all charges of the ledger.
    pub(crate) async fn ledger(&self) -> Vec<Value> {
        let (_, ledger) = self.send(Method::GET, "/v1/ledger", None, None).await.unwrap();
        ledger["charges"].as_array().unwrap().clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The body of a charge of 1250 cents for `order-1`.
pub(crate) fn charge_body(source: &str) -> Value {
    json!({ "amount": 1250, "currency": "EUR", "source": source, "reference": "order-1" })
}

fn spawn(folder: &TempDir) -> (Child, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_payment-sandbox"))
        .env("LISTEN", "127.0.0.1:0")
        .env("LEDGER", folder.path().join("ledger.db"))
        .env("RUST_LOG", "info")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on ") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the sandbox exited before it was listening");
    }
    let address = line.trim().rsplit(' ').next().unwrap();
    let url = format!("http://{address}");
    // Keep reading the pipe: a process that logs into a full or closed pipe blocks or fails.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    (process, url)
}

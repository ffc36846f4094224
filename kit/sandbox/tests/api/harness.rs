//! A sandbox process with a ledger of its own, killed when the test ends.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Keys and references only need to differ within one ledger.
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
        Self { process, url, client: Client::new(), folder }
    }

    /// Kills it without warning and starts it again on the same ledger.
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
        let answer = request.send().await?;
        Ok((answer.status(), answer.json().await?))
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

    /// The charges of the whole ledger.
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

/// A charge of 1250 cents for order-1.
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
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the sandbox died before it listened");
    }
    let address = line.trim().rsplit(' ').next().unwrap();
    // Nobody may close the pipe under a process that logs.
    let url = format!("http://{address}");
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    (process, url)
}

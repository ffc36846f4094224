//! A shop for one test, and the requests that many tests need.

use std::{future::pending, mem, net::Ipv4Addr, path::PathBuf, time::Duration};

use clap::Parser;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shop::{
    App, Config,
    lifecycle::{self, Tasks},
    server,
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wiremock::MockServer;

pub const STAFF: (&str, &str) = ("staff@example.com", "staff-password");

/// How long a test waits for a condition before it fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running shop. Its payment provider responds with 404 until a test configures it.
pub struct Shop {
    pub provider: MockServer,
    pub folder: TempDir,
    url: String,
    /// The runtime of the shop. Shutting it down ends all tasks of the shop and nothing else, like the end of a process.
    process: Option<Runtime>,
}

/// A response with its body.
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    /// The body as it was received.
    pub text: String,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// Opens a shop with command-line options.
    pub async fn open_with(settings: &[&str]) -> Self {
        Self::open_in(tempfile::tempdir().unwrap(), MockServer::start().await, settings).await
    }

    async fn open_in(folder: TempDir, provider: MockServer, settings: &[&str]) -> Self {
        let defaults = ["shop", "--staff-email", STAFF.0, "--staff-password", STAFF.1];
        let mut config = Config::parse_from(defaults.iter().chain(settings));
        config.database = folder.path().join("shop.db");
        config.payments_url = provider.uri();

        let process = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let opened = process.spawn(async move {
            let app = App::open(&config).await.unwrap();
            let mut tasks = Tasks::default();
            app.start_background_work(&mut tasks);
            let serving = server::serve(listener, app.router(), pending());
            tokio::spawn(async { lifecycle::run(serving, tasks, CancellationToken::new()).await.unwrap() });
        });
        opened.await.unwrap();
        Self { provider, folder, url, process: Some(process) }
    }

    /// Ends the shop with all its requests and tasks in progress, and opens it again on the same database.
    pub async fn crash_and_reopen(mut self, settings: &[&str]) -> Self {
        self.crash();
        let folder = mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let provider = mem::replace(&mut self.provider, MockServer::start().await);
        Self::open_in(folder, provider, settings).await
    }

    fn crash(&mut self) {
        self.process.take().into_iter().for_each(Runtime::shutdown_background);
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    /// A request with only the method and the path set.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        answer(self.request(Method::GET, path).bearer_auth(token)).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.post_keyed(path, token, &Uuid::now_v7().to_string(), body).await
    }

    pub async fn post_keyed(&self, path: &str, token: &str, key: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).bearer_auth(token).header("idempotency-key", key).json(&body))
            .await
    }

    pub async fn register(&self, email: &str) -> Answer {
        let body = json!({"email": email, "name": "Ada", "password": "correct horse"});
        answer(self.request(Method::POST, "/users").json(&body)).await
    }

    pub async fn log_in(&self, email: &str, password: &str) -> Answer {
        answer(self.request(Method::POST, "/sessions").json(&json!({"email": email, "password": password})))
            .await
    }

    pub async fn staff(&self) -> String {
        self.log_in(STAFF.0, STAFF.1).await.body["token"].as_str().unwrap().to_owned()
    }

    /// Registers a customer and returns a token.
    pub async fn customer(&self) -> String {
        let email = format!("{}@example.com", Uuid::now_v7());
        self.register(&email).await;
        self.log_in(&email, "correct horse").await.body["token"].as_str().unwrap().to_owned()
    }

    /// Adds a product and returns its id.
    pub async fn product(&self, name: &str, cents: i64, stock: i64) -> String {
        let body = json!({"name": name, "price": {"amount": cents, "currency": "EUR"}, "stock": stock});
        let added = self.post("/products", &self.staff().await, body).await;
        assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
        added.body["id"].as_str().unwrap().to_owned()
    }

    /// Places an order for one product and returns its path.
    pub async fn order(&self, token: &str, product: &str, quantity: i64) -> String {
        let placed = self.post("/orders", token, line(product, quantity)).await;
        assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.body);
        placed.headers["location"].to_str().unwrap().to_owned()
    }

    pub async fn pay(&self, token: &str, order: &str) -> Answer {
        self.post(&format!("{order}/payment"), token, json!({"source": "tok_ok"})).await
    }

    /// `[received, available, held, sold]` of a product.
    pub async fn stock(&self, product: &str) -> [i64; 4] {
        let stock = self.get(&format!("/products/{product}/stock"), &self.staff().await).await.body;
        ["received", "available", "held", "sold"].map(|column| stock[column].as_i64().unwrap())
    }

    /// Waits until an order has a status, and returns the order.
    pub async fn until(&self, token: &str, order: &str, status: &str) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let order = self.get(order, token).await.body;
            if order["status"] == status {
                return order;
            }
            assert!(Instant::now() < deadline, "the order did not become {status}: {order}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.crash();
    }
}

/// The body of an order for one product.
pub fn line(product: &str, quantity: i64) -> Value {
    json!({"items": [{"product_id": product, "quantity": quantity}]})
}

/// The statuses that an order has had.
pub fn history(order: &Value) -> Vec<&str> {
    order["history"].as_array().unwrap().iter().map(|entry| entry["status"].as_str().unwrap()).collect()
}

pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
}

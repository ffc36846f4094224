//! The operations that need no token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::model::{Page, Product, Registration, Session, User};
use crate::reply::parse;
use crate::{Caller, Error, Reply, Request, Response, Result, RoundTrip, Routes};

/// Longer than the slowest valid response, which is a payment with a slow payment provider.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The shop closes an idle connection after 10 seconds. A request on a connection that is being closed would be lost.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(5);

type Observer = Arc<dyn Fn(&RoundTrip) + Send + Sync>;

/// A client without a token. Clones share their connections.
#[derive(Clone)]
pub struct Shop {
    http: reqwest::Client,
    routes: Arc<Routes>,
    observer: Option<Observer>,
    retry_for: Duration,
}

impl Shop {
    /// Creates a client for the routes of a stage, which map path prefixes to base URLs.
    pub fn new(routes: &BTreeMap<String, String>) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(Error::Setup)?;
        Ok(Self { http, routes: Arc::new(routes.try_into()?), observer: None, retry_for: Duration::ZERO })
    }

    /// Returns a client that passes every request and response to `observer` before it parses the response.
    #[must_use]
    pub fn observed(&self, observer: impl Fn(&RoundTrip) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self.clone() }
    }

    /// Returns a client that retries after 429 and 503, which promise that nothing was done. It waits as `Retry-After`
    /// says and stops retrying once `retry_for` has passed.
    #[must_use]
    pub fn with_retries(&self, retry_for: Duration) -> Self {
        Self { retry_for, ..self.clone() }
    }

    /// Sends a request unchanged and returns the response, whatever its status.
    pub async fn send(&self, request: Request) -> Result<Response> {
        self.round_trip(request).await.map(|round_trip| round_trip.response)
    }

    /// Registers a customer.
    pub async fn register(&self, registration: &Registration) -> Result<Reply<User>> {
        self.call(Request::post("/users").json(registration)).await
    }

    /// Logs in and returns the session.
    pub async fn open_session(&self, email: &str, password: &str) -> Result<Reply<Session>> {
        let credentials = serde_json::json!({ "email": email, "password": password });
        self.call(Request::post("/sessions").json(&credentials)).await
    }

    /// Logs in and returns a client with the token.
    pub async fn log_in(&self, email: &str, password: &str) -> Result<Caller> {
        let session = self.open_session(email, password).await?;
        Ok(self.with_token(&session.token))
    }

    /// Returns a client with a token that was obtained elsewhere.
    pub fn with_token(&self, token: impl Into<String>) -> Caller {
        Caller::new(self.clone(), token.into())
    }

    /// Lists a page of the products that match `search`, newest first. Without `search` it lists all products.
    pub async fn list_products(
        &self,
        search: Option<&str>,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<Reply<Page<Product>>> {
        let request =
            Request::get("/products").query("q", search).query("limit", limit).query("cursor", cursor);
        self.call(request).await
    }

    /// Reads one product.
    pub async fn read_product(&self, product: Uuid) -> Result<Reply<Product>> {
        self.call(Request::get(format!("/products/{product}"))).await
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<Reply<T>> {
        parse(self.round_trip(request).await?)
    }

    async fn round_trip(&self, request: Request) -> Result<RoundTrip> {
        let started = Instant::now();
        loop {
            let response = self.send_once(&request).await?;
            let round_trip = RoundTrip { request: request.clone(), response };
            if let Some(observer) = &self.observer {
                observer(&round_trip);
            }
            let retryable = matches!(round_trip.response.status.as_u16(), 429 | 503);
            if !retryable || started.elapsed() >= self.retry_for {
                return Ok(round_trip);
            }
            sleep(Duration::from_secs(round_trip.response.retry_after().unwrap_or(1))).await;
        }
    }

    async fn send_once(&self, request: &Request) -> Result<Response> {
        let base = self.routes.base(&request.path).ok_or_else(|| Error::NoRoute(request.path.clone()))?;
        let mut builder = self.http.request(request.method.clone(), format!("{base}{}", request.path));
        if !request.query.is_empty() {
            builder = builder.query(&request.query);
        }
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        }
        receive(builder).await.map_err(|source| Error::Transport {
            request: format!("{} {}", request.method, request.path),
            source,
        })
    }
}

async fn receive(request: reqwest::RequestBuilder) -> reqwest::Result<Response> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    Ok(Response { status, headers, body: response.bytes().await?.into() })
}

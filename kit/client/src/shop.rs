//! What anybody may do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::model::{Page, Product, Registration, Session, User};
use crate::reply::parse;
use crate::{Answer, Caller, Error, Exchange, Reply, Request, Result, Routes};

/// Longer than the slowest honest answer: a payment whose provider takes its time.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

type Observer = Arc<dyn Fn(&Exchange) + Send + Sync>;

/// The shop as anybody sees it. Clones share their connections.
#[derive(Clone)]
pub struct Shop {
    http: reqwest::Client,
    routes: Arc<Routes>,
    observer: Option<Observer>,
    patience: Duration,
}

impl Shop {
    /// A shop behind the routes of a stage: path prefix → base URL.
    pub fn new(routes: &BTreeMap<String, String>) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(Error::Setup)?;
        Ok(Self { http, routes: Arc::new(routes.try_into()?), observer: None, patience: Duration::ZERO })
    }

    /// The same shop, every exchange shown to `observer` before it is parsed.
    #[must_use]
    pub fn observed(&self, observer: impl Fn(&Exchange) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self.clone() }
    }

    /// The same shop, but a request that it turns away for now (429 and 503: nothing was done) is sent again, as
    /// `Retry-After` says, for so long.
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// Sends a request as it is and gives back the answer, whatever its status.
    pub async fn send(&self, request: Request) -> Result<Answer> {
        self.exchange(request).await.map(|exchange| exchange.answer)
    }

    /// Registers a customer.
    pub async fn register(&self, registration: &Registration) -> Result<Reply<User>> {
        self.call(Request::post("/users").json(registration)).await
    }

    /// Logs in and gives the session.
    pub async fn open_session(&self, email: &str, password: &str) -> Result<Reply<Session>> {
        let credentials = serde_json::json!({ "email": email, "password": password });
        self.call(Request::post("/sessions").json(&credentials)).await
    }

    /// Logs in and gives what the user may do.
    pub async fn log_in(&self, email: &str, password: &str) -> Result<Caller> {
        let session = self.open_session(email, password).await?;
        Ok(self.with_token(&session.token))
    }

    /// A caller with a token got elsewhere.
    pub fn with_token(&self, token: impl Into<String>) -> Caller {
        Caller::new(self.clone(), token.into())
    }

    /// A page of the products that match `search`, newest first; without one, of all.
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

    /// One product.
    pub async fn read_product(&self, product: Uuid) -> Result<Reply<Product>> {
        self.call(Request::get(format!("/products/{product}"))).await
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<Reply<T>> {
        parse(self.exchange(request).await?)
    }

    async fn exchange(&self, request: Request) -> Result<Exchange> {
        let started = Instant::now();
        loop {
            let answer = self.once(&request).await?;
            let exchange = Exchange { request: request.clone(), answer };
            if let Some(observer) = &self.observer {
                observer(&exchange);
            }
            let turned_away = matches!(exchange.answer.status.as_u16(), 429 | 503);
            if !turned_away || started.elapsed() >= self.patience {
                return Ok(exchange);
            }
            sleep(Duration::from_secs(exchange.answer.retry_after().unwrap_or(1))).await;
        }
    }

    async fn once(&self, request: &Request) -> Result<Answer> {
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

async fn receive(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    Ok(Answer { status, headers, body: response.bytes().await?.into() })
}

//! A gateway for one test.

use std::{future::pending, mem, net::SocketAddr, path::PathBuf, sync::Arc};

use chassis::{
    lifecycle::{self, Tasks},
    server,
};
use clap::Parser;
use gateway::{App, Config};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use tempfile::TempDir;
use testbed::{Nats, wait_for};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
};
use tokio_util::sync::CancellationToken;

use crate::services::KeyServer;

/// A running gateway and its NATS server.
pub struct Gateway {
    pub nats: Nats,
    pub url: String,
    folder: TempDir,
    client: Client,
    /// The gateway has its own runtime, as it would have its own process: shutting it down ends every task of the
    /// gateway and no other.
    process: Option<Runtime>,
}

/// A response. A body that is not JSON is `null`.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Gateway {
    /// A gateway that has fetched a key set, with these command-line arguments.
    pub async fn open(settings: &[&str]) -> Self {
        let nats = Nats::start().await;
        let _until_ready = KeyServer::publish(&nats, &[7]).await;
        let gateway = Self::open_on(nats, tempfile::tempdir().unwrap(), settings).await;
        gateway.wait_until_ready().await;
        gateway
    }

    /// A gateway on this server and with this folder. It need not become ready.
    pub async fn open_on(nats: Nats, folder: TempDir, settings: &[&str]) -> Self {
        let default: &[_] = if settings.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let mut config = Config::parse_from([&["gateway"], default, settings].concat());
        config.nats_url = nats.url();
        config.jwks_file = file(&folder);

        let process = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let opened = process.spawn(async move {
            let app = Arc::new(App::open(&config).await.unwrap());
            let mut tasks = Tasks::default();
            app.start_background_tasks(&mut tasks);
            let listener = TcpListener::bind(config.listen).await.unwrap();
            let address = listener.local_addr().unwrap();
            let url = format!("http://{}", SocketAddr::new(address.ip().to_canonical(), address.port()));
            let serving = server::serve(listener, app.router(), pending());
            tokio::spawn(async { lifecycle::run(serving, tasks, CancellationToken::new()).await.unwrap() });
            url
        });
        let url = opened.await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { nats, url, folder, client, process: Some(process) }
    }

    /// Aborts the gateway with everything that it has in flight, and opens it again with the same file and a new NATS
    /// server.
    pub async fn crash_and_reopen(mut self) -> Self {
        self.crash();
        let folder = mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let nats = mem::replace(&mut self.nats, Nats::start().await);
        Self::open_on(nats, folder, &[]).await
    }

    fn crash(&mut self) {
        self.process.take().into_iter().for_each(Runtime::shutdown_background);
    }

    pub fn jwks_file(&self) -> PathBuf {
        file(&self.folder)
    }

    pub async fn wait_until_ready(&self) {
        let ready = async || (self.get("/health/ready").await.status == StatusCode::OK).then_some(());
        wait_for("the gateway to be ready", ready).await;
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Response {
        send(self.request(Method::GET, path)).await
    }

    pub async fn get_as(&self, token: &str, path: &str) -> Response {
        send(self.request(Method::GET, path).bearer_auth(token)).await
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.crash();
    }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("jwks.json")
}

pub async fn send(request: RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap();
    Response { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
}

//! A gateway for one test.

use std::{mem, net::SocketAddr, path::PathBuf, sync::Arc};

use clap::Parser;
use gateway::{App, Config};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use tempfile::TempDir;
use testbed::{Nats, until};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
};

use crate::services::Keys;

/// A gateway that serves, and the NATS server that it is connected to.
pub struct Gateway {
    pub nats: Nats,
    pub url: String,
    folder: TempDir,
    client: Client,
    /// The gateway has a runtime of its own, as a process has: to end it is to end every task of it, and nothing else.
    process: Option<Runtime>,
}

/// An answer, read whole. Null stands for a body that is no JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Gateway {
    /// A gateway that got the keys of a moment ago, and settings as they would stand on its command line.
    pub async fn open(settings: &[&str]) -> Self {
        let nats = Nats::start().await;
        let _until_ready = Keys::give_out(&nats, &[7]).await;
        let gateway = Self::open_on(nats, tempfile::tempdir().unwrap(), settings).await;
        gateway.until_ready().await;
        gateway
    }

    /// A gateway that takes what it finds.
    pub async fn open_on(nats: Nats, folder: TempDir, settings: &[&str]) -> Self {
        let mut config = Config::parse_from([&["gateway", "--listen", "127.0.0.1:0"], settings].concat());
        config.nats_url = nats.url();
        config.jwks_file = file(&folder);

        let process = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let opened = process.spawn(async move {
            let app = Arc::new(App::open(&config).await.unwrap());
            app.start_background_work();
            let listener = TcpListener::bind(config.listen).await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let service = app.router().into_make_service_with_connect_info::<SocketAddr>();
            tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
            url
        });
        let url = opened.await.unwrap();
        Self { nats, url, folder, client: Client::new(), process: Some(process) }
    }

    /// Ends the gateway with all that it has under way, and opens it again with the same file.
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

    pub async fn until_ready(&self) {
        let ready = async || (self.get("/health/ready").await.status == StatusCode::OK).then_some(());
        until("the gateway to be ready", ready).await;
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn get_as(&self, token: &str, path: &str) -> Answer {
        answer(self.request(Method::GET, path).bearer_auth(token)).await
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

pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap();
    Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
}

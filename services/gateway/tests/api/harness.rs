//! A gateway for one test, and services that do what the test says.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use clap::Parser;
use contracts::{
    call,
    caller::{Role, UserId},
    token::{Claims, JWKS},
};
use futures::StreamExt;
use gateway::{App, Config};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet},
};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use testbed::{Nats, until};
use tokio::{net::TcpListener, runtime::{self, Runtime}};
use uuid::Uuid;

/// A gateway that serves.
pub struct Gateway {
    pub nats: Nats,
    pub folder: TempDir,
    url: String,
    /// The gateway has a runtime of its own, as a process has: to end it is to end every task of it, and nothing else.
    process: Option<Runtime>,
}

impl Gateway {
    /// A gateway that is ready: `users` has given it the public half of [`key`] 7.
    pub async fn open(settings: &[&str]) -> Self {
        let nats = Nats::start().await;
        let folder = tempfile::tempdir().unwrap();
        let users = Keys::given_out(&nats, &[7]).await;
        let gateway = Self::open_on(nats, folder, settings).await;
        gateway.until_ready().await;
        users.no_more().await;
        gateway
    }

    /// A gateway that nobody gives any keys to.
    pub async fn open_on(nats: Nats, folder: TempDir, settings: &[&str]) -> Self {
        let mut config = Config::parse_from([&["gateway"], settings].concat());
        config.nats_url = nats.url();
        config.jwks_file = file(folder.path());

        let process = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        process.spawn(async move {
            let app = Arc::new(App::open(&config).await.unwrap());
            app.start_background_work();
            let service = app.router().into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.unwrap();
        });
        let gateway = Self { nats, folder, url, process: Some(process) };
        until("the gateway to be connected", async || {
            let answer = gateway.send(Method::GET, "/products", None).await;
            (answer.status != StatusCode::SERVICE_UNAVAILABLE || gateway.is_live().await).then_some(())
        })
        .await;
        gateway
    }
}

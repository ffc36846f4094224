//! The users service for one test, with helpers for common requests.

use std::path::PathBuf;

use chassis::{Bus, requests::Requests, web};
use clap::Parser;
use contracts::{
    caller::Caller,
    token::{Claims, JWKS_SUBJECT},
};
use http::Request;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{Client, Nats, Response};
use users::{App, Config, NAME};

pub const STAFF: (&str, &str) = ("staff@example.com", "staff-password");

/// One instance of the service, with its dependencies.
pub struct Users {
    pub nats: Nats,
    pub bus: Bus,
    pub app: App,
    pub client: Client,
    folder: TempDir,
}

impl Users {
    pub async fn open() -> Self {
        let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
        let bus = Bus::connect(NAME, &nats.url()).await.unwrap();
        let app = instance(&bus, folder.path().join("users.db")).await;
        Self { client: Client::for_service(NAME, &nats).await, bus, app, nats, folder }
    }

    /// Another instance, on the same database.
    pub async fn one_more(&self) -> App {
        let bus = Bus::connect(NAME, &self.nats.url()).await.unwrap();
        instance(&bus, self.folder.path().join("users.db")).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.client.json(Request::post(path), None, body).await
    }

    pub async fn register(&self, email: &str) -> Response {
        self.post("/users", json!({"email": email, "name": "Ada", "password": "correct horse"})).await
    }

    pub async fn log_in(&self, email: &str, password: &str) -> Response {
        self.post("/sessions", json!({"email": email, "password": password})).await
    }

    /// Registers a customer and logs in. Returns the caller that the gateway reads from the token.
    pub async fn customer(&self, email: &str) -> Caller {
        self.register(email).await;
        self.caller(&self.log_in(email, "correct horse").await).await.unwrap()
    }

    /// The caller of a session, verified with the keys that the service publishes now.
    pub async fn caller(&self, session: &Response) -> Option<Caller> {
        let token = session.body["token"].as_str().unwrap();
        let kid = decode_header(token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(self.keys().await.find(&kid)?).unwrap();
        let claims = decode::<Claims>(token, &key, &Validation::new(Algorithm::EdDSA)).unwrap().claims;
        Some(Caller { id: claims.sub, role: claims.role })
    }

    pub async fn keys(&self) -> JwkSet {
        let reply = self.bus.nats.request(JWKS_SUBJECT, "".into()).await.unwrap();
        serde_json::from_slice(&reply.payload).unwrap()
    }
}

/// Opens the service and serves its requests, as `main` does.
async fn instance(bus: &Bus, database: PathBuf) -> App {
    let mut config = Config::parse_from(["users", "--staff-email", STAFF.0, "--staff-password", STAFF.1]);
    config.database = database;
    let app = App::open(&config).await.unwrap();
    let router = web::with_middleware(users::router().with_state(app.clone()));
    let requests = Requests::subscribe(bus, NAME, "0.0.0", router).await.unwrap();
    let keys = users::subscribe_jwks(&requests).await.unwrap();
    tokio::spawn(users::serve_jwks(app.clone(), keys));
    tokio::spawn(requests.serve(std::future::pending()));
    app
}

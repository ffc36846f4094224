//! The service of users for one test, and the few requests that every test makes.

use std::path::PathBuf;

use chassis::{Bus, requests::Requests, web};
use clap::Parser;
use contracts::{
    caller::Caller,
    token::{Claims, JWKS},
};
use http::Request;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{Answer, Client, Nats};
use users::{App, Config, NAME};

pub const STAFF: (&str, &str) = ("staff@example.com", "staff-password");

/// One instance of the service, and what it stands on.
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
        Self { client: Client::of(NAME, &nats).await, bus, app, nats, folder }
    }

    /// Another instance, on the same database.
    pub async fn one_more(&self) -> App {
        let bus = Bus::connect(NAME, &self.nats.url()).await.unwrap();
        instance(&bus, self.folder.path().join("users.db")).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.client.json(Request::post(path), None, body).await
    }

    pub async fn register(&self, email: &str) -> Answer {
        self.post("/users", json!({"email": email, "name": "Ada", "password": "correct horse"})).await
    }

    pub async fn log_in(&self, email: &str, password: &str) -> Answer {
        self.post("/sessions", json!({"email": email, "password": password})).await
    }

    /// A new customer, as the gateway knows them from their token.
    pub async fn customer(&self, email: &str) -> Caller {
        self.register(email).await;
        self.caller(&self.log_in(email, "correct horse").await).await.unwrap()
    }

    /// Who a session is for, by the keys that the service gives out now.
    pub async fn caller(&self, session: &Answer) -> Option<Caller> {
        let token = session.body["token"].as_str().unwrap();
        let kid = decode_header(token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(self.keys().await.find(&kid)?).unwrap();
        let claims = decode::<Claims>(token, &key, &Validation::new(Algorithm::EdDSA)).unwrap().claims;
        Some(Caller { id: claims.sub, role: claims.role })
    }

    pub async fn keys(&self) -> JwkSet {
        let answer = self.bus.nats.request(JWKS, "".into()).await.unwrap();
        serde_json::from_slice(&answer.payload).unwrap()
    }
}

/// Opens the service, as `main` does, and leaves it to answer.
async fn instance(bus: &Bus, database: PathBuf) -> App {
    let mut config = Config::parse_from(["users", "--staff-email", STAFF.0, "--staff-password", STAFF.1]);
    config.database = database;
    let app = App::open(&config).await.unwrap();
    let router = web::whole(users::router().with_state(app.clone()));
    let requests = Requests::take(bus, NAME, "0.0.0", router).await.unwrap();
    let keys = users::take_questions_for_keys(&requests).await.unwrap();
    tokio::spawn(users::give_out_keys(app.clone(), keys));
    tokio::spawn(requests.answer(std::future::pending()));
    app
}

//! The routes: which service owns which path.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    middleware,
    routing::{any, get},
};
use chassis::web::{self, Problem};
use contracts::call;
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    App, docs,
    forward::{self, Owner},
};

/// The first segment of a path, and the service that owns every path below it.
const ROUTES: [(&str, &str); 4] =
    [("users", "users"), ("sessions", "users"), ("products", "products"), ("orders", "orders")];

/// The services that recognise an `Idempotency-Key`. Users does not: a repeated registration is 409, whatever its headers.
const DEDUPLICATING: [&str; 2] = ["products", "orders"];

impl App {
    /// The whole API.
    pub fn router(self: Arc<Self>) -> Router {
        let own =
            docs::router().route("/health/live", get(async || "alive")).route("/health/ready", get(ready));
        web::with_middleware(own.with_state(Arc::clone(&self))).merge(forwarded(self))
    }
}

/// The paths of the services. Every method is forwarded, because the service knows which ones a path has, and the body
/// is not parsed.
fn forwarded(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for (segment, service) in ROUTES {
        let owner =
            Owner { subject: call::subject(service).into(), deduplicates: DEDUPLICATING.contains(&service) };
        let handler =
            any(async move |State(app): State<Arc<App>>, ConnectInfo(peer): Peer, request: Request| {
                let client = app.proxies.client(peer.ip(), request.headers());
                forward::forward(&app, owner, client, request).await
            });
        router = router
            .route(&format!("/{segment}"), handler.clone())
            .route(&format!("/{segment}/{{*rest}}"), handler);
    }
    router
        .layer(CatchPanicLayer::custom(web::handle_panic))
        .layer(middleware::from_fn(web::request_id))
        .with_state(app)
}

type Peer = ConnectInfo<SocketAddr>;

/// The gateway is ready once it is connected to NATS and has a key set to verify tokens with.
async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    if app.is_connected() && app.keys.has_keys() { Ok("ready") } else { Err(forward::unavailable()) }
}

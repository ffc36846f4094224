//! Which paths are whose.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    middleware,
    routing::{any, get},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::{App, Problem, call, docs, forward, web};

/// The first word of a path, and the service that owns what is below it.
const OWNERS: [(&str, &str); 4] =
    [("users", "users"), ("sessions", "users"), ("products", "products"), ("orders", "orders")];

impl App {
    /// The whole API.
    pub fn router(self: Arc<Self>) -> Router {
        let own =
            docs::router().route("/health/live", get(async || "alive")).route("/health/ready", get(ready));
        web::whole(own.with_state(Arc::clone(&self))).merge(forwarded(self))
    }
}

/// The paths of the services: any method, for its owner knows which it has, and no look into the body.
fn forwarded(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for (word, service) in OWNERS {
        let subject = async_nats::Subject::from(call::subject(service));
        let owner =
            any(async move |State(app): State<Arc<App>>, ConnectInfo(peer): Peer, request: Request| {
                forward::forward(&app, subject, peer.ip(), request).await
            });
        router = router.route(&format!("/{word}"), owner.clone()).route(&format!("/{word}/{{*rest}}"), owner);
    }
    router
        .layer(CatchPanicLayer::custom(web::handle_panic))
        .layer(middleware::from_fn(web::request_id))
        .with_state(app)
}

type Peer = ConnectInfo<SocketAddr>;

/// Ready is who can reach the services and tell who calls.
async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    if app.is_connected() && app.keys.are_known() { Ok("ready") } else { Err(forward::unavailable()) }
}

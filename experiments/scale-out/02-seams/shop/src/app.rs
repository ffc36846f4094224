use std::{env, str::FromStr, sync::LazyLock, time::Duration};

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

impl App {
    /// The whole API.
    pub fn router(self) -> Router {
        Router::new()
            .merge(users::router().with_state(self.users.clone()))
            .merge(products::router().with_state(self.products).layer(middleware::from_fn(capped)))
            .merge(orders::router().with_state(self.orders))
            .merge(docs::router())
            .route("/health/live", get(async || "alive"))
            .route("/health/ready", get(ready))
            .fallback(web::no_such_route)
            .method_not_allowed_fallback(web::method_not_allowed)
            // The last one added is the first one passed.
            .layer(middleware::from_fn_with_state(self.users, users::authenticate))
            .layer(middleware::from_fn(web::read_body))
            .layer(CatchPanicLayer::custom(web::handle_panic))
            .layer(middleware::from_fn(web::request_id))
            .with_state(self.db)
    }
}

/// Limits this instance to what a small machine could do: it serves `MAX_IN_FLIGHT` requests at a time, each takes
/// `SERVICE_TIME_MS`, and a request that has to wait five times as long is refused.
async fn capped(request: Request, next: Next) -> Response {
    static ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(setting("MAX_IN_FLIGHT")));
    static SERVICE_TIME: LazyLock<Duration> =
        LazyLock::new(|| Duration::from_millis(setting("SERVICE_TIME_MS")));

    let Ok(Ok(_room)) = timeout(*SERVICE_TIME * 5, ROOM.acquire()).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    sleep(*SERVICE_TIME).await;
    next.run(request).await
}

fn setting<T: FromStr>(name: &str) -> T {
    let value = env::var(name).ok().and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("{name} is not a number; experiments/scale-out.toml sets it"))
}

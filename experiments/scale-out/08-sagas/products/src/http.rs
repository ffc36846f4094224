use std::{env, str::FromStr, sync::LazyLock, time::Duration};

use axum::{extract::Request, middleware::{self, Next}};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

/// The routes of products.
pub fn router() -> Router<App> {
    Router::new()
        .route("/products", get(list_products).post(add_product))
        .route("/products/{id}", get(read_product).patch(change_product))
        .route("/products/{id}/stock", get(read_stock))
        .route("/products/{id}/restocks", post(restock))
        .layer(middleware::from_fn(capped))
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

//! The composition root: opens the contexts, connects them, and builds the router.

use std::convert::Infallible;

use axum::{Router, extract::State, middleware, routing::get};
use chassis::{Db, db, idempotency, lifecycle::Tasks, web};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Config, docs};

/// The contexts of the shop. Each contains everything its own use cases need.
#[derive(Clone)]
pub struct App {
    db: Db,
    users: users::App,
    products: products::App,
    orders: orders::App,
}

impl App {
    /// Opens one database for all contexts. Users and products get their own readers.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let _lock = db::lock_for_migration(&config.database).await?;
        let db = Db::open(&config.database).await?;
        let users = users::App::open(db.with_own_readers().await?, config.token_ttl).await?;
        let products = products::App::open(db.with_own_readers().await?).await?;
        let orders = orders::App::open(
            db.clone(),
            users.clone(),
            &config.payments_url,
            config.payment_timeout,
            config.order_ttl,
        )
        .await?;
        if let (Some(email), Some(password)) = (&config.staff_email, &config.staff_password) {
            users.ensure_staff(email, password).await?;
        }
        Ok(Self { db, users, products, orders })
    }

    /// All routes of the API, with the middleware that every request passes.
    pub fn router(self) -> Router {
        Router::new()
            .merge(users::router().with_state(self.users.clone()))
            .merge(products::router().with_state(self.products))
            .merge(orders::router().with_state(self.orders))
            .merge(docs::router())
            .route("/health/live", get(async || "alive"))
            .route("/health/ready", get(ready))
            .fallback(web::no_such_route)
            .method_not_allowed_fallback(web::method_not_allowed)
            // A request passes the layers from the last one to the first.
            .layer(middleware::from_fn_with_state(self.users, users::authenticate))
            .layer(middleware::from_fn(web::read_body))
            .layer(CatchPanicLayer::custom(web::handle_panic))
            .layer(middleware::from_fn(web::request_id))
            .with_state(self.db)
    }

    /// Starts the background tasks.
    pub fn start_background_work(&self, tasks: &mut Tasks) {
        tasks.spawn("orders worker", orders::run_worker(self.orders.clone()));
        tasks.spawn("pruning of idempotency keys", idempotency::prune_hourly(self.db.clone()));
    }
}

/// The shop is ready if it can read its database.
async fn ready(State(db): State<Db>) -> Result<&'static str, chassis::Error<Infallible>> {
    sqlx::query("select count(*) from sqlite_schema").execute(&mut *db.read().await?).await?;
    Ok("ready")
}

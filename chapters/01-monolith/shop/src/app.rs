//! The composition root: opens everything the shop consists of, and builds its router.

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::State, middleware, routing::get};
use jiff::SignedDuration;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Config, Db, Error, db, docs, idempotency, lifecycle::Tasks, orders, products, users, web};

/// Everything the use cases need. Each use case is a method, defined in `app.rs` of its context.
#[derive(Clone)]
pub struct App {
    pub(crate) db: Db,
    pub(crate) hasher: users::Hasher,
    pub(crate) throttle: Arc<users::Throttle>,
    pub(crate) tokens: users::Tokens,
    pub(crate) provider: orders::Provider,
    pub(crate) order_ttl: SignedDuration,
    pub(crate) payment_timeout: SignedDuration,
}

impl App {
    /// Opens the database and the signing key, and creates the payment client and the staff account.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let _lock = db::lock_for_migration(&config.database).await?;
        let db = Db::open(&config.database).await?;
        db.migrate(&sqlx::migrate!()).await?;
        let secret = users::signing_key(&db).await?;
        let app = Self {
            db,
            hasher: users::Hasher::new()?,
            throttle: Arc::default(),
            tokens: users::Tokens::new(&secret, config.token_ttl),
            provider: orders::Provider::new(
                &config.payments_url,
                Duration::try_from(config.payment_timeout)?,
            )?,
            order_ttl: config.order_ttl,
            payment_timeout: config.payment_timeout,
        };
        if let (Some(email), Some(password)) = (&config.staff_email, &config.staff_password) {
            app.ensure_staff(email, password).await?;
        }
        Ok(app)
    }

    /// All routes of the API, with the middleware that every request passes.
    pub fn router(self) -> Router {
        Router::new()
            .merge(users::router())
            .merge(products::router())
            .merge(orders::router())
            .merge(docs::router())
            .route("/health/live", get(async || "alive"))
            .route("/health/ready", get(ready))
            .fallback(web::no_such_route)
            .method_not_allowed_fallback(web::method_not_allowed)
            // A request passes the layers from the last one to the first.
            .layer(middleware::from_fn_with_state(self.clone(), users::authenticate))
            .layer(middleware::from_fn(web::read_body))
            .layer(CatchPanicLayer::custom(web::handle_panic))
            .layer(middleware::from_fn(web::request_id))
            .with_state(self)
    }

    /// Starts the background tasks.
    pub fn start_background_work(&self, tasks: &mut Tasks) {
        tasks.spawn("orders worker", orders::run_worker(self.clone()));
        tasks.spawn("pruning of idempotency keys", idempotency::prune_hourly(self.db.clone()));
    }
}

/// The shop is ready if it can read its database.
async fn ready(State(app): State<App>) -> Result<&'static str, Error> {
    sqlx::query("select count(*) from sqlite_schema").execute(&mut *app.db.read().await?).await?;
    Ok("ready")
}

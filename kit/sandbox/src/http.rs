//! The provider's HTTP API. Errors are `{"error": {"code", "message"}}`.

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    control::{Change, Control, Settings},
    ledger::{Charge, ChargeRequest, Ledger, LedgerError, Refund},
    source::{self, ResponseTime},
};

/// Serves the API on `listener` until the future is dropped. There is no graceful shutdown: a charge is on disk before
/// its response is sent, and a request with `tok_timeout` never gets a response.
pub async fn serve(listener: TcpListener, ledger: Ledger) -> std::io::Result<()> {
    axum::serve(listener, router(Provider { ledger, control: Control::default() })).await
}

#[derive(Clone)]
struct Provider {
    ledger: Ledger,
    control: Control,
}

fn router(provider: Provider) -> Router {
    Router::new()
        .route("/v1/charges", post(create_charge).get(find_charges))
        .route("/v1/charges/{id}/refunds", post(create_refund))
        .route_layer(middleware::from_fn_with_state(provider.clone(), admit))
        .route("/v1/ledger", get(read_ledger))
        .route("/control", get(read_control).put(change_control))
        .route("/health/live", get(|| async { "alive" }))
        .route("/health/ready", get(|| async { "ready" }))
        .fallback(|| async {
            ApiError::new(StatusCode::NOT_FOUND, "unknown_route", "this route does not exist")
        })
        .method_not_allowed_fallback(|| async {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "unknown_method", "this method is not allowed here")
        })
        .with_state(provider)
}

async fn admit(State(provider): State<Provider>, request: Request, next: Next) -> Response {
    if provider.control.admit().await {
        next.run(request).await
    } else {
        ApiError::unavailable("the provider is down; the request had no effect").into_response()
    }
}

async fn create_charge(
    State(provider): State<Provider>,
    headers: HeaderMap,
    body: Result<Json<ChargeRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<Charge>), ApiError> {
    let key = idempotency_key(&headers)?;
    let Json(request) = body?;
    check_charge(&request)?;
    let charge = provider.ledger.charge(key, &request).await?;
    match source::response_time(&charge.source, charge.attempts) {
        ResponseTime::Immediate => {}
        ResponseTime::Delayed(delay) => tokio::time::sleep(delay).await,
        ResponseTime::Never => std::future::pending().await,
    }
    Ok((StatusCode::CREATED, Json(charge)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundBody {
    amount: i64,
}

async fn create_refund(
    State(provider): State<Provider>,
    Path(charge): Path<String>,
    headers: HeaderMap,
    body: Result<Json<RefundBody>, JsonRejection>,
) -> Result<(StatusCode, Json<Refund>), ApiError> {
    let key = idempotency_key(&headers)?;
    let Json(RefundBody { amount }) = body?;
    if amount < 1 {
        return Err(ApiError::invalid("invalid_body", format!("amount {amount} is less than 1")));
    }
    let refund = provider.ledger.refund(key, &charge, amount).await?;
    Ok((StatusCode::CREATED, Json(refund)))
}

#[derive(Deserialize)]
struct ChargeFilter {
    reference: Option<String>,
    idempotency_key: Option<String>,
}

async fn find_charges(
    State(provider): State<Provider>,
    Query(filter): Query<ChargeFilter>,
) -> Result<Json<Value>, ApiError> {
    let (reference, key) = (filter.reference.as_deref(), filter.idempotency_key.as_deref());
    if reference.is_none() && key.is_none() {
        return Err(ApiError::invalid("invalid_query", "the query needs reference or idempotency_key"));
    }
    Ok(Json(json!({ "charges": provider.ledger.charges(reference, key).await? })))
}

async fn read_ledger(State(provider): State<Provider>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "charges": provider.ledger.charges(None, None).await? })))
}

async fn read_control(State(provider): State<Provider>) -> Json<Settings> {
    Json(provider.control.settings())
}

async fn change_control(
    State(provider): State<Provider>,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Settings>, ApiError> {
    let Json(change) = body?;
    let settings = provider.control.change(change).map_err(|e| ApiError::invalid("invalid_body", e))?;
    tracing::info!(?settings, "control changed");
    Ok(Json(settings))
}

fn idempotency_key(headers: &HeaderMap) -> Result<&str, ApiError> {
    headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .filter(|key| (1..=255).contains(&key.len()))
        .ok_or_else(|| {
            ApiError::invalid("missing_key", "the request needs an Idempotency-Key of 1 to 255 characters")
        })
}

fn check_charge(request: &ChargeRequest) -> Result<(), ApiError> {
    let ChargeRequest { amount, currency, source, reference } = request;
    let invalid = |message: String| Err(ApiError::invalid("invalid_body", message));
    if *amount < 1 {
        return invalid(format!("amount {amount} is less than 1"));
    }
    if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return invalid(format!("currency `{currency}` is not three capital letters"));
    }
    if source.is_empty() || reference.is_empty() {
        return invalid("source and reference must not be empty".to_owned());
    }
    Ok(())
}

/// An error response.
#[derive(Debug)]
struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "invalid_body", rejection.body_text())
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match &error {
            LedgerError::KeyReused(_) => Self::invalid("key_reused", error.to_string()),
            LedgerError::SourceUnavailable => Self::unavailable(error.to_string()),
            LedgerError::SourceRefused => {
                Self::new(StatusCode::PAYMENT_REQUIRED, "source_refused", error.to_string())
            }
            LedgerError::UnknownCharge(_) => {
                Self::new(StatusCode::NOT_FOUND, "unknown_charge", error.to_string())
            }
            LedgerError::RefundTooLarge { .. } => Self::invalid("refund_too_large", error.to_string()),
            LedgerError::Database(source) => {
                tracing::error!(error = source as &dyn std::error::Error, "cannot read or write the ledger");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        (self.status, Json(body)).into_response()
    }
}

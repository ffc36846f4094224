//! Extractors for handlers, in the order in which the API checks a request.

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};
use contracts::{call::Authentication, caller::Caller};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Invalid, Problem};
/// The caller of the request. The gateway has verified the token and passes the caller on.
pub struct Authenticated(pub Caller);

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Authentication(verified) = parts
            .extensions
            .get()
            .cloned()
            .unwrap_or_else(|| Authentication(Err("the request was not authenticated".to_owned())));
        verified.map(Self).map_err(|reason| {
            Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "A valid bearer token is required")
                .detail(reason)
        })
    }
}

/// A caller with the staff role.
pub struct Staff(pub Caller);

impl<S: Sync> FromRequestParts<S> for Staff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, state).await?;
        if caller.is_staff() { Ok(Self(caller)) } else { Err(Problem::forbidden()) }
    }
}

/// The `{id}` in the path. If it is not a UUID, no resource can have it, so the response is 404.
pub struct PathId(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = Path::<String>::from_request_parts(parts, state).await.ok();
        id.and_then(|Path(id)| parse_id(&id).ok())
            .map(PathId)
            .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not-found", "Resource not found"))
    }
}

/// Parses a UUID with hyphens, which is the only form the API accepts.
pub fn parse_id(text: &str) -> Result<Uuid, &'static str> {
    let id = Some(text)
        .filter(|text| text.len() == uuid::fmt::Hyphenated::LENGTH)
        .and_then(|text| text.parse().ok());
    id.ok_or("must be a UUID, with hyphens")
}

/// The query parameters of a list as text. The handler parses them, because all other checks come first.
pub struct Query<T>(Option<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        Ok(Self(query.map(|query| query.0).ok()))
    }
}

impl<T> Query<T> {
    /// Returns the parameters. The only possible error at this point is a parameter that occurs twice.
    pub fn parse(self) -> Result<T, Invalid> {
        self.0.ok_or_else(|| Invalid::field("query", "must have each parameter at most once"))
    }
}

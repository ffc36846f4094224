//! The routes below `/users` and `/sessions`, and the middleware that verifies tokens.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Deserialize;

use super::{
    App, Error,
    domain::{Email, Name, Password, Session, User, email_key},
};
use crate::{
    caller::Caller,
    web::{Authentication, Body, Invalid, has_length, non_null, single_header},
};

/// The routes of accounts.
pub fn router() -> Router<App> {
    Router::new()
        .route("/users", post(register_user))
        .route("/users/me", get(read_profile).patch(change_profile))
        .route("/users/me/password", put(change_password))
        .route("/sessions", post(log_in))
}

/// Middleware: verifies the token of a request, if there is one, and stores the result for the handler. It rejects
/// nothing, because some routes need no token.
pub async fn authenticate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let verified = match single_header(request.headers(), header::AUTHORIZATION) {
        Err(_) => Err("the Authorization header occurs more than once"),
        Ok(None) => Err("the Authorization header is missing"),
        Ok(Some(header)) => match header.to_str().unwrap_or_default().split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => app.tokens.verify(token.trim()),
            _ => Err("the Authorization header must be `Bearer`, a space and the token"),
        },
    };
    request.extensions_mut().insert(Authentication(verified));
    next.run(request).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterUserBody {
    email: String,
    name: String,
    password: Password,
}

async fn register_user(State(app): State<App>, body: Body) -> Result<impl IntoResponse, Error> {
    let body: RegisterUserBody = body.parse()?;
    let mut invalid = Invalid::default();
    let email = invalid.check("email", Email::parse(&body.email));
    let name = invalid.check("name", Name::parse(body.name));
    let password = invalid.check("password", body.password.parse());
    let (Some(email), Some(name), Some(password)) = (email, name, password) else {
        return Err(invalid.into());
    };

    let user = app.register_user(email, name, password).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, "/users/me")], Json(user)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogInBody {
    email: String,
    password: Password,
}

async fn log_in(
    State(app): State<App>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    body: Body,
) -> Result<(StatusCode, Json<Session>), Error> {
    let body: LogInBody = body.parse()?;
    let mut invalid = Invalid::default();
    let short =
        if has_length(&body.email, 0..=254) { Ok(()) } else { Err("must have at most 254 characters") };
    let email = invalid.check("email", short);
    let password = invalid.check("password", body.password.parse_existing());
    let (Some(()), Some(password)) = (email, password) else { return Err(invalid.into()) };

    let session = app.log_in(&body.email, password);
    let session = app.throttle.guess(email_key(&body.email), client.ip(), session).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

async fn read_profile(State(app): State<App>, caller: Caller) -> Result<Json<User>, Error> {
    Ok(Json(app.read_profile(caller).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeProfileBody {
    #[serde(default, deserialize_with = "non_null")]
    email: Option<String>,
    #[serde(default, deserialize_with = "non_null")]
    name: Option<String>,
}

async fn change_profile(State(app): State<App>, body: Body, caller: Caller) -> Result<Json<User>, Error> {
    let body: ChangeProfileBody = body.parse()?;
    if body.email.is_none() && body.name.is_none() {
        return Err(Invalid::field("body", "must contain at least one of email and name").into());
    }
    let mut invalid = Invalid::default();
    let email = invalid.check("email", body.email.as_deref().map(Email::parse).transpose());
    let name = invalid.check("name", body.name.map(Name::parse).transpose());
    let (Some(email), Some(name)) = (email, name) else { return Err(invalid.into()) };

    Ok(Json(app.change_profile(caller, email, name).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangePasswordBody {
    current: Password,
    new: Password,
}

async fn change_password(
    State(app): State<App>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    body: Body,
    caller: Caller,
) -> Result<StatusCode, Error> {
    let body: ChangePasswordBody = body.parse()?;
    let mut invalid = Invalid::default();
    let current = invalid.check("current", body.current.parse_existing());
    let new = invalid.check("new", body.new.parse());
    let (Some(current), Some(new)) = (current, new) else { return Err(invalid.into()) };

    app.change_password(caller, client.ip(), current, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

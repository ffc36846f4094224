//! Request bodies. A body is read and parsed as JSON before all other checks, and deserialised into a type after them.
//!
//! The API defines the order of the checks: first whether the body is JSON (400, 413, 415), then authentication and
//! permission (401, 403), then whether the resource exists (404), and last whether the fields are valid (422).

use std::{error::Error, fmt, marker::PhantomData, time::Duration};

use axum::{
    body::{Bytes, HttpBody},
    extract::{FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::LengthLimitError;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;
use tokio::time::timeout;

use super::{Invalid, Problem, single_header};

/// The largest body, in bytes. The largest valid body, a product with every character escaped, fits.
pub const BODY_LIMIT: usize = 64 * 1024;

/// How long the body of a request may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(8);

/// The body of a request, parsed as JSON but not validated. A handler that extracts it requires a body.
#[derive(Clone)]
pub struct Body(Value);

/// Middleware for all routes: reads the body and stores it in the request as a [`Body`].
pub async fn read_body(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    match read_json(&parts.headers, body).await {
        Ok(value) => {
            if let Some(value) = value {
                parts.extensions.insert(Body(value));
            }
            next.run(Request::from_parts(parts, axum::body::Body::empty())).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Reads a whole body. Returns 413 if it is larger than the limit, and 400 if it is incomplete.
async fn read_bytes(body: axum::body::Body) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|error| {
        if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request body is larger than 64 KiB")
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request body is incomplete")
        }
    })
}

async fn read_json(headers: &HeaderMap, body: axum::body::Body) -> Result<Option<Value>, Problem> {
    let bytes = timeout(BODY_TIMEOUT, read_bytes(body)).await.map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body did not arrive in time")
    })??;
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_json(headers)? {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            "The request body must be application/json",
        ));
    }
    let mut body = serde_json::from_slice(&bytes).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request body is not valid JSON")
            .detail(error.to_string())
    })?;
    normalize_integers(&mut body);
    Ok(Some(body))
}

/// Replaces each number without a fraction by an integer: for JSON Schema, `100.0` and `1e2` are the integer 100.
fn normalize_integers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            // The text of a float has no exponent, and no point if there is no fraction.
            if let Some(integer) = number.as_f64().and_then(|float| float.to_string().parse::<i64>().ok()) {
                *value = integer.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalize_integers),
        Value::Object(fields) => fields.values_mut().for_each(normalize_integers),
        _ => {}
    }
}

fn is_json(headers: &HeaderMap) -> Result<bool, Problem> {
    let content_type = single_header(headers, header::CONTENT_TYPE).map_err(|reason| {
        Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request has several content types")
            .detail(format!("Content-Type {reason}"))
    })?;
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default();
    Ok(media_type.trim().eq_ignore_ascii_case("application/json"))
}

impl<S: Sync> FromRequestParts<S> for Body {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .remove()
            .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request body is missing"))
    }
}

impl Body {
    /// The body as JSON text in which fields are sorted by name, without white space. It is equal for two bodies that differ
    /// only in the order of their fields, in white space, or in how they write an integer.
    pub fn canonical(&self) -> String {
        self.0.to_string()
    }

    /// Deserialises the body. The error names the first field that does not match the type.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, Problem> {
        if let Some(field) = field_with_nul(&self.0) {
            return Err(Invalid::field(field, "must not contain the character NUL").into());
        }
        let body: Object<T> = serde_path_to_error::deserialize(self.0)
            .map_err(|error| deserialize_error(&error.path().to_string(), &error.into_inner().to_string()))?;
        Ok(body.0)
    }
}

/// Builds the error for one field. Replaces the names of Rust types in serde's message with those of JSON.
fn deserialize_error(path: &str, message: &str) -> Invalid {
    let path = if path == "." { "" } else { path };
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let field = match (path, missing) {
        ("", None) => "body".to_owned(),
        ("", Some(missing)) => missing.to_owned(),
        (path, None) => path.to_owned(),
        (path, Some(missing)) => format!("{path}.{missing}"),
    };
    Invalid::field(field, message.replace(" i64", " a whole number").replace("sequence", "array"))
}

fn field_with_nul(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => items.iter().find_map(field_with_nul),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            if name.contains('\0') {
                Some(name.replace('\0', "\u{fffd}"))
            } else {
                field_with_nul(value).map(|_| name.clone())
            }
        }),
        _ => None,
    }
}

/// Deserialises a struct from a JSON object only. The code that serde derives would also accept an array of the fields.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// Deserialises an optional field that may be missing but not null: `#[serde(default, deserialize_with = "non_null")]`.
pub fn non_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_canonical_form_depends_on_neither_the_order_of_fields_nor_white_space_nor_how_an_integer_is_written()
     {
        let canonical = |text: &str| {
            let mut body = serde_json::from_str(text).unwrap();
            normalize_integers(&mut body);
            Body(body).canonical()
        };
        let compact = canonical(r#"{"a":[1,{"c":"é","d":2}],"b":100}"#);
        assert_eq!(
            canonical(" { \"b\" : 1e2, \"a\" : [ 1.0, { \"d\": 2, \"c\": \"\\u00e9\" } ] } "),
            compact
        );
        for other in [r#"{"a":[{"c":"é","d":2},1],"b":100}"#, r#"{"a":[1,{"c":"é","d":2}],"b":100,"e":null}"#]
        {
            assert_ne!(canonical(other), compact);
        }
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer() {
        let mut body: Value =
            serde_json::from_str(r#"{"a": [100.0, 1e2, -0.0], "b": {"c": 1.5, "d": 1e300}}"#).unwrap();
        normalize_integers(&mut body);
        assert_eq!(body, json!({"a": [100, 100, 0], "b": {"c": 1.5, "d": 1e300}}));
    }
}

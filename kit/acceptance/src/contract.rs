//! The contract, and whether an answer keeps it. Every answer that any journey gets goes through here.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use jsonschema::Validator;
use serde_json::{Map, Value};
use shop_client::{Answer, Exchange, Method};

/// The public API, byte for byte as a stage serves it.
pub const TEXT: &str = include_str!("../contract/openapi.yaml");

/// What the description allows beside an operation's own answers: `default` in the document. But not 500:
/// nothing that a journey does is a reason for it.
const DEFAULT: [u16; 7] = [400, 405, 413, 415, 429, 503, 504];

/// The operations of the contract, their schemas compiled.
pub struct Contract {
    operations: Vec<Operation>,
    problem: Validator,
}

struct Operation {
    method: Method,
    template: String,
    /// By status; the contract's `default` is [`DEFAULT`].
    responses: BTreeMap<u16, Response>,
    has_default: bool,
}

struct Response {
    headers: Vec<String>,
    /// Media type and schema; none where the contract says nothing about the body.
    content: Option<(String, Validator)>,
}

impl Contract {
    /// Reads an OpenAPI 3.1 document.
    pub fn parse(yaml: &str) -> Result<Self> {
        let document: Value = serde_saphyr::from_str(yaml).context("the contract is no YAML")?;
        let mut operations = Vec::new();
        for (template, item) in object(&document["paths"]) {
            for (method, operation) in object(item) {
                let Ok(method) = method.to_uppercase().parse() else { continue };
                if operation["operationId"].is_string() {
                    let operation = Operation::parse(&document, method, template, operation);
                    operations.push(operation.with_context(|| format!("in {template}"))?);
                }
            }
        }
        let problem = schema(&document, &document["components"]["schemas"]["Problem"])?;
        Ok(Self { operations, problem })
    }

    /// Everything in which the answer breaks the contract, a sentence each.
    pub fn breaches(&self, Exchange { request, answer }: &Exchange) -> Vec<String> {
        let path = request.path.split('?').next().unwrap_or_default();
        let known: Vec<_> = self.operations.iter().filter(|known| known.covers(path)).collect();
        let mut breaches = match known.iter().find(|known| known.method == request.method) {
            Some(operation) => self.breaches_of(operation, answer),
            // The files that the page for people brings along are its own business.
            None if path.starts_with("/docs/") => Vec::new(),
            None if known.is_empty() => self.breaches_beside(answer, &[404, 400, 413, 415]),
            None => self.breaches_beside(answer, &[405, 400, 413, 415]),
        };
        if !answer.request_id().is_some_and(is_sane) {
            breaches.push(format!("X-Request-Id is {:?}", answer.request_id()));
        }
        breaches
    }

    fn breaches_of(&self, operation: &Operation, answer: &Answer) -> Vec<String> {
        let status = answer.status.as_u16();
        let Some(response) = operation.responses.get(&status) else {
            let default: &[u16] = if operation.has_default { &DEFAULT } else { &[] };
            return self.breaches_beside(answer, default);
        };
        let mut breaches = Vec::new();
        for name in &response.headers {
            if answer.header(name).is_none() {
                breaches.push(format!("the header {name} is missing"));
            }
        }
        match &response.content {
            Some((media_type, schema)) => breaches.extend(body_breaches(answer, media_type, schema)),
            None if status == 204 && !answer.body.is_empty() => breaches.push("204 with a body".to_owned()),
            None => {}
        }
        if status >= 400 && response.content.is_some() {
            breaches.extend(problem_breaches(answer));
        }
        breaches
    }

    /// An answer that is no operation's own: a problem with one of these statuses.
    fn breaches_beside(&self, answer: &Answer, allowed: &[u16]) -> Vec<String> {
        let mut breaches = Vec::new();
        let status = answer.status.as_u16();
        if !allowed.contains(&status) {
            breaches.push(format!("the contract does not know the answer {status} here"));
        }
        if status == 405 && answer.header("allow").is_none() {
            breaches.push("405 without the header Allow".to_owned());
        }
        if [429, 503].contains(&status) && answer.retry_after().is_none() {
            breaches.push(format!("{status} without Retry-After in seconds"));
        }
        breaches.extend(body_breaches(answer, "application/problem+json", &self.problem));
        breaches.extend(problem_breaches(answer));
        breaches
    }
}

impl Operation {
    fn parse(document: &Value, method: Method, template: &str, operation: &Value) -> Result<Self> {
        let mut responses = BTreeMap::new();
        for (status, response) in object(&operation["responses"]) {
            if let Ok(status) = status.parse() {
                responses.insert(status, Response::parse(document, response)?);
            }
        }
        let has_default = !operation["responses"]["default"].is_null();
        Ok(Self { method, template: template.to_owned(), responses, has_default })
    }

    fn covers(&self, path: &str) -> bool {
        let (mut template, mut path) = (self.template.split('/'), path.split('/'));
        loop {
            match (template.next(), path.next()) {
                (None, None) => return true,
                (Some(expected), Some(got)) if expected == got => {}
                (Some("{id}"), Some(got)) if !got.is_empty() => {}
                _ => return false,
            }
        }
    }
}

impl Response {
    fn parse(document: &Value, response: &Value) -> Result<Self> {
        let response = resolve(document, response)?;
        let headers = object(&response["headers"]).map(|(name, _)| name.clone()).collect();
        let content = match object(&response["content"]).next() {
            Some((media_type, content)) => Some((media_type.clone(), schema(document, &content["schema"])?)),
            None => None,
        };
        Ok(Self { headers, content })
    }
}

/// A schema with the document's components beside it, so that its references lead somewhere.
fn schema(document: &Value, schema: &Value) -> Result<Validator> {
    let mut root = schema.as_object().context("a schema is missing")?.clone();
    root.insert("components".to_owned(), document["components"].clone());
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&Value::Object(root))
        .map_err(|error| anyhow!("a schema makes no sense: {error}"))
}

fn resolve<'a>(document: &'a Value, part: &'a Value) -> Result<&'a Value> {
    let Some(reference) = part["$ref"].as_str() else { return Ok(part) };
    let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
    target.with_context(|| format!("`{reference}` leads nowhere"))
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn body_breaches(answer: &Answer, media_type: &str, schema: &Validator) -> Vec<String> {
    let mut breaches = Vec::new();
    let content_type = answer.header("content-type").unwrap_or("missing");
    if content_type.split(';').next().map(str::trim) != Some(media_type) {
        breaches.push(format!("the content type is {content_type}, not {media_type}"));
    }
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(body) => breaches
            .extend(schema.iter_errors(&body).map(|error| format!("body{}: {error}", error.instance_path()))),
        Err(error) => breaches.push(format!("the body is no JSON: {error}")),
    }
    breaches
}

fn problem_breaches(answer: &Answer) -> Vec<String> {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let mut breaches = Vec::new();
    if problem["status"] != answer.status.as_u16() {
        breaches
            .push(format!("the problem's status is {}, the answer's {}", problem["status"], answer.status));
    }
    if problem["request_id"].as_str() != answer.request_id() {
        breaches.push("the problem's request_id is not the header's".to_owned());
    }
    breaches
}

fn is_sane(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shop_client::{Request, StatusCode, header::HeaderMap};

    fn breaches(
        method: Method,
        path: &str,
        status: u16,
        headers: &[(&'static str, &str)],
        body: &Value,
    ) -> Vec<String> {
        let status = StatusCode::from_u16(status).unwrap();
        let mut answer = Answer { status, headers: HeaderMap::new(), body: body.to_string().into_bytes() };
        for (name, value) in headers {
            answer.headers.insert(*name, value.parse().unwrap());
        }
        Contract::parse(TEXT).unwrap().breaches(&Exchange { request: Request::new(method, path), answer })
    }

    const ID: &str = "0199d3a0-0000-7000-8000-000000000001";
    const JSON: [(&str, &str); 2] = [("content-type", "application/json"), ("x-request-id", "r-1")];
    const PROBLEM: [(&str, &str); 2] =
        [("content-type", "application/problem+json"), ("x-request-id", "r-1")];

    fn product() -> Value {
        json!({ "id": ID, "name": "Tea", "description": "", "price": { "amount": 1, "currency": "EUR" },
            "available": 1, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z" })
    }

    fn of_product(body: &Value) -> Vec<String> {
        breaches(Method::GET, &format!("/products/{ID}"), 200, &JSON, body)
    }

    #[test]
    fn an_answer_as_promised_is_no_breach() {
        assert_eq!(of_product(&product()), Vec::<String>::new());
        let page = json!({ "items": [product()], "next_cursor": null });
        assert_eq!(breaches(Method::GET, "/products?q=tea", 200, &JSON, &page), Vec::<String>::new());
    }

    #[test]
    fn a_body_off_the_schema_is_a_breach_that_says_where() {
        for (field, wrong) in [
            ("/price/amount", json!(-1)),
            ("/price/currency", json!("USD")),
            ("/id", json!("17")),
            ("/created_at", json!("yesterday")),
            ("/name", json!(null)),
        ] {
            let mut body = product();
            *body.pointer_mut(field).unwrap() = wrong;
            let found = of_product(&body);
            assert!(found.len() == 1 && found[0].contains(field), "{field}: {found:?}");
        }
    }

    #[test]
    fn references_within_references_are_followed() {
        let page = json!({ "items": [{ "id": ID }], "next_cursor": null });
        assert!(!breaches(Method::GET, "/products", 200, &JSON, &page).is_empty());
    }

    #[test]
    fn a_status_the_operation_does_not_declare_is_a_breach() {
        let problem =
            |status: u16| json!({ "type": "/x", "title": "x", "status": status, "request_id": "r-1" });
        assert!(breaches(Method::GET, "/products", 400, &PROBLEM, &problem(400)).is_empty());
        assert_eq!(breaches(Method::GET, "/products", 500, &PROBLEM, &problem(500)).len(), 1);
        assert_eq!(breaches(Method::GET, "/products", 409, &PROBLEM, &problem(409)).len(), 1);
        assert_eq!(breaches(Method::GET, "/nowhere", 404, &PROBLEM, &problem(404)), Vec::<String>::new());
        assert_eq!(breaches(Method::DELETE, "/products", 404, &PROBLEM, &problem(404)).len(), 1);
    }

    #[test]
    fn a_missing_header_a_wrong_content_type_and_a_problem_that_contradicts_itself_are_breaches() {
        assert!(!breaches(Method::GET, "/products/1", 200, &JSON[..1], &product()).is_empty());
        let text = [("content-type", "text/plain"), ("x-request-id", "r-1")];
        assert_eq!(breaches(Method::GET, "/products/1", 200, &text, &product()).len(), 1);
        assert!(breaches(Method::POST, "/products", 201, &JSON, &product())[0].contains("Location"));
        let problem = json!({ "type": "/problems/x", "title": "x", "status": 404, "request_id": "other" });
        assert_eq!(breaches(Method::GET, "/products", 422, &PROBLEM, &problem).len(), 2);
    }
}

//! Checks responses against the contract. Every response that a journey receives is checked here.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use jsonschema::Validator;
use serde_json::{Map, Value};
use shop_client::{Method, Response, RoundTrip};

/// The OpenAPI document of the public API, exactly as every stage serves it.
pub const TEXT: &str = include_str!("../contract/openapi.yaml");

/// The statuses that the contract allows for every operation under `default`. It also lists 500, which is missing here
/// because no request of a journey justifies it.
const DEFAULT: [u16; 7] = [400, 405, 413, 415, 429, 503, 504];

/// The operations of the contract with their compiled schemas.
pub struct Contract {
    operations: Vec<Operation>,
    problem: Validator,
}

struct Operation {
    method: Method,
    template: String,
    /// Keyed by status, without `default`, which stands for [`DEFAULT`].
    responses: BTreeMap<u16, DeclaredResponse>,
    has_default: bool,
}

/// A response in the contract.
struct DeclaredResponse {
    headers: Vec<String>,
    /// Media type and schema, if the contract describes the body.
    content: Option<(String, Validator)>,
}

impl Contract {
    /// Parses an OpenAPI 3.1 document.
    pub fn parse(yaml: &str) -> Result<Self> {
        let document: Value = serde_saphyr::from_str(yaml).context("the contract is not valid YAML")?;
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

    /// Returns every violation of the contract in a response, one sentence each.
    pub fn violations(&self, RoundTrip { request, response }: &RoundTrip) -> Vec<String> {
        let path = request.path.split('?').next().unwrap_or_default();
        let known: Vec<_> = self.operations.iter().filter(|known| known.covers(path)).collect();
        let mut violations = match known.iter().find(|known| known.method == request.method) {
            Some(operation) => self.violations_of(operation, response),
            // The contract does not describe the assets of the documentation page.
            None if path.starts_with("/docs/") => Vec::new(),
            None if known.is_empty() => self.violations_of_default(response, &[404, 400, 413, 415]),
            None => self.violations_of_default(response, &[405, 400, 413, 415]),
        };
        if !response.request_id().is_some_and(is_valid_request_id) {
            violations.push(format!("X-Request-Id is missing or invalid: {:?}", response.request_id()));
        }
        violations
    }

    fn violations_of(&self, operation: &Operation, response: &Response) -> Vec<String> {
        let status = response.status.as_u16();
        let Some(declared) = operation.responses.get(&status) else {
            let default: &[u16] = if operation.has_default { &DEFAULT } else { &[] };
            return self.violations_of_default(response, default);
        };
        let mut violations = Vec::new();
        for name in &declared.headers {
            if response.header(name).is_none() {
                violations.push(format!("the header {name} is missing"));
            }
        }
        match &declared.content {
            Some((media_type, schema)) => violations.extend(body_violations(response, media_type, schema)),
            None if status == 204 && !response.body.is_empty() => {
                violations.push("204 with a body".to_owned());
            }
            None => {}
        }
        if status >= 400 && declared.content.is_some() {
            violations.extend(problem_violations(response));
        }
        violations
    }

    /// Checks a response that the operation does not declare: a problem document with one of the allowed statuses.
    fn violations_of_default(&self, response: &Response, allowed: &[u16]) -> Vec<String> {
        let mut violations = Vec::new();
        let status = response.status.as_u16();
        if !allowed.contains(&status) {
            violations.push(format!("the contract does not allow the status {status} here"));
        }
        if status == 405 && response.header("allow").is_none() {
            violations.push("405 without an Allow header".to_owned());
        }
        if [429, 503].contains(&status) && response.retry_after().is_none() {
            violations.push(format!("{status} without a Retry-After header in seconds"));
        }
        violations.extend(body_violations(response, "application/problem+json", &self.problem));
        violations.extend(problem_violations(response));
        violations
    }
}

impl Operation {
    fn parse(document: &Value, method: Method, template: &str, operation: &Value) -> Result<Self> {
        let mut responses = BTreeMap::new();
        for (status, response) in object(&operation["responses"]) {
            if let Ok(status) = status.parse() {
                responses.insert(status, DeclaredResponse::parse(document, response)?);
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

impl DeclaredResponse {
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

/// Compiles a schema. The components of the document are added to it, so that its references can be resolved.
fn schema(document: &Value, schema: &Value) -> Result<Validator> {
    let mut root = schema.as_object().context("a schema is missing")?.clone();
    root.insert("components".to_owned(), document["components"].clone());
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&Value::Object(root))
        .map_err(|error| anyhow!("invalid schema: {error}"))
}

fn resolve<'a>(document: &'a Value, part: &'a Value) -> Result<&'a Value> {
    let Some(reference) = part["$ref"].as_str() else { return Ok(part) };
    let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
    target.with_context(|| format!("cannot resolve the reference `{reference}`"))
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn body_violations(response: &Response, media_type: &str, schema: &Validator) -> Vec<String> {
    let mut violations = Vec::new();
    let content_type = response.header("content-type").unwrap_or("missing");
    if content_type.split(';').next().map(str::trim) != Some(media_type) {
        violations.push(format!("the content type is {content_type}, not {media_type}"));
    }
    match serde_json::from_slice::<Value>(&response.body) {
        Ok(body) => violations
            .extend(schema.iter_errors(&body).map(|error| format!("body{}: {error}", error.instance_path()))),
        Err(error) => violations.push(format!("the body is not valid JSON: {error}")),
    }
    violations
}

fn problem_violations(response: &Response) -> Vec<String> {
    let problem: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let mut violations = Vec::new();
    if problem["status"] != response.status.as_u16() {
        violations.push(format!(
            "the problem has status {}, but the response has {}",
            problem["status"], response.status
        ));
    }
    if problem["request_id"].as_str() != response.request_id() {
        violations.push("the request_id of the problem differs from X-Request-Id".to_owned());
    }
    violations
}

fn is_valid_request_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shop_client::{Request, StatusCode, header::HeaderMap};

    fn violations(
        method: Method,
        path: &str,
        status: u16,
        headers: &[(&'static str, &str)],
        body: &Value,
    ) -> Vec<String> {
        let status = StatusCode::from_u16(status).unwrap();
        let mut response =
            Response { status, headers: HeaderMap::new(), body: body.to_string().into_bytes() };
        for (name, value) in headers {
            response.headers.insert(*name, value.parse().unwrap());
        }
        Contract::parse(TEXT)
            .unwrap()
            .violations(&RoundTrip { request: Request::new(method, path), response })
    }

    const ID: &str = "0199d3a0-0000-7000-8000-000000000001";
    const JSON: [(&str, &str); 2] = [("content-type", "application/json"), ("x-request-id", "r-1")];
    const PROBLEM: [(&str, &str); 2] =
        [("content-type", "application/problem+json"), ("x-request-id", "r-1")];

    fn product() -> Value {
        json!({ "id": ID, "name": "Tea", "description": "", "price": { "amount": 1, "currency": "EUR" },
            "available": 1, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z" })
    }

    fn product_violations(body: &Value) -> Vec<String> {
        violations(Method::GET, &format!("/products/{ID}"), 200, &JSON, body)
    }

    #[test]
    fn a_response_that_matches_the_contract_has_no_violations() {
        assert_eq!(product_violations(&product()), Vec::<String>::new());
        let page = json!({ "items": [product()], "next_cursor": null });
        assert_eq!(violations(Method::GET, "/products?q=tea", 200, &JSON, &page), Vec::<String>::new());
    }

    #[test]
    fn a_violation_of_the_schema_names_the_field() {
        for (field, wrong) in [
            ("/price/amount", json!(-1)),
            ("/price/currency", json!("USD")),
            ("/id", json!("17")),
            ("/created_at", json!("yesterday")),
            ("/name", json!(null)),
        ] {
            let mut body = product();
            *body.pointer_mut(field).unwrap() = wrong;
            let found = product_violations(&body);
            assert!(found.len() == 1 && found[0].contains(field), "{field}: {found:?}");
        }
    }

    #[test]
    fn nested_references_are_resolved() {
        let page = json!({ "items": [{ "id": ID }], "next_cursor": null });
        assert!(!violations(Method::GET, "/products", 200, &JSON, &page).is_empty());
    }

    #[test]
    fn an_undeclared_status_is_a_violation() {
        let problem =
            |status: u16| json!({ "type": "/x", "title": "x", "status": status, "request_id": "r-1" });
        assert!(violations(Method::GET, "/products", 400, &PROBLEM, &problem(400)).is_empty());
        assert_eq!(violations(Method::GET, "/products", 500, &PROBLEM, &problem(500)).len(), 1);
        assert_eq!(violations(Method::GET, "/products", 409, &PROBLEM, &problem(409)).len(), 1);
        assert_eq!(violations(Method::GET, "/nowhere", 404, &PROBLEM, &problem(404)), Vec::<String>::new());
        assert_eq!(violations(Method::DELETE, "/products", 404, &PROBLEM, &problem(404)).len(), 1);
    }

    #[test]
    fn a_missing_header_a_wrong_content_type_and_an_inconsistent_problem_are_violations() {
        assert!(!violations(Method::GET, "/products/1", 200, &JSON[..1], &product()).is_empty());
        let text = [("content-type", "text/plain"), ("x-request-id", "r-1")];
        assert_eq!(violations(Method::GET, "/products/1", 200, &text, &product()).len(), 1);
        assert!(violations(Method::POST, "/products", 201, &JSON, &product())[0].contains("Location"));
        let problem = json!({ "type": "/problems/x", "title": "x", "status": 404, "request_id": "other" });
        assert_eq!(violations(Method::GET, "/products", 422, &PROBLEM, &problem).len(), 2);
    }
}

//! A fake payment provider with a ledger.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

/// The charges and refunds of the provider, by the idempotency key of the request.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// The order of each charge, and whether the money was taken.
    charges: HashMap<String, (String, bool)>,
    /// The charge of each refund.
    refunds: HashMap<String, String>,
    unresponsive: bool,
}

impl Ledger {
    /// The number of successful charges for an order, and of their refunds.
    pub fn captured_and_refunded(&self, order: &str) -> (usize, usize) {
        let book = self.0.lock().unwrap();
        let captured: Vec<_> = book
            .charges
            .iter()
            .filter(|(_, (of, taken))| *taken && of == order)
            .map(|(key, _)| key)
            .collect();
        let refunded = book.refunds.values().filter(|charge| captured.contains(charge)).count();
        (captured.len(), refunded)
    }

    /// While it is unresponsive, it carries out requests, but its responses do not arrive in time.
    pub fn set_unresponsive(&self, unresponsive: bool) {
        self.0.lock().unwrap().unresponsive = unresponsive;
    }
}

impl Respond for Ledger {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut book = self.0.lock().unwrap();
        let key = request.headers["idempotency-key"].to_str().unwrap().to_owned();
        let body: Value = request.body_json().unwrap();
        let response = if let Some(refunds) = request.url.path().strip_prefix("/v1/charges/") {
            book.refunds.insert(key, refunds.strip_suffix("/refunds").unwrap().to_owned());
            json!({"id": "re_1"})
        } else {
            let order = body["reference"].as_str().unwrap().to_owned();
            let (_, taken) = book.charges.entry(key.clone()).or_insert((order, body["source"] == "tok_ok"));
            let status = if *taken { "succeeded" } else { "declined" };
            json!({"id": key, "status": status, "decline_code": "insufficient_funds"})
        };
        let response = ResponseTemplate::new(201).set_body_json(response);
        if book.unresponsive { response.set_delay(Duration::from_mins(1)) } else { response }
    }
}

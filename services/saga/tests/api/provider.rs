//! A payment provider that keeps a ledger.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

/// What the provider has done, by the key of each question.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// For which order, and whether the money was taken.
    charges: HashMap<String, (String, bool)>,
    /// Of which charge.
    refunds: HashMap<String, String>,
    silent: bool,
}

impl Ledger {
    /// How many charges there were for an order, and how many refunds.
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

    /// From now on it does what it is asked, and its answer does not arrive; or does.
    pub fn be_silent(&self, silent: bool) {
        self.0.lock().unwrap().silent = silent;
    }
}

impl Respond for Ledger {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut book = self.0.lock().unwrap();
        let key = request.headers["idempotency-key"].to_str().unwrap().to_owned();
        let body: Value = request.body_json().unwrap();
        let answer = if let Some(refunds) = request.url.path().strip_prefix("/v1/charges/") {
            book.refunds.insert(key, refunds.strip_suffix("/refunds").unwrap().to_owned());
            json!({"id": "re_1"})
        } else {
            let order = body["reference"].as_str().unwrap().to_owned();
            let (_, taken) = book.charges.entry(key.clone()).or_insert((order, body["source"] == "tok_ok"));
            let status = if *taken { "succeeded" } else { "declined" };
            json!({"id": key, "status": status, "decline_code": "insufficient_funds"})
        };
        let answer = ResponseTemplate::new(201).set_body_json(answer);
        if book.silent { answer.set_delay(Duration::from_mins(1)) } else { answer }
    }
}

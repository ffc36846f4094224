//! Plays `schedule.txt`: how the payment provider responds to the requests of the shop.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use harness::Shop;
use reqwest::StatusCode;
use serde_json::json;
use wiremock::{Mock, Request, Respond, ResponseTemplate, matchers::method};

#[path = "api/harness.rs"]
#[allow(dead_code)] // only a part of it is needed
mod harness;

const SCHEDULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schedule.txt");

/// The payment provider. It takes the money for each idempotency key at most once.
#[derive(Clone, Default)]
struct Provider {
    schedule: Arc<Vec<String>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    requests: usize,
    /// Whether the money was taken, by idempotency key.
    taken: HashMap<String, bool>,
}

impl Respond for Provider {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state.lock().unwrap();
        let line = self.schedule.get(state.requests).map_or("accept", String::as_str);
        state.requests += 1;
        let key = request.headers["idempotency-key"].to_str().unwrap().to_owned();
        let taken = *state.taken.entry(key).and_modify(|taken| *taken |= line.starts_with("accept"))
            .or_insert(line.starts_with("accept"));
        let status = if taken { "succeeded" } else { "declined" };
        let body = json!({"id": "ch_1", "status": status, "decline_code": "insufficient_funds"});
        let response = ResponseTemplate::new(201).set_body_json(body);
        match line {
            "error" | "accept-then-error" => ResponseTemplate::new(500),
            "timeout" | "accept-then-timeout" => response.set_delay(Duration::from_mins(1)),
            _ => response,
        }
    }
}

fn schedule() -> Vec<String> {
    let lines = fs::read_to_string(SCHEDULE).unwrap();
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let schedule: Vec<_> = lines.map(str::to_owned).collect();
    assert!(!schedule.is_empty(), "not yet implemented: schedule.txt contains no line");
    for line in &schedule {
        let known = ["accept", "decline", "error", "accept-then-error", "timeout", "accept-then-timeout"];
        assert!(known.contains(&line.as_str()), "schedule.txt contains {line:?}; a line is one of {known:?}");
    }
    schedule
}

#[tokio::test]
async fn a_customer_is_charged_once() {
    let provider = Provider { schedule: Arc::new(schedule()), state: Arc::default() };
    let shop = Shop::open_with(&["--payment-timeout", "300ms"]).await;
    Mock::given(method("POST")).respond_with(provider.clone()).mount(&shop.provider).await;
    let (product, customer) = (shop.product("Mug", 1250, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    let mut paid = false;
    while !paid {
        assert_eq!(shop.pay(&customer, &order).await.status, StatusCode::ACCEPTED);
        let status = loop {
            let status = shop.get(&order, &customer).await.body["status"].clone();
            if status != "paying" {
                break status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        paid = status == "paid";
    }
    let charges = provider.state.lock().unwrap().taken.values().filter(|taken| **taken).count();
    assert!(charges < 2, "no-double-charge is broken: the provider took the money of one order {charges} times");
}

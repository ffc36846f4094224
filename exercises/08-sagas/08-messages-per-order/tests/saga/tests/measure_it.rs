//! Measures again and compares with `answers.toml`.

#![allow(clippy::unwrap_used, dead_code)] // only a part of the harness is needed

use messages::{harness::Environment, messages};
use serde_json::Value;

#[path = "../examples/messages.rs"]
mod messages;
#[path = "api/provider.rs"]
mod provider; // the harness expects it here

/// Compares an answer, as `just check` passes it on, with a new measurement.
fn compare(environment: &Environment, name: &str, steps: &str) {
    let answers: Value = serde_json::from_str(&std::env::var("ANSWERS").unwrap()).unwrap();
    let answer = answers[name].as_u64().unwrap_or_else(|| panic!("{name} must be a whole number of messages"));
    let steps: Vec<_> = steps.split(' ').map(str::to_owned).collect();
    let (commands, events, _) = messages(environment, &steps);
    assert_eq!(answer, (commands + events) as u64, "{name}");
}

#[test]
fn every_command_gets_one_reply() {
    let environment = Environment::new();
    compare(&environment, "paid", "place settle pay");
    compare(&environment, "refused", "place-too-many");
}

#[test]
fn a_compensation_costs_as_many_messages_as_a_step() {
    let environment = Environment::new();
    compare(&environment, "cancelled", "place settle cancel");
    compare(&environment, "refunded", "place settle pay settle cancel");
}

#[test]
fn a_slow_products_service_gets_three_commands_for_an_order_that_fails() {
    compare(&Environment::new(), "timed_out", "place overdue overdue");
}

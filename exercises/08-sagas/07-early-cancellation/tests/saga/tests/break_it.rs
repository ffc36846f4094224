//! Plays `schedule.txt`: steps of a customer, and the deliveries of messages.

#![allow(clippy::unwrap_used, dead_code)] // only a part of the harness is needed

use std::fs;

use harness::{Environment, World};
use uuid::Uuid;

#[path = "api/provider.rs"]
mod provider;
#[path = "api/harness.rs"]
mod harness;

const SCHEDULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schedule.txt");

fn schedule() -> Vec<String> {
    let lines = fs::read_to_string(SCHEDULE).unwrap();
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let schedule: Vec<_> = lines.map(str::to_owned).collect();
    assert!(!schedule.is_empty(), "not yet implemented: schedule.txt contains no step");
    schedule
}

fn play(world: &mut World, step: &str) {
    let (word, argument) = step.split_once(' ').unwrap_or((step, ""));
    let order = |world: &World| -> Uuid {
        let number: Option<usize> = argument.parse().ok();
        let order = number.and_then(|number| world.orders.get(number.checked_sub(1)?)).copied();
        order.unwrap_or_else(|| panic!("schedule.txt contains {step:?}, and there is no such order"))
    };
    match (word, argument) {
        ("place", "") => world.place(1),
        ("pay", _) => {
            world.pay(order(world), "tok_ok");
            world.settle_payments();
        }
        ("cancel", _) => world.cancel(order(world)),
        ("relay", "commands") => world.relay_commands(),
        ("relay", "events") => world.relay_events(),
        ("deliver", "command") => world.deliver_command(0),
        ("deliver", "event") => world.deliver_event(0),
        ("repeat", "command") => world.repeat_command(world.commands.delivered.len().saturating_sub(1)),
        ("repeat", "event") => world.repeat_event(world.events.delivered.len().saturating_sub(1)),
        ("overdue", "") => world.time_out(),
        ("crash", "") => world.crash(),
        _ => panic!("schedule.txt contains {step:?}, which is not a step"),
    }
}

#[test]
fn holds_match_the_orders() {
    let schedule = schedule();
    let environment = Environment::new();
    let mut world = World::new(&environment);
    world.add_product(9);
    for step in &schedule {
        play(&mut world, step);
    }
    world.drain();
    for order in &world.orders {
        let order = world.read(*order);
        let (id, status) = (order["id"].as_str().unwrap(), order["status"].as_str().unwrap());
        let needs_stock = status == "awaiting_payment" || status == "paying";
        let reservations = world.in_products("select order_id || ' ' || state, version from reservations");
        let is_held = reservations.iter().any(|(reservation, _)| *reservation == format!("{id} held"));
        assert!(is_held == needs_stock, "holds-match is broken: the order is {status}, and its stock is held: {is_held}");
    }
}

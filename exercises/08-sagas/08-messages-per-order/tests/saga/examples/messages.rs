//! Plays one order and counts its messages: `cargo run -q -p saga --example messages -- place settle pay`.

#![allow(clippy::unwrap_used, dead_code)] // only a part of the harness is needed

use harness::{Environment, World};

#[path = "../tests/api/provider.rs"]
mod provider;
#[path = "../tests/api/harness.rs"]
pub mod harness;

const STOCK: i64 = 5;

/// How many commands and events one order needs, and its status at the end.
pub fn messages(environment: &Environment, steps: &[String]) -> (usize, usize, String) {
    let mut world = World::new(environment);
    world.add_product(STOCK);
    for step in steps {
        let order = world.orders.first().copied();
        match (step.as_str(), order) {
            ("place", None) => world.place(1),
            ("place-too-many", None) => world.place(STOCK + 1),
            ("settle", _) => world.drain(),
            ("pay", Some(order)) => world.pay(order, "tok_ok"),
            ("cancel", Some(order)) => world.cancel(order),
            ("overdue", Some(_)) => world.time_out(),
            _ => panic!("{step:?} is not a step, or not possible now"),
        }
    }
    world.drain();
    let order = world.read(*world.orders.first().expect("the first step is `place` or `place-too-many`"));
    let status = order["status"].as_str().unwrap().to_owned();
    (world.commands.delivered.len(), world.events.delivered.len(), status)
}

fn main() {
    let steps: Vec<_> = std::env::args().skip(1).collect();
    let (commands, events, status) = messages(&Environment::new(), &steps);
    println!("{commands} commands, {events} events; the order is {status}");
}

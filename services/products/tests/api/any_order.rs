//! A property of the commands: in any order and with any repetition, the stock matches the replies.

use std::sync::Arc;

use chassis::inbox::Outcome;
use contracts::{Command, Event, stock::Refused};
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::harness::{Products, hold, in_envelope};

/// A message about one of the orders.
#[derive(Clone, Copy, Debug)]
enum Action {
    Hold,
    Sell,
    Release,
    /// A duplicate of the last message.
    Duplicate,
}

/// The expected state of the stock of an order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Unknown,
    Held,
    Refused,
    Sold,
    Released,
}

/// The quantity of each order. There is one product, with a stock of five.
const WANTED: [i64; 4] = [2, 2, 3, 6];

#[test]
fn the_stock_matches_the_replies_in_any_order_of_commands() {
    let runtime = Runtime::new().unwrap();
    let products = Arc::new(runtime.block_on(Products::open()));
    let action =
        prop_oneof![Just(Action::Hold), Just(Action::Sell), Just(Action::Release), Just(Action::Duplicate)];
    let actions = prop::collection::vec((0..WANTED.len(), action), 1..40);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(48));
    runner.run(&actions, |actions| runtime.block_on(check(&products, actions))).unwrap();
}

async fn check(products: &Products, actions: Vec<(usize, Action)>) -> Result<(), TestCaseError> {
    let mug = products.product("Mug", 100, 5).await;
    let orders = WANTED.map(|_| Uuid::now_v7());
    let mut states = WANTED.map(|_| State::Unknown);
    let mut last = None;
    for (order, action) in actions {
        let body = match action {
            Action::Hold => hold(&[(mug, WANTED[order])]),
            Action::Sell => Command::Sell,
            Action::Release => Command::Release,
            Action::Duplicate => {
                if let Some(message) = &last {
                    let outcome = products.instance.handle(message).await;
                    prop_assert!(matches!(outcome, Outcome::Duplicate), "{:?}", outcome);
                }
                continue;
            }
        };
        let message = in_envelope(orders[order], body);
        let outcome = products.instance.handle(&message).await;
        states[order] = match (action, states[order]) {
            (Action::Hold, State::Unknown) if WANTED[order] <= 5 - taken(states) => State::Held,
            (Action::Hold, State::Unknown) => State::Refused,
            (Action::Sell, State::Held) => State::Sold,
            (Action::Release, _) => State::Released,
            (_, unchanged) => unchanged,
        };
        let rejected =
            matches!(action, Action::Sell) && matches!(states[order], State::Unknown | State::Refused);
        prop_assert_eq!(matches!(outcome, Outcome::Reject(_)), rejected, "{:?}", outcome);
        if !rejected {
            let event = products.instance.events_of(orders[order]).await.pop().unwrap().message;
            prop_assert_eq!(state_in(&event), states[order]);
            last = Some(message);
        }
        let sum =
            |state| (0..4).filter(|order| states[*order] == state).map(|order| WANTED[order]).sum::<i64>();
        let expected = [5, 5 - taken(states), sum(State::Held), sum(State::Sold)];
        prop_assert_eq!(products.stock(mug).await, expected);
    }
    Ok(())
}

fn taken(states: [State; 4]) -> i64 {
    let takes = |order: &usize| matches!(states[*order], State::Held | State::Sold);
    (0..4).filter(takes).map(|order| WANTED[order]).sum()
}

fn state_in(event: &Event) -> State {
    match event {
        Event::StockHeld { .. } => State::Held,
        Event::StockRefused { reason: Refused::OutOfStock } => State::Refused,
        Event::StockSold => State::Sold,
        Event::StockReleased => State::Released,
        other => panic!("{other:?}"),
    }
}

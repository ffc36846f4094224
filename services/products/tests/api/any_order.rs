//! Whatever is asked, however often and in whatever order: the stock is where the answers say it is.

use std::sync::Arc;

use chassis::inbox::Outcome;
use contracts::{Command, Event, stock::Refused};
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::harness::{Products, asked, hold};

/// What is asked for one of the orders.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Hold,
    Sell,
    Release,
    /// The message before, once more.
    Again,
}

/// What must have become of an order's stock.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Unknown,
    Held,
    Refused,
    Sold,
    Released,
}

/// How many each order wants of the one product, of which there are five.
const WANTED: [i64; 4] = [2, 2, 3, 6];

#[test]
fn stock_is_where_the_answers_say_it_is() {
    let runtime = Runtime::new().unwrap();
    let products = Arc::new(runtime.block_on(Products::open()));
    let ask = prop_oneof![Just(Ask::Hold), Just(Ask::Sell), Just(Ask::Release), Just(Ask::Again)];
    let asks = prop::collection::vec((0..WANTED.len(), ask), 1..40);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(48));
    runner.run(&asks, |asks| runtime.block_on(check(&products, asks))).unwrap();
}

async fn check(products: &Products, asks: Vec<(usize, Ask)>) -> Result<(), TestCaseError> {
    let mug = products.product("Mug", 100, 5).await;
    let orders = WANTED.map(|_| Uuid::now_v7());
    let mut states = WANTED.map(|_| State::Unknown);
    let mut before = None;
    for (order, ask) in asks {
        let command = match ask {
            Ask::Hold => hold(&[(mug, WANTED[order])]),
            Ask::Sell => Command::Sell,
            Ask::Release => Command::Release,
            Ask::Again => {
                if let Some(message) = &before {
                    let outcome = products.instance.handle(message).await;
                    prop_assert!(matches!(outcome, Outcome::Repeated), "{:?}", outcome);
                }
                continue;
            }
        };
        let message = asked(orders[order], command);
        let outcome = products.instance.handle(&message).await;
        states[order] = match (ask, states[order]) {
            (Ask::Hold, State::Unknown) if WANTED[order] <= 5 - taken(states) => State::Held,
            (Ask::Hold, State::Unknown) => State::Refused,
            (Ask::Sell, State::Held) => State::Sold,
            (Ask::Release, _) => State::Released,
            (_, as_it_was) => as_it_was,
        };
        let poison = matches!(ask, Ask::Sell) && matches!(states[order], State::Unknown | State::Refused);
        prop_assert_eq!(matches!(outcome, Outcome::Poison(_)), poison, "{:?}", outcome);
        if !poison {
            let told = products.instance.told(orders[order]).await.pop().unwrap().message;
            prop_assert_eq!(told_state(&told), states[order]);
            before = Some(message);
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

fn told_state(event: &Event) -> State {
    match event {
        Event::StockHeld { .. } => State::Held,
        Event::StockRefused { reason: Refused::OutOfStock } => State::Refused,
        Event::StockSold => State::Sold,
        Event::StockReleased => State::Released,
        other => panic!("{other:?}"),
    }
}

//! Three orders of little stock, and everything that can come between them, in any order.

use proptest::{prelude::*, test_runner::TestRunner};

use crate::harness::{Ground, World};

/// How many units there are; each order wants one, two or three of them.
const STOCK: i64 = 4;

#[derive(Clone, Copy, Debug)]
enum Act {
    Place(i64),
    Pay(usize, &'static str),
    Cancel(usize),
    Ship(usize),
    Commands,
    Events,
    DeliverCommand(usize),
    DeliverEvent(usize),
    RepeatCommand(usize),
    RepeatEvent(usize),
    Answer,
    TimeOut,
    Expire,
    Crash,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1..4i64).prop_map(Act::Place),
        3 => (0..3usize, prop_oneof![2 => Just("tok_ok"), 1 => Just("tok_declined")]).prop_map(|(order, source)| Act::Pay(order, source)),
        3 => (0..3usize).prop_map(Act::Cancel),
        1 => (0..3usize).prop_map(Act::Ship),
        5 => Just(Act::Commands),
        5 => Just(Act::Events),
        6 => (0..9usize).prop_map(Act::DeliverCommand),
        6 => (0..9usize).prop_map(Act::DeliverEvent),
        2 => (0..9usize).prop_map(Act::RepeatCommand),
        2 => (0..9usize).prop_map(Act::RepeatEvent),
        3 => Just(Act::Answer),
        3 => Just(Act::TimeOut),
        1 => Just(Act::Expire),
        2 => Just(Act::Crash),
    ]
}

fn take(world: &mut World, act: Act) {
    let order = |which: usize| world.orders.get(which).copied();
    match act {
        Act::Place(quantity) if world.orders.len() < 3 => world.place(quantity),
        Act::Place(_) => {}
        Act::Pay(which, source) => order(which).into_iter().for_each(|order| world.pay(order, source)),
        Act::Cancel(which) => order(which).into_iter().for_each(|order| world.cancel(order)),
        Act::Ship(which) => order(which).into_iter().for_each(|order| world.ship(order)),
        Act::Commands => world.relay_commands(),
        Act::Events => world.relay_events(),
        Act::DeliverCommand(which) => world.deliver_command(which),
        Act::DeliverEvent(which) => world.deliver_event(which),
        Act::RepeatCommand(which) => world.repeat_command(which),
        Act::RepeatEvent(which) => world.repeat_event(which),
        Act::Answer => world.answer(),
        Act::TimeOut => world.time_out(),
        Act::Expire => world.expire(),
        Act::Crash => world.crash(),
    }
}

#[test]
fn whatever_comes_in_whatever_order_it_all_adds_up_in_the_end() {
    let ground = Ground::new();
    let mut runner =
        TestRunner::new(ProptestConfig { max_shrink_iters: 500, ..ProptestConfig::with_cases(32) });
    let acts = prop::collection::vec(act(), 1..60);
    let adds_up = runner.run(&acts, |acts| {
        let mut world = World::new(&ground);
        world.add_product(STOCK);
        world.place(2);
        world.place(3);
        for act in acts {
            take(&mut world, act);
        }
        world.drain();
        world.audit();
        Ok(())
    });
    adds_up.unwrap();
}

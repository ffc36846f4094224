//! Three orders that compete for a small stock, with random actions in random order.

use proptest::{prelude::*, test_runner::TestRunner};

use crate::harness::{Environment, World};

/// The number of units; each order has a quantity of one, two or three.
const STOCK: i64 = 4;

#[derive(Clone, Copy, Debug)]
enum Action {
    Place(i64),
    Pay(usize, &'static str),
    Cancel(usize),
    Ship(usize),
    RelayCommands,
    RelayEvents,
    DeliverCommand(usize),
    DeliverEvent(usize),
    RepeatCommand(usize),
    RepeatEvent(usize),
    SettlePayments,
    TimeOut,
    Expire,
    Crash,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (1..4i64).prop_map(Action::Place),
        3 => (0..3usize, prop_oneof![2 => Just("tok_ok"), 1 => Just("tok_declined")]).prop_map(|(order, source)| Action::Pay(order, source)),
        3 => (0..3usize).prop_map(Action::Cancel),
        1 => (0..3usize).prop_map(Action::Ship),
        5 => Just(Action::RelayCommands),
        5 => Just(Action::RelayEvents),
        6 => (0..9usize).prop_map(Action::DeliverCommand),
        6 => (0..9usize).prop_map(Action::DeliverEvent),
        2 => (0..9usize).prop_map(Action::RepeatCommand),
        2 => (0..9usize).prop_map(Action::RepeatEvent),
        3 => Just(Action::SettlePayments),
        3 => Just(Action::TimeOut),
        1 => Just(Action::Expire),
        2 => Just(Action::Crash),
    ]
}

fn perform(world: &mut World, action: Action) {
    let order = |which: usize| world.orders.get(which).copied();
    match action {
        Action::Place(quantity) if world.orders.len() < 3 => world.place(quantity),
        Action::Place(_) => {}
        Action::Pay(which, source) => order(which).into_iter().for_each(|order| world.pay(order, source)),
        Action::Cancel(which) => order(which).into_iter().for_each(|order| world.cancel(order)),
        Action::Ship(which) => order(which).into_iter().for_each(|order| world.ship(order)),
        Action::RelayCommands => world.relay_commands(),
        Action::RelayEvents => world.relay_events(),
        Action::DeliverCommand(which) => world.deliver_command(which),
        Action::DeliverEvent(which) => world.deliver_event(which),
        Action::RepeatCommand(which) => world.repeat_command(which),
        Action::RepeatEvent(which) => world.repeat_event(which),
        Action::SettlePayments => world.settle_payments(),
        Action::TimeOut => world.time_out(),
        Action::Expire => world.expire(),
        Action::Crash => world.crash(),
    }
}

#[test]
fn any_interleaving_ends_in_a_consistent_state() {
    let environment = Environment::new();
    let mut runner =
        TestRunner::new(ProptestConfig { max_shrink_iters: 500, ..ProptestConfig::with_cases(32) });
    let actions = prop::collection::vec(action(), 1..60);
    let result = runner.run(&actions, |actions| {
        let mut world = World::new(&environment);
        world.add_product(STOCK);
        world.place(2);
        world.place(3);
        for action in actions {
            perform(&mut world, action);
        }
        world.drain();
        world.audit();
        Ok(())
    });
    result.unwrap();
}

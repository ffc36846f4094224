//! Each way that an order can go, and the end of both services after every one of its steps.

use crate::harness::{Ground, World};
use Step::{
    Answer, Cancel, ChargeUnheard, Command, Commands, Event, Events, Expire, Pay, Place, Ship, TimeOut,
    Youngest,
};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// An order of so many units, of which there are five.
    Place(i64),
    /// Orders publishes what it has to say.
    Commands,
    /// Products handles the oldest command.
    Command,
    /// Products handles the youngest command, which so overtakes the others.
    Youngest,
    /// Products publishes what it has to say.
    Events,
    /// Orders handles the oldest event.
    Event,
    Pay(&'static str),
    /// The provider's answer is stored.
    Answer,
    /// The provider takes the money, and orders dies before it hears of it.
    ChargeUnheard,
    Cancel,
    Ship,
    TimeOut,
    Expire,
}

/// From the placing to `awaiting_payment`.
const HELD: [Step; 5] = [Place(2), Commands, Command, Events, Event];
/// Whatever was asked of products last, it does, and orders hears of it.
const ASKED: [Step; 4] = [Commands, Command, Events, Event];
const PAID: [Step; 2] = [Pay("tok_ok"), Answer];
const DECLINED: [Step; 2] = [Pay("tok_declined"), Answer];

fn take(world: &mut World, step: Step, twice: bool) {
    match step {
        Place(quantity) => world.place(quantity),
        Commands => world.relay_commands(),
        Command => world.deliver_command(0),
        Youngest => world.deliver_command(world.commands.waiting.len().saturating_sub(1)),
        Events => world.relay_events(),
        Event => world.deliver_event(0),
        Pay(source) => world.pay(world.orders[0], source),
        Answer => world.answer(),
        ChargeUnheard => world.charge_unheard(world.orders[0]),
        Cancel => world.cancel(world.orders[0]),
        Ship => world.ship(world.orders[0]),
        TimeOut => world.time_out(),
        Expire => world.expire(),
    }
    match step {
        Command | Youngest if twice => world.repeat_command(world.commands.delivered.len().saturating_sub(1)),
        Event if twice => world.repeat_event(world.events.delivered.len().saturating_sub(1)),
        _ => {}
    }
}

/// Goes the way once without a crash, once with every message twice, and once with a crash after each of its steps.
fn ends_as(status: &str, reason: Option<&str>, way: &[&[Step]]) {
    let (ground, steps) = (Ground::new(), way.concat());
    let crashes = (0..steps.len()).map(Some);
    for (crash, twice) in crashes.chain([None]).map(|crash| (crash, false)).chain([(None, true)]) {
        let mut world = World::new(&ground);
        world.add_product(5);
        for (number, step) in steps.iter().enumerate() {
            take(&mut world, *step, twice);
            if crash == Some(number) {
                world.crash();
            }
        }
        world.drain();
        let order = world.read(world.orders[0]);
        let end = (order["status"].as_str().unwrap(), order["reason"].as_str());
        assert_eq!(end, (status, reason), "a crash after {crash:?}: {order}");
        world.audit();
    }
}

#[test]
fn an_order_that_is_paid() {
    ends_as("paid", None, &[&HELD, &PAID, &ASKED]);
}

#[test]
fn an_order_that_is_declined_and_then_paid() {
    ends_as("paid", None, &[&HELD, &DECLINED, &PAID, &ASKED]);
}

#[test]
fn an_order_whose_payment_was_taken_and_not_heard_of() {
    ends_as("paid", None, &[&HELD, &[Pay("tok_ok"), ChargeUnheard, Answer], &ASKED]);
}

#[test]
fn an_order_that_is_paid_and_shipped() {
    ends_as("shipped", None, &[&HELD, &PAID, &[Ship], &ASKED]);
}

#[test]
fn an_order_whose_sale_is_asked_for_again() {
    ends_as("paid", None, &[&HELD, &PAID, &[TimeOut], &ASKED, &[TimeOut], &ASKED]);
}

#[test]
fn an_order_of_more_than_there_is() {
    ends_as("rejected", Some("out_of_stock"), &[&[Place(6), Commands, Command, Events, Event]]);
}

#[test]
fn an_order_that_is_cancelled_before_anybody_heard_of_it() {
    ends_as("cancelled", Some("customer_request"), &[&[Place(2), Cancel], &ASKED, &ASKED]);
}

#[test]
fn an_order_whose_release_overtakes_its_hold() {
    let overtaken = [Place(2), Cancel, Commands, Youngest, Command, Events, Event, Event];
    ends_as("cancelled", Some("customer_request"), &[&overtaken]);
}

#[test]
fn an_order_whose_release_overtakes_its_sale() {
    let overtaken = [Cancel, Answer, Commands, Youngest, Command, Events, Event, Event];
    ends_as("cancelled", Some("customer_request"), &[&HELD, &PAID, &overtaken]);
}

#[test]
fn an_order_that_is_cancelled_while_its_stock_is_held() {
    ends_as(
        "cancelled",
        Some("customer_request"),
        &[&[Place(2), Commands, Command, Cancel, Events, Event], &ASKED],
    );
}

#[test]
fn an_order_that_is_cancelled_while_it_awaits_its_payment() {
    ends_as("cancelled", Some("customer_request"), &[&HELD, &[Cancel], &ASKED]);
}

#[test]
fn an_order_that_is_cancelled_after_a_decline() {
    ends_as("cancelled", Some("customer_request"), &[&HELD, &DECLINED, &[Cancel], &ASKED]);
}

#[test]
fn an_order_that_is_cancelled_when_it_is_paid() {
    ends_as("cancelled", Some("customer_request"), &[&HELD, &PAID, &[Cancel, Answer], &ASKED, &ASKED]);
}

#[test]
fn an_order_that_is_cancelled_when_it_is_sold() {
    ends_as("cancelled", Some("customer_request"), &[&HELD, &PAID, &ASKED, &[Cancel, Answer], &ASKED]);
}

#[test]
fn an_order_that_expires() {
    ends_as("cancelled", Some("expired"), &[&HELD, &[Expire], &ASKED]);
}

#[test]
fn an_order_that_is_declined_and_expires() {
    ends_as("cancelled", Some("expired"), &[&HELD, &DECLINED, &[Expire], &ASKED]);
}

#[test]
fn an_order_that_products_never_heard_of_in_time() {
    ends_as("cancelled", Some("timed_out"), &[&[Place(2), TimeOut, TimeOut], &ASKED, &ASKED, &ASKED]);
}

#[test]
fn an_order_whose_answer_comes_after_it_was_given_up() {
    ends_as(
        "cancelled",
        Some("timed_out"),
        &[&[Place(2), Commands, Command, TimeOut, TimeOut, Events, Event], &ASKED, &ASKED],
    );
}

#[test]
fn an_order_that_is_held_when_it_is_asked_for_again() {
    ends_as("awaiting_payment", None, &[&[Place(2), TimeOut], &ASKED, &ASKED]);
}

#[test]
fn an_order_whose_release_is_asked_for_again() {
    ends_as("cancelled", Some("customer_request"), &[&HELD, &[Cancel, TimeOut], &ASKED, &[TimeOut], &ASKED]);
}

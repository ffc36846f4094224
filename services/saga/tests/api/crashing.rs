//! Every path of an order through the saga, with a crash of both services after each of its steps.

use crate::harness::{Environment, World};
use Step::{
    Cancel, ChargeWithoutResponse, DeliverCommand, DeliverEvent, DeliverNewestCommand, Expire, Pay, Place,
    RelayCommands, RelayEvents, SettlePayments, Ship, TimeOut,
};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Places an order of so many units. The stock is five.
    Place(i64),
    /// Orders publishes its commands.
    RelayCommands,
    /// Products processes the oldest command.
    DeliverCommand,
    /// Products processes the newest command, which overtakes the others.
    DeliverNewestCommand,
    /// Products publishes its events.
    RelayEvents,
    /// Orders processes the oldest event.
    DeliverEvent,
    Pay(&'static str),
    /// The responses of the provider are stored.
    SettlePayments,
    /// The provider takes the money, and orders crashes before it receives the response.
    ChargeWithoutResponse,
    Cancel,
    Ship,
    TimeOut,
    Expire,
}

/// From placing the order to `awaiting_payment`.
const HELD: [Step; 5] = [Place(2), RelayCommands, DeliverCommand, RelayEvents, DeliverEvent];
/// The last command is processed, and so is the reply.
const REPLIED: [Step; 4] = [RelayCommands, DeliverCommand, RelayEvents, DeliverEvent];
const PAID: [Step; 2] = [Pay("tok_ok"), SettlePayments];
const DECLINED: [Step; 2] = [Pay("tok_declined"), SettlePayments];

fn perform(world: &mut World, step: Step, twice: bool) {
    match step {
        Place(quantity) => world.place(quantity),
        RelayCommands => world.relay_commands(),
        DeliverCommand => world.deliver_command(0),
        DeliverNewestCommand => world.deliver_command(world.commands.waiting.len().saturating_sub(1)),
        RelayEvents => world.relay_events(),
        DeliverEvent => world.deliver_event(0),
        Pay(source) => world.pay(world.orders[0], source),
        SettlePayments => world.settle_payments(),
        ChargeWithoutResponse => world.charge_without_response(world.orders[0]),
        Cancel => world.cancel(world.orders[0]),
        Ship => world.ship(world.orders[0]),
        TimeOut => world.time_out(),
        Expire => world.expire(),
    }
    match step {
        DeliverCommand | DeliverNewestCommand if twice => {
            world.repeat_command(world.commands.delivered.len().saturating_sub(1));
        }
        DeliverEvent if twice => world.repeat_event(world.events.delivered.len().saturating_sub(1)),
        _ => {}
    }
}

/// Takes the path once without a crash, once with every message delivered twice, and once with a crash after each of
/// its steps.
fn ends_as(status: &str, reason: Option<&str>, path: &[&[Step]]) {
    let (environment, steps) = (Environment::new(), path.concat());
    let crashes = (0..steps.len()).map(Some);
    for (crash, twice) in crashes.chain([None]).map(|crash| (crash, false)).chain([(None, true)]) {
        let mut world = World::new(&environment);
        world.add_product(5);
        for (number, step) in steps.iter().enumerate() {
            perform(&mut world, *step, twice);
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
    ends_as("paid", None, &[&HELD, &PAID, &REPLIED]);
}

#[test]
fn an_order_that_is_declined_and_then_paid() {
    ends_as("paid", None, &[&HELD, &DECLINED, &PAID, &REPLIED]);
}

#[test]
fn an_order_whose_charge_succeeded_but_the_response_was_lost() {
    ends_as("paid", None, &[&HELD, &[Pay("tok_ok"), ChargeWithoutResponse, SettlePayments], &REPLIED]);
}

#[test]
fn an_order_that_is_paid_and_shipped() {
    ends_as("shipped", None, &[&HELD, &PAID, &[Ship], &REPLIED]);
}

#[test]
fn an_order_whose_sale_is_retried() {
    ends_as("paid", None, &[&HELD, &PAID, &[TimeOut], &REPLIED, &[TimeOut], &REPLIED]);
}

#[test]
fn an_order_that_exceeds_the_stock() {
    ends_as(
        "rejected",
        Some("out_of_stock"),
        &[&[Place(6), RelayCommands, DeliverCommand, RelayEvents, DeliverEvent]],
    );
}

#[test]
fn an_order_that_is_cancelled_before_its_hold_is_published() {
    ends_as("cancelled", Some("customer_request"), &[&[Place(2), Cancel], &REPLIED, &REPLIED]);
}

#[test]
fn an_order_whose_release_overtakes_its_hold() {
    let overtaken = [
        Place(2),
        Cancel,
        RelayCommands,
        DeliverNewestCommand,
        DeliverCommand,
        RelayEvents,
        DeliverEvent,
        DeliverEvent,
    ];
    ends_as("cancelled", Some("customer_request"), &[&overtaken]);
}

#[test]
fn an_order_whose_release_overtakes_its_sale() {
    let overtaken = [
        Cancel,
        SettlePayments,
        RelayCommands,
        DeliverNewestCommand,
        DeliverCommand,
        RelayEvents,
        DeliverEvent,
        DeliverEvent,
    ];
    ends_as("cancelled", Some("customer_request"), &[&HELD, &PAID, &overtaken]);
}

#[test]
fn an_order_that_is_cancelled_while_its_stock_is_held() {
    ends_as(
        "cancelled",
        Some("customer_request"),
        &[&[Place(2), RelayCommands, DeliverCommand, Cancel, RelayEvents, DeliverEvent], &REPLIED],
    );
}

#[test]
fn an_order_that_is_cancelled_while_it_awaits_its_payment() {
    ends_as("cancelled", Some("customer_request"), &[&HELD, &[Cancel], &REPLIED]);
}

#[test]
fn an_order_that_is_cancelled_after_a_decline() {
    ends_as("cancelled", Some("customer_request"), &[&HELD, &DECLINED, &[Cancel], &REPLIED]);
}

#[test]
fn an_order_that_is_cancelled_when_it_is_paid() {
    ends_as(
        "cancelled",
        Some("customer_request"),
        &[&HELD, &PAID, &[Cancel, SettlePayments], &REPLIED, &REPLIED],
    );
}

#[test]
fn an_order_that_is_cancelled_when_it_is_sold() {
    ends_as(
        "cancelled",
        Some("customer_request"),
        &[&HELD, &PAID, &REPLIED, &[Cancel, SettlePayments], &REPLIED],
    );
}

#[test]
fn an_order_that_expires() {
    ends_as("cancelled", Some("expired"), &[&HELD, &[Expire], &REPLIED]);
}

#[test]
fn an_order_that_is_declined_and_expires() {
    ends_as("cancelled", Some("expired"), &[&HELD, &DECLINED, &[Expire], &REPLIED]);
}

#[test]
fn an_order_whose_hold_is_not_published_in_time() {
    ends_as("cancelled", Some("timed_out"), &[&[Place(2), TimeOut, TimeOut], &REPLIED, &REPLIED, &REPLIED]);
}

#[test]
fn an_order_whose_reply_arrives_after_it_timed_out() {
    ends_as(
        "cancelled",
        Some("timed_out"),
        &[
            &[Place(2), RelayCommands, DeliverCommand, TimeOut, TimeOut, RelayEvents, DeliverEvent],
            &REPLIED,
            &REPLIED,
        ],
    );
}

#[test]
fn an_order_that_is_held_at_the_second_attempt() {
    ends_as("awaiting_payment", None, &[&[Place(2), TimeOut], &REPLIED, &REPLIED]);
}

#[test]
fn an_order_whose_release_is_retried() {
    ends_as(
        "cancelled",
        Some("customer_request"),
        &[&HELD, &[Cancel, TimeOut], &REPLIED, &[TimeOut], &REPLIED],
    );
}

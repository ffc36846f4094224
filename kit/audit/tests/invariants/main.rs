//! A shop where every invariant holds, and for each invariant a small lie that turns exactly that one red.

#![expect(clippy::unwrap_used, reason = "clippy allows it in tests, not in their harness")]

mod messages;
mod world;

use audit::{Snapshot, Verdict, invariants::judge, journal::Operation, snapshot::ChargeStatus};
use serde_json::json;
use shop_client::model::{Money, Reason, Status};
use uuid::Uuid;
use world::{PRICE, asked, at, clean, find, placed};

fn broken(snapshot: &Snapshot) -> Vec<&'static str> {
    let findings = judge(snapshot).into_iter();
    let broken = findings.filter(|finding| matches!(finding.verdict, Verdict::Broken { .. }));
    broken.map(|finding| finding.invariant).collect()
}

fn verdict(snapshot: &Snapshot, invariant: &str) -> Verdict {
    let mut findings = judge(snapshot).into_iter();
    findings.find(|finding| finding.invariant == invariant).unwrap().verdict
}

#[track_caller]
fn only_red(snapshot: &Snapshot, invariant: &str) {
    assert_eq!(broken(snapshot), [invariant], "{:#?}", verdict(snapshot, invariant));
}

#[test]
fn a_clean_shop_holds_every_invariant_that_needs_no_messages() {
    for finding in judge(&clean()) {
        match finding.invariant {
            "nothing-poisoned" | "no-double-effect" => {
                assert!(matches!(finding.verdict, Verdict::NotCheckable { .. }));
            }
            name => assert_eq!(finding.verdict, Verdict::Held, "{name}"),
        }
    }
}

#[test]
fn without_journal_or_ledger_what_needs_them_is_not_checkable_and_never_green() {
    let snapshot = Snapshot { journal: None, charges: Err("connection refused".into()), ..clean() };
    for name in ["nothing-lost", "one-key-one-order", "price-kept", "money-matches", "no-double-charge"] {
        assert!(matches!(verdict(&snapshot, name), Verdict::NotCheckable { .. }), "{name}");
    }
    assert_eq!(broken(&snapshot), [] as [&str; 0]);
}

#[test]
fn a_unit_that_is_nowhere_breaks_stock_conserved() {
    let mut snapshot = clean();
    snapshot.stock[0].available -= 1;
    only_red(&snapshot, "stock-conserved");
}

#[test]
fn negative_stock_breaks_stock_conserved() {
    let mut snapshot = clean();
    snapshot.stock[0].available -= 100;
    snapshot.stock[0].received -= 100;
    assert!(broken(&snapshot).contains(&"stock-conserved"));
}

#[test]
fn a_paid_order_whose_units_were_not_sold_breaks_no_oversell() {
    let mut snapshot = clean();
    snapshot.stock[0].sold -= 1;
    snapshot.stock[0].available += 1;
    only_red(&snapshot, "no-oversell");
}

#[test]
fn more_sold_than_received_breaks_no_oversell() {
    let mut snapshot = clean();
    snapshot.stock[0].received = snapshot.stock[0].sold - 1;
    assert!(broken(&snapshot).contains(&"no-oversell"));
}

#[test]
fn a_hold_without_an_order_breaks_holds_match() {
    let mut snapshot = clean();
    snapshot.stock[0].held += 1;
    snapshot.stock[0].available -= 1;
    only_red(&snapshot, "holds-match");
}

#[test]
fn an_order_that_was_paid_too_little_breaks_money_matches() {
    let mut snapshot = clean();
    snapshot.charges.as_mut().unwrap()[0].amount -= 1;
    only_red(&snapshot, "money-matches");
}

#[test]
fn a_paid_order_without_a_charge_breaks_money_matches() {
    let mut snapshot = clean();
    snapshot.charges.as_mut().unwrap()[0].status = ChargeStatus::Declined;
    only_red(&snapshot, "money-matches");
}

#[test]
fn a_charge_for_no_order_breaks_money_matches() {
    let mut snapshot = clean();
    let charges = snapshot.charges.as_mut().unwrap();
    let mut stray = charges[0].clone();
    stray.reference = Uuid::from_u128(404).to_string();
    charges.push(stray);
    only_red(&snapshot, "money-matches");
}

#[test]
fn a_cancelled_order_whose_money_was_kept_breaks_money_matches() {
    let mut snapshot = clean();
    let refunded = snapshot.charges.as_mut().unwrap().iter_mut().find(|c| c.refunded > 0).unwrap();
    refunded.refunded = 0;
    only_red(&snapshot, "money-matches");
}

#[test]
fn a_total_that_is_not_the_sum_of_its_lines_breaks_money_matches() {
    let mut snapshot = clean();
    let order = find(&mut snapshot, Status::AwaitingPayment);
    order.total = Some(Money::eur(1));
    only_red(&snapshot, "money-matches");
}

#[test]
fn a_second_charge_breaks_no_double_charge_even_when_it_was_given_back() {
    let mut snapshot = clean();
    let charges = snapshot.charges.as_mut().unwrap();
    let mut second = charges[0].clone();
    second.id = "ch_second".into();
    second.refunded = second.amount;
    charges.push(second);
    let order = find(&mut snapshot, Status::Paid);
    order.payment.captured.amount *= 2;
    order.payment.refunded = order.total.clone().unwrap();
    only_red(&snapshot, "no-double-charge");
}

#[test]
fn a_refund_beyond_its_charge_breaks_no_double_charge() {
    let mut snapshot = clean();
    let refunded = snapshot.charges.as_mut().unwrap().iter_mut().find(|c| c.refunded > 0).unwrap();
    refunded.refunded += 1;
    assert!(broken(&snapshot).contains(&"no-double-charge"));
}

#[test]
fn an_acknowledged_order_that_is_gone_breaks_nothing_lost() {
    let mut snapshot = clean();
    snapshot.orders.retain(|order| order.status != Status::Rejected);
    only_red(&snapshot, "nothing-lost");
}

#[test]
fn an_order_that_nobody_asked_for_breaks_nothing_lost() {
    let mut snapshot = clean();
    let mut ghost = find(&mut snapshot, Status::Rejected).clone();
    ghost.id = Uuid::from_u128(404);
    ghost.items[0].quantity = 999;
    snapshot.orders.push(ghost);
    only_red(&snapshot, "nothing-lost");
}

#[test]
fn an_order_whose_request_was_cut_may_exist_or_not() {
    let mut snapshot = clean();
    let made = find(&mut snapshot, Status::Rejected).clone();
    for request in &mut snapshot.journal.as_mut().unwrap().requests {
        if request.success().and_then(audit::journal::Answered::id) == Some(made.id) {
            request.answer = None;
        }
    }
    assert_eq!(broken(&snapshot), [] as [&str; 0]);
    snapshot.orders.retain(|order| order.id != made.id);
    assert_eq!(broken(&snapshot), [] as [&str; 0]);
}

#[test]
fn a_second_order_for_one_key_breaks_one_key_one_order() {
    let mut snapshot = clean();
    let mut twin = find(&mut snapshot, Status::Rejected).clone();
    twin.id = Uuid::from_u128(404);
    snapshot.orders.push(twin);
    only_red(&snapshot, "one-key-one-order");
}

#[test]
fn a_repeat_that_is_answered_otherwise_breaks_one_key_one_order() {
    let mut snapshot = clean();
    let journal = snapshot.journal.as_mut().unwrap();
    let mut repeat = journal.requests.iter().find(|asked| asked.key.is_some()).unwrap().clone();
    repeat.answer.as_mut().unwrap().status = 200;
    journal.requests.push(repeat);
    only_red(&snapshot, "one-key-one-order");
}

#[test]
fn another_body_that_is_accepted_under_a_key_breaks_one_key_one_order() {
    let mut snapshot = clean();
    let journal = snapshot.journal.as_mut().unwrap();
    let mut other = journal.requests.iter().find(|asked| asked.key.is_some()).unwrap().clone();
    let Operation::PlaceOrder { lines } = &mut other.operation else { panic!("not a placement") };
    lines[0].quantity += 1;
    other.sent = at(1000);
    journal.requests.push(other);
    only_red(&snapshot, "one-key-one-order");
}

#[test]
fn a_payment_that_is_answered_in_two_ways_breaks_one_key_one_order() {
    let mut snapshot = clean();
    let order = find(&mut snapshot, Status::Paid).clone();
    let pay = || Operation::PayOrder { order: order.id, source: "tok_ok".into() };
    let body = serde_json::to_value(&order).unwrap();
    let journal = snapshot.journal.as_mut().unwrap();
    journal.requests.push(asked(pay(), Some("10"), 20, 202, body.clone()));
    journal.requests.push(asked(pay(), Some("10"), 22, 202, body));
    assert_eq!(broken(&snapshot), [] as [&str; 0], "the key of a placement is another one");

    let journal = snapshot.journal.as_mut().unwrap();
    journal.requests.push(asked(pay(), Some("10"), 24, 202, json!({})));
    only_red(&snapshot, "one-key-one-order");
}

#[test]
fn a_step_that_is_not_in_the_diagram_breaks_legal_history() {
    let mut snapshot = clean();
    find(&mut snapshot, Status::Delivered).history.retain(|step| step.status != Status::Paying);
    only_red(&snapshot, "legal-history");
}

#[test]
fn a_cancellation_for_the_wrong_reason_breaks_legal_history() {
    let mut snapshot = clean();
    find(&mut snapshot, Status::Cancelled).reason = Some(Reason::OutOfStock);
    only_red(&snapshot, "legal-history");
}

#[test]
fn times_that_run_backwards_break_legal_history() {
    let mut snapshot = clean();
    find(&mut snapshot, Status::Delivered).history[4].at = at(0);
    only_red(&snapshot, "legal-history");
}

#[test]
fn an_order_that_is_still_paying_breaks_at_rest() {
    let mut snapshot = clean();
    let order = find(&mut snapshot, Status::AwaitingPayment);
    order.status = Status::Paying;
    order.history.push(world::step(Status::Paying, 50));
    only_red(&snapshot, "at-rest");
}

#[test]
fn an_order_that_changed_while_it_was_read_breaks_at_rest() {
    only_red(&Snapshot { changed: 1, ..clean() }, "at-rest");
}

#[test]
fn a_price_that_was_set_after_the_order_was_held_breaks_price_kept() {
    let mut snapshot = clean();
    let journal = snapshot.journal.as_mut().unwrap();
    let product = snapshot.stock[0].product_id;
    let change = Operation::SetPrice { product, amount: PRICE + 1 };
    journal.requests.push(asked(change, None, 500, 200, json!({})));
    assert_eq!(broken(&snapshot), [] as [&str; 0]);

    let order = find(&mut snapshot, Status::AwaitingPayment);
    order.items[0].unit_price = Some(Money::eur(PRICE + 1));
    order.total = Some(Money::eur(PRICE + 1));
    only_red(&snapshot, "price-kept");
}

#[test]
fn a_price_that_was_replaced_before_the_order_was_placed_breaks_price_kept() {
    let mut snapshot = clean();
    let product = snapshot.stock[0].product_id;
    let change = Operation::SetPrice { product, amount: PRICE + 1 };
    let journal = snapshot.journal.as_mut().unwrap();
    journal.requests.push(asked(change, None, 500, 200, json!({})));
    let late = placed(99, 600, &[Status::Pending, Status::AwaitingPayment]);
    world::acknowledge(journal, &late);
    snapshot.orders.push(late);
    snapshot.stock[0].held += 1;
    snapshot.stock[0].available -= 1;
    only_red(&snapshot, "price-kept");
}

#[test]
fn either_price_will_do_while_a_change_is_under_way() {
    let product = clean().stock[0].product_id;
    for price in [PRICE, PRICE + 1] {
        let mut snapshot = clean();
        let journal = snapshot.journal.as_mut().unwrap();
        let change = Operation::SetPrice { product, amount: PRICE + 1 };
        journal.requests.push(asked(change, None, 500, 200, json!({})));
        let mut order = placed(99, 500, &[Status::Pending, Status::AwaitingPayment]);
        order.items[0].unit_price = Some(Money::eur(price));
        order.total = Some(Money::eur(price));
        world::acknowledge(journal, &order);
        snapshot.orders.push(order);
        snapshot.stock[0].held += 1;
        snapshot.stock[0].available -= 1;
        assert_eq!(broken(&snapshot), [] as [&str; 0]);
    }
}

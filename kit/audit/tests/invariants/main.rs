//! Checks the invariants on a shop in which all of them hold, and on copies of it that break exactly one.

#![expect(clippy::unwrap_used, reason = "clippy allows it in tests, not in their harness")]

mod messages;
mod fixtures;

use audit::{Snapshot, Verdict, invariants::check_all, journal::Operation, snapshot::ChargeStatus};
use fixtures::{PRICE, answered_request, at, find, order_with_path, valid_shop};
use serde_json::json;
use shop_client::model::{Money, Reason, Status};
use uuid::Uuid;

fn broken(snapshot: &Snapshot) -> Vec<&'static str> {
    let findings = check_all(snapshot).into_iter();
    let broken = findings.filter(|finding| matches!(finding.verdict, Verdict::Broken { .. }));
    broken.map(|finding| finding.invariant).collect()
}

fn verdict(snapshot: &Snapshot, invariant: &str) -> Verdict {
    let mut findings = check_all(snapshot).into_iter();
    findings.find(|finding| finding.invariant == invariant).unwrap().verdict
}

#[track_caller]
fn assert_only_broken(snapshot: &Snapshot, invariant: &str) {
    assert_eq!(broken(snapshot), [invariant], "{:#?}", verdict(snapshot, invariant));
}

#[test]
fn a_valid_shop_keeps_every_invariant_that_needs_no_messages() {
    for finding in check_all(&valid_shop()) {
        match finding.invariant {
            "nothing-poisoned" | "no-double-effect" => {
                assert!(matches!(finding.verdict, Verdict::NotCheckable { .. }));
            }
            name => assert_eq!(finding.verdict, Verdict::Held, "{name}"),
        }
    }
}

#[test]
fn an_invariant_that_needs_the_journal_or_the_ledger_is_not_checkable_without_it() {
    let snapshot = Snapshot { journal: None, charges: Err("connection refused".into()), ..valid_shop() };
    for name in ["nothing-lost", "one-key-one-order", "price-kept", "money-matches", "no-double-charge"] {
        assert!(matches!(verdict(&snapshot, name), Verdict::NotCheckable { .. }), "{name}");
    }
    assert_eq!(broken(&snapshot), [] as [&str; 0]);
}

#[test]
fn a_missing_unit_breaks_stock_conserved() {
    let mut snapshot = valid_shop();
    snapshot.stock[0].available -= 1;
    assert_only_broken(&snapshot, "stock-conserved");
}

#[test]
fn negative_stock_breaks_stock_conserved() {
    let mut snapshot = valid_shop();
    snapshot.stock[0].available -= 100;
    snapshot.stock[0].received -= 100;
    assert!(broken(&snapshot).contains(&"stock-conserved"));
}

#[test]
fn a_paid_order_whose_units_were_not_sold_breaks_no_oversell() {
    let mut snapshot = valid_shop();
    snapshot.stock[0].sold -= 1;
    snapshot.stock[0].available += 1;
    assert_only_broken(&snapshot, "no-oversell");
}

#[test]
fn more_sold_than_received_breaks_no_oversell() {
    let mut snapshot = valid_shop();
    snapshot.stock[0].received = snapshot.stock[0].sold - 1;
    assert!(broken(&snapshot).contains(&"no-oversell"));
}

#[test]
fn a_hold_without_an_order_breaks_holds_match() {
    let mut snapshot = valid_shop();
    snapshot.stock[0].held += 1;
    snapshot.stock[0].available -= 1;
    assert_only_broken(&snapshot, "holds-match");
}

#[test]
fn an_order_that_was_undercharged_breaks_money_matches() {
    let mut snapshot = valid_shop();
    snapshot.charges.as_mut().unwrap()[0].amount -= 1;
    assert_only_broken(&snapshot, "money-matches");
}

#[test]
fn a_paid_order_without_a_charge_breaks_money_matches() {
    let mut snapshot = valid_shop();
    snapshot.charges.as_mut().unwrap()[0].status = ChargeStatus::Declined;
    assert_only_broken(&snapshot, "money-matches");
}

#[test]
fn a_charge_without_an_order_breaks_money_matches() {
    let mut snapshot = valid_shop();
    let charges = snapshot.charges.as_mut().unwrap();
    let mut stray = charges[0].clone();
    stray.reference = Uuid::from_u128(404).to_string();
    charges.push(stray);
    assert_only_broken(&snapshot, "money-matches");
}

#[test]
fn a_cancelled_order_without_a_refund_breaks_money_matches() {
    let mut snapshot = valid_shop();
    let refunded = snapshot.charges.as_mut().unwrap().iter_mut().find(|c| c.refunded > 0).unwrap();
    refunded.refunded = 0;
    assert_only_broken(&snapshot, "money-matches");
}

#[test]
fn a_total_that_differs_from_the_sum_of_the_lines_breaks_money_matches() {
    let mut snapshot = valid_shop();
    let order = find(&mut snapshot, Status::AwaitingPayment);
    order.total = Some(Money::eur(1));
    assert_only_broken(&snapshot, "money-matches");
}

#[test]
fn a_second_charge_breaks_no_double_charge_even_if_it_was_refunded() {
    let mut snapshot = valid_shop();
    let charges = snapshot.charges.as_mut().unwrap();
    let mut second = charges[0].clone();
    second.id = "ch_second".into();
    second.refunded = second.amount;
    charges.push(second);
    let order = find(&mut snapshot, Status::Paid);
    order.payment.captured.amount *= 2;
    order.payment.refunded = order.total.clone().unwrap();
    assert_only_broken(&snapshot, "no-double-charge");
}

#[test]
fn a_refund_that_exceeds_its_charge_breaks_no_double_charge() {
    let mut snapshot = valid_shop();
    let refunded = snapshot.charges.as_mut().unwrap().iter_mut().find(|c| c.refunded > 0).unwrap();
    refunded.refunded += 1;
    assert!(broken(&snapshot).contains(&"no-double-charge"));
}

#[test]
fn an_acknowledged_order_that_is_missing_breaks_nothing_lost() {
    let mut snapshot = valid_shop();
    snapshot.orders.retain(|order| order.status != Status::Rejected);
    assert_only_broken(&snapshot, "nothing-lost");
}

#[test]
fn an_order_that_was_not_requested_breaks_nothing_lost() {
    let mut snapshot = valid_shop();
    let mut ghost = find(&mut snapshot, Status::Rejected).clone();
    ghost.id = Uuid::from_u128(404);
    ghost.items[0].quantity = 999;
    snapshot.orders.push(ghost);
    assert_only_broken(&snapshot, "nothing-lost");
}

#[test]
fn with_an_incomplete_journal_only_acknowledged_orders_are_compared() {
    let mut snapshot = valid_shop();
    let mut of_another_client = find(&mut snapshot, Status::Rejected).clone();
    of_another_client.id = Uuid::from_u128(404);
    snapshot.orders.push(of_another_client);
    snapshot.journal.as_mut().unwrap().is_complete = false;
    assert_eq!(broken(&snapshot), [] as [&str; 0]);
    snapshot.orders.retain(|order| order.status != Status::Rejected);
    assert_only_broken(&snapshot, "nothing-lost");
}

#[test]
fn an_order_whose_request_got_no_response_may_exist_or_not() {
    let mut snapshot = valid_shop();
    let made = find(&mut snapshot, Status::Rejected).clone();
    for request in &mut snapshot.journal.as_mut().unwrap().requests {
        if request.success().and_then(audit::journal::RecordedResponse::id) == Some(made.id) {
            request.response = None;
        }
    }
    assert_eq!(broken(&snapshot), [] as [&str; 0]);
    snapshot.orders.retain(|order| order.id != made.id);
    assert_eq!(broken(&snapshot), [] as [&str; 0]);
}

#[test]
fn a_second_order_for_one_key_breaks_one_key_one_order() {
    let mut snapshot = valid_shop();
    let mut twin = find(&mut snapshot, Status::Rejected).clone();
    twin.id = Uuid::from_u128(404);
    snapshot.orders.push(twin);
    assert_only_broken(&snapshot, "one-key-one-order");
}

#[test]
fn a_retry_with_another_response_breaks_one_key_one_order() {
    let mut snapshot = valid_shop();
    let journal = snapshot.journal.as_mut().unwrap();
    let mut repeat = journal.requests.iter().find(|request| request.key.is_some()).unwrap().clone();
    repeat.response.as_mut().unwrap().status = 200;
    journal.requests.push(repeat);
    assert_only_broken(&snapshot, "one-key-one-order");
}

#[test]
fn a_different_body_that_is_accepted_with_the_same_key_breaks_one_key_one_order() {
    let mut snapshot = valid_shop();
    let journal = snapshot.journal.as_mut().unwrap();
    let mut other = journal.requests.iter().find(|request| request.key.is_some()).unwrap().clone();
    let Operation::PlaceOrder { lines } = &mut other.operation else { panic!("not a placement") };
    lines[0].quantity += 1;
    other.sent_at = at(1000);
    journal.requests.push(other);
    assert_only_broken(&snapshot, "one-key-one-order");
}

#[test]
fn a_payment_with_two_different_responses_breaks_one_key_one_order() {
    let mut snapshot = valid_shop();
    let order = find(&mut snapshot, Status::Paid).clone();
    let pay = || Operation::PayOrder { order: order.id, source: "tok_ok".into() };
    let body = serde_json::to_value(&order).unwrap();
    let journal = snapshot.journal.as_mut().unwrap();
    journal.requests.push(answered_request(pay(), Some("10"), 20, 202, body.clone()));
    journal.requests.push(answered_request(pay(), Some("10"), 22, 202, body));
    assert_eq!(broken(&snapshot), [] as [&str; 0], "the same key of another operation is independent");

    let journal = snapshot.journal.as_mut().unwrap();
    journal.requests.push(answered_request(pay(), Some("10"), 24, 202, json!({})));
    assert_only_broken(&snapshot, "one-key-one-order");
}

#[test]
fn an_invalid_transition_breaks_legal_history() {
    let mut snapshot = valid_shop();
    find(&mut snapshot, Status::Delivered).history.retain(|step| step.status != Status::Paying);
    assert_only_broken(&snapshot, "legal-history");
}

#[test]
fn a_cancellation_with_the_wrong_reason_breaks_legal_history() {
    let mut snapshot = valid_shop();
    find(&mut snapshot, Status::Cancelled).reason = Some(Reason::OutOfStock);
    assert_only_broken(&snapshot, "legal-history");
}

#[test]
fn decreasing_timestamps_break_legal_history() {
    let mut snapshot = valid_shop();
    find(&mut snapshot, Status::Delivered).history[4].at = at(0);
    assert_only_broken(&snapshot, "legal-history");
}

#[test]
fn an_order_that_is_still_paying_breaks_at_rest() {
    let mut snapshot = valid_shop();
    let order = find(&mut snapshot, Status::AwaitingPayment);
    order.status = Status::Paying;
    order.history.push(fixtures::step(Status::Paying, 50));
    assert_only_broken(&snapshot, "at-rest");
}

#[test]
fn an_order_that_changed_during_the_snapshot_breaks_at_rest() {
    assert_only_broken(&Snapshot { changed: 1, ..valid_shop() }, "at-rest");
}

#[test]
fn a_price_that_was_set_after_the_order_was_held_breaks_price_kept() {
    let mut snapshot = valid_shop();
    let journal = snapshot.journal.as_mut().unwrap();
    let product = snapshot.stock[0].product_id;
    let change = Operation::SetPrice { product, amount: PRICE + 1 };
    journal.requests.push(answered_request(change, None, 500, 200, json!({})));
    assert_eq!(broken(&snapshot), [] as [&str; 0]);

    let order = find(&mut snapshot, Status::AwaitingPayment);
    order.items[0].unit_price = Some(Money::eur(PRICE + 1));
    order.total = Some(Money::eur(PRICE + 1));
    assert_only_broken(&snapshot, "price-kept");
}

#[test]
fn a_price_that_was_replaced_before_the_order_was_placed_breaks_price_kept() {
    let mut snapshot = valid_shop();
    let product = snapshot.stock[0].product_id;
    let change = Operation::SetPrice { product, amount: PRICE + 1 };
    let journal = snapshot.journal.as_mut().unwrap();
    journal.requests.push(answered_request(change, None, 500, 200, json!({})));
    let late = order_with_path(99, 600, &[Status::Pending, Status::AwaitingPayment]);
    fixtures::acknowledge(journal, &late);
    snapshot.orders.push(late);
    snapshot.stock[0].held += 1;
    snapshot.stock[0].available -= 1;
    assert_only_broken(&snapshot, "price-kept");
}

#[test]
fn either_price_is_valid_while_a_price_change_is_in_progress() {
    let product = valid_shop().stock[0].product_id;
    for price in [PRICE, PRICE + 1] {
        let mut snapshot = valid_shop();
        let journal = snapshot.journal.as_mut().unwrap();
        let change = Operation::SetPrice { product, amount: PRICE + 1 };
        journal.requests.push(answered_request(change, None, 500, 200, json!({})));
        let mut order = order_with_path(99, 500, &[Status::Pending, Status::AwaitingPayment]);
        order.items[0].unit_price = Some(Money::eur(price));
        order.total = Some(Money::eur(price));
        fixtures::acknowledge(journal, &order);
        snapshot.orders.push(order);
        snapshot.stock[0].held += 1;
        snapshot.stock[0].available -= 1;
        assert_eq!(broken(&snapshot), [] as [&str; 0]);
    }
}

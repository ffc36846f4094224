//! The invariants that hold when no message and no request is in flight.

use serde_json::Value;

use crate::harness::World;

impl World<'_> {
    /// Compares every order with the stock and with the ledger of the provider.
    pub fn audit(&self) {
        let (mut held, mut sold) = (0, 0);
        for order in &self.orders {
            let order = self.read(*order);
            assert_legal_history(&order);
            self.assert_money_matches(&order);
            let units = order["items"][0]["quantity"].as_i64().unwrap();
            let reservation = match order["status"].as_str().unwrap() {
                "awaiting_payment" => {
                    held += units;
                    "held"
                }
                "paid" | "shipped" => {
                    sold += units;
                    "sold"
                }
                "rejected" => "refused",
                "cancelled" => "released",
                _ => panic!("not at rest: {order}"),
            };
            if !order["total"].is_null() {
                assert_eq!(order["total"]["amount"], 1250 * units, "{order}");
            }
            let states = self.in_products("select order_id || ' ' || state, version from reservations");
            let expected = format!("{} {reservation}", order["id"].as_str().unwrap());
            assert!(states.iter().any(|(state, _)| *state == expected), "{order}: {states:?}");
        }
        let (product, received) = self.products[0];
        let stock = self.in_products(
            "select received || ' ' || available || ' ' || held || ' ' || sold, 0 from products",
        );
        assert_eq!(stock[0].0, format!("{received} {} {held} {sold}", received - held - sold), "{product}");
        self.assert_nothing_is_open();
    }

    fn assert_nothing_is_open(&self) {
        let open = self.in_orders(
            "select subject, seq from outbox union all select command, attempts from stock_requests
             union all select source, attempts from payment_attempts where outcome is null
             union all select charge_id, attempts from refunds where done = 0",
        );
        assert!(open.is_empty(), "{open:?}");
        let unpublished = self.in_products("select subject, seq from outbox");
        assert!(unpublished.is_empty(), "{unpublished:?}");
    }

    /// A paid order has one successful charge, and one refund if it was cancelled afterwards. Any other order has
    /// neither.
    fn assert_money_matches(&self, order: &Value) {
        let (captured, refunded) =
            self.environment.ledger.captured_and_refunded(order["id"].as_str().unwrap());
        let has_been = |status: &str| statuses(order).any(|previous| previous == status);
        assert_eq!(captured, usize::from(has_been("paid")), "{order}");
        assert_eq!(refunded, usize::from(has_been("refunding")), "{order}");
        let amount = |moved: &str| order["payment"][moved]["amount"].as_i64().unwrap();
        let total = order["total"]["amount"].as_i64().unwrap_or(0);
        assert_eq!(amount("captured"), if captured == 1 { total } else { 0 }, "{order}");
        assert_eq!(amount("refunded"), if refunded == 1 { total } else { 0 }, "{order}");
    }
}

fn statuses(order: &Value) -> impl Iterator<Item = &str> {
    order["history"].as_array().unwrap().iter().map(|entry| entry["status"].as_str().unwrap())
}

/// The state machine of an order, written independently of the code under test.
fn assert_legal_history(order: &Value) {
    let steps: Vec<_> = statuses(order).collect();
    assert_eq!((steps[0], steps.last()), ("pending", order["status"].as_str().as_ref()), "{order}");
    for step in steps.windows(2) {
        let next: &[&str] = match step[0] {
            "pending" => &["rejected", "awaiting_payment", "cancelled"],
            "awaiting_payment" => &["paying", "cancelled"],
            "paying" => &["paid", "awaiting_payment"],
            "paid" => &["shipped", "refunding"],
            "refunding" => &["cancelled"],
            _ => &[],
        };
        assert!(next.contains(&step[1]), "{order}");
    }
}

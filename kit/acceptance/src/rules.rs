//! Checks responses against rules that a schema cannot express.

use shop_client::Response;
use shop_client::model::{Order, Status, Stock};

/// Returns every violation in a response, one sentence each.
pub fn violations(response: &Response) -> Vec<String> {
    let mut violations = Vec::new();
    if let Ok(order) = serde_json::from_slice::<Order>(&response.body) {
        violations.extend(order_violations(&order));
    }
    if let Ok(stock) = serde_json::from_slice::<Stock>(&response.body)
        && stock.received != stock.available + stock.held + stock.sold
    {
        violations
            .push(format!("the stock does not add up, received is not available + held + sold: {stock:?}"));
    }
    violations
}

fn order_violations(order: &Order) -> Vec<String> {
    let mut violations = Vec::new();
    let statuses: Vec<_> = order.history.iter().map(|step| step.status).collect();
    let valid = statuses.windows(2).all(|pair| pair[0].may_become(pair[1]));
    if !valid || statuses.first() != Some(&Status::Pending) || statuses.last() != Some(&order.status) {
        violations.push(format!("the history {statuses:?} is not a valid path to {:?}", order.status));
    }
    if !order.history.iter().is_sorted_by_key(|step| step.at) {
        violations.push("the timestamps of the history decrease".to_owned());
    }
    if let Some(total) = &order.total {
        let line = |item: &shop_client::model::OrderItem| {
            item.unit_price.as_ref().map_or(0, |price| price.amount * u64::from(item.quantity))
        };
        let sum: u64 = order.items.iter().map(line).sum();
        if total.amount != sum {
            violations.push(format!("the total is {}, but the sum of the lines is {sum}", total.amount));
        }
    }
    if order.payment.refunded.amount > order.payment.captured.amount {
        violations.push("the refunded amount exceeds the captured amount".to_owned());
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn violations_of(body: &Value) -> Vec<String> {
        let status = shop_client::StatusCode::OK;
        violations(&Response {
            status,
            headers: shop_client::header::HeaderMap::new(),
            body: body.to_string().into_bytes(),
        })
    }

    fn order(history: &[&str], total: u64) -> Value {
        let id = "0199d3a0-0000-7000-8000-000000000001";
        let eur = |amount: u64| json!({ "amount": amount, "currency": "EUR" });
        let step = |status: &&str| json!({ "status": status, "at": "2026-01-01T00:00:00.000001Z" });
        json!({ "id": id, "customer_id": id, "customer_name": null, "status": history.last(), "reason": null,
            "items": [{ "product_id": id, "quantity": 3, "name": "Tea", "unit_price": eur(5) }],
            "total": eur(total),
            "payment": { "captured": eur(0), "refunded": eur(0), "decline_code": null },
            "history": history.iter().map(step).collect::<Vec<_>>(),
            "created_at": "2026-01-01T00:00:00Z", "expires_at": null })
    }

    #[test]
    fn a_history_must_be_a_path_of_the_state_machine() {
        let valid = [
            "pending",
            "awaiting_payment",
            "paying",
            "awaiting_payment",
            "paying",
            "paid",
            "refunding",
            "cancelled",
        ];
        assert_eq!(violations_of(&order(&valid, 15)), Vec::<String>::new());
        assert_eq!(violations_of(&order(&["pending", "paid"], 15)).len(), 1);
        assert_eq!(violations_of(&order(&["awaiting_payment"], 15)).len(), 1);
        assert_eq!(violations_of(&order(&["pending", "cancelled", "awaiting_payment"], 15)).len(), 1);
    }

    #[test]
    fn a_total_must_be_the_sum_of_its_lines() {
        assert_eq!(violations_of(&order(&["pending", "awaiting_payment"], 14)).len(), 1);
    }

    #[test]
    fn stock_must_add_up() {
        let id = "0199d3a0-0000-7000-8000-000000000001";
        let stock =
            |sold: u64| json!({ "product_id": id, "received": 10, "available": 5, "held": 2, "sold": sold });
        assert!(violations_of(&stock(3)).is_empty());
        assert_eq!(violations_of(&stock(4)).len(), 1);
    }
}

//! Orders compared with the requests in the journal.

use std::collections::{HashMap, HashSet};

use shop_client::model::Order;
use uuid::Uuid;

use crate::{
    Journal, Snapshot, Verdict,
    journal::{Operation, RecordedRequest, RecordedResponse},
};

/// The scope of an `Idempotency-Key`: the caller, the order in the path if there is one, and the key.
type Key<'a> = (Uuid, Option<Uuid>, &'a str);
/// A caller and the lines of an order, sorted.
type Basket = (Uuid, Vec<(Uuid, u32)>);

/// Every order that was acknowledged with 201 can be read, and every order was requested.
pub(super) fn nothing_lost(snapshot: &Snapshot) -> Verdict {
    let Some(journal) = &snapshot.journal else {
        return no_journal();
    };
    let requests = Requests::of(journal);
    let readable: HashSet<Uuid> = snapshot.orders.iter().map(|order| order.id).collect();
    let lost = requests.acknowledged.difference(&readable);
    let lost = lost.map(|id| format!("order {id} was acknowledged, but the shop does not list it"));
    let unrequested =
        requests.unexplained(snapshot).into_iter().filter(|order| !requests.contain_basket_of(order));
    let unrequested = unrequested
        .map(|order| format!("order {} exists, but no request in the journal matches it", order.id));
    Verdict::from_violations(lost.chain(unrequested).collect())
}

/// One key and body give one order and one response; a different body with the same key is rejected.
pub(super) fn one_key_one_order(snapshot: &Snapshot) -> Verdict {
    let Some(journal) = &snapshot.journal else {
        return no_journal();
    };
    let requests = Requests::of(journal);
    let retries = requests.by_key.iter().flat_map(|((_, _, key), uses)| {
        let first = uses.iter().find_map(|first| Some((*first, first.success()?)));
        let violations = uses.iter().filter_map(move |retry| retry_violation(first?, retry));
        violations.map(move |violation| format!("key `{key}` {violation}"))
    });
    let duplicates =
        requests.unexplained(snapshot).into_iter().filter(|order| requests.contain_basket_of(order));
    let duplicates = duplicates.map(|order| {
        format!(
            "order {} is a duplicate: there are more orders with its lines than keys that requested them",
            order.id
        )
    });
    Verdict::from_violations(retries.chain(duplicates).collect())
}

pub(super) fn no_journal() -> Verdict {
    Verdict::not_checkable("needs a journal of the requests, which `just tour` and `just lab` record")
}

/// Compares a request with the first successful request with the same key.
fn retry_violation(
    (first, accepted): (&RecordedRequest, &RecordedResponse),
    retry: &RecordedRequest,
) -> Option<String> {
    let response = retry.response.as_ref()?;
    if retry.operation == first.operation {
        let same = (response.status, &response.body) == (accepted.status, &accepted.body);
        return (response.is_success() && !same).then(|| "returned two different responses".to_owned());
    }
    // While two requests with the same key are in flight, either body may be accepted.
    let too_late = retry.sent_at >= first.ended_at || response.is_success();
    let rejected = response.status == 422 || response.status == 429 || response.status >= 500;
    (too_late && !rejected)
        .then(|| format!("was reused with a different body and returned {}, not 422", response.status))
}

/// The requests of a journal, indexed for the checks.
struct Requests<'a> {
    by_key: HashMap<Key<'a>, Vec<&'a RecordedRequest>>,
    /// The orders in successful responses.
    acknowledged: HashSet<Uuid>,
    /// For each requested basket, the number of keys without a successful response. Each of them may have created an
    /// order.
    open_keys: HashMap<Basket, usize>,
    started_at: jiff::Timestamp,
    is_complete: bool,
}

impl<'a> Requests<'a> {
    fn of(journal: &'a Journal) -> Self {
        let mut by_key: HashMap<Key, Vec<&RecordedRequest>> = HashMap::new();
        for request in &journal.requests {
            if let Some(key) = &request.key {
                by_key.entry((request.caller, request.operation.order(), key)).or_default().push(request);
            }
        }
        let mut open_keys: HashMap<Basket, usize> = HashMap::new();
        let mut acknowledged = HashSet::new();
        for uses in by_key.values() {
            let successes = uses.iter().filter_map(|request| request.success());
            let orders: Vec<Uuid> = successes.filter_map(RecordedResponse::id).collect();
            let baskets: HashSet<Basket> =
                uses.iter().filter_map(|request| requested_basket(request)).collect();
            for basket in baskets {
                *open_keys.entry(basket).or_default() += usize::from(orders.is_empty());
            }
            acknowledged.extend(orders);
        }
        Self {
            by_key,
            acknowledged,
            open_keys,
            started_at: journal.started_at,
            is_complete: journal.is_complete,
        }
    }

    /// Whether any request has the customer and the lines of the order.
    fn contain_basket_of(&self, order: &Order) -> bool {
        self.open_keys.contains_key(&basket(order))
    }

    /// The orders that no response acknowledged and that no key without a response can have created.
    fn unexplained<'o>(&self, snapshot: &'o Snapshot) -> Vec<&'o Order> {
        let mut open_keys = self.open_keys.clone();
        let mut unexplained = Vec::new();
        for order in &snapshot.orders {
            let is_covered = self.is_complete && order.created_at >= self.started_at;
            if !is_covered || self.acknowledged.contains(&order.id) {
                continue;
            }
            match open_keys.get_mut(&basket(order)) {
                Some(keys) if *keys > 0 => *keys -= 1,
                _ => unexplained.push(order),
            }
        }
        unexplained
    }
}

fn requested_basket(request: &RecordedRequest) -> Option<Basket> {
    let Operation::PlaceOrder { lines } = &request.operation else {
        return None;
    };
    let mut lines: Vec<_> = lines.iter().map(|line| (line.product_id, line.quantity)).collect();
    lines.sort_unstable();
    Some((request.caller, lines))
}

fn basket(order: &Order) -> Basket {
    let mut lines: Vec<_> = order.items.iter().map(|item| (item.product_id, item.quantity)).collect();
    lines.sort_unstable();
    (order.customer_id, lines)
}

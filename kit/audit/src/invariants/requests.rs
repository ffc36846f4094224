//! The orders that were asked for, against the orders there are. Only a journal knows what was asked.

use std::collections::{HashMap, HashSet};

use shop_client::model::Order;
use uuid::Uuid;

use crate::{
    Journal, Snapshot, Verdict,
    journal::{Answered, Asked, Operation},
};

/// A caller, the order it is about unless that is a new one, and an Idempotency-Key.
type Key<'a> = (Uuid, Option<Uuid>, &'a str);
/// A caller and the lines of an order, sorted.
type Basket = (Uuid, Vec<(Uuid, u32)>);

/// Every order that was answered 201 can be read; no order exists that nobody asked for.
pub(super) fn nothing_lost(snapshot: &Snapshot) -> Verdict {
    let Some(journal) = &snapshot.journal else {
        return no_journal();
    };
    let asked = Asks::of(journal);
    let readable: HashSet<Uuid> = snapshot.orders.iter().map(|order| order.id).collect();
    let lost = asked.acknowledged.difference(&readable);
    let lost = lost.map(|id| format!("order {id} was acknowledged and is gone"));
    let unasked = asked.unexplained(snapshot).into_iter().filter(|order| !asked.wanted(order));
    let unasked = unasked.map(|order| format!("order {} exists and nobody asked for it", order.id));
    Verdict::of(lost.chain(unasked).collect())
}

/// One key and body give one order and the same answer; another body under the key is refused.
pub(super) fn one_key_one_order(snapshot: &Snapshot) -> Verdict {
    let Some(journal) = &snapshot.journal else {
        return no_journal();
    };
    let asked = Asks::of(journal);
    let repeats = asked.by_key.iter().flat_map(|((_, _, key), uses)| {
        let first = uses.iter().find_map(|first| Some((*first, first.success()?)));
        let offences = uses.iter().filter_map(move |asked| repeat_offence(first?, asked));
        offences.map(move |offence| format!("key `{key}` {offence}"))
    });
    let doubled = asked.unexplained(snapshot).into_iter().filter(|order| asked.wanted(order));
    let doubled = doubled.map(|order| format!("order {} is one more than there were keys for it", order.id));
    Verdict::of(repeats.chain(doubled).collect())
}

pub(super) fn no_journal() -> Verdict {
    Verdict::not_checkable("needs the journal of what was asked, which only the lab keeps")
}

/// What is wrong with a request under a key whose first good answer was this one.
fn repeat_offence((first, accepted): (&Asked, &Answered), asked: &Asked) -> Option<String> {
    let answer = asked.answer.as_ref()?;
    if asked.operation == first.operation {
        let same = (answer.status, &answer.body) == (accepted.status, &accepted.body);
        return (answer.is_success() && !same).then(|| "was answered in two ways".to_owned());
    }
    // Before its first answer is known, a key may belong to either body.
    let too_late = asked.sent >= first.ended || answer.is_success();
    let refused = answer.status == 422 || answer.status == 429 || answer.status >= 500;
    (too_late && !refused).then(|| format!("with another body was answered {}", answer.status))
}

/// What a journal says about orders.
struct Asks<'a> {
    by_key: HashMap<Key<'a>, Vec<&'a Asked>>,
    /// Orders that a good answer named.
    acknowledged: HashSet<Uuid>,
    /// The baskets asked for, and how many keys asked without a good answer: each may have made an order all the same.
    baskets: HashMap<Basket, usize>,
    begun: jiff::Timestamp,
}

impl<'a> Asks<'a> {
    fn of(journal: &'a Journal) -> Self {
        let mut by_key: HashMap<Key, Vec<&Asked>> = HashMap::new();
        for asked in &journal.requests {
            if let Some(key) = &asked.key {
                by_key.entry((asked.caller, asked.operation.order(), key)).or_default().push(asked);
            }
        }
        let mut baskets: HashMap<Basket, usize> = HashMap::new();
        let mut acknowledged = HashSet::new();
        for uses in by_key.values() {
            let successes = uses.iter().filter_map(|asked| asked.success());
            let orders: Vec<Uuid> = successes.filter_map(Answered::id).collect();
            let asked_for: HashSet<Basket> = uses.iter().filter_map(|asked| basket_asked(asked)).collect();
            for basket in asked_for {
                *baskets.entry(basket).or_default() += usize::from(orders.is_empty());
            }
            acknowledged.extend(orders);
        }
        Self { by_key, acknowledged, baskets, begun: journal.begun }
    }

    /// Whether anybody ever asked for an order like this.
    fn wanted(&self, order: &Order) -> bool {
        self.baskets.contains_key(&basket(order))
    }

    /// The orders that no answer named and no unanswered key can have made.
    fn unexplained<'o>(&self, snapshot: &'o Snapshot) -> Vec<&'o Order> {
        let mut open = self.baskets.clone();
        let mut unexplained = Vec::new();
        for order in &snapshot.orders {
            if order.created_at < self.begun || self.acknowledged.contains(&order.id) {
                continue;
            }
            match open.get_mut(&basket(order)) {
                Some(keys) if *keys > 0 => *keys -= 1,
                _ => unexplained.push(order),
            }
        }
        unexplained
    }
}

fn basket_asked(asked: &Asked) -> Option<Basket> {
    let Operation::PlaceOrder { lines } = &asked.operation else {
        return None;
    };
    let mut lines: Vec<_> = lines.iter().map(|line| (line.product_id, line.quantity)).collect();
    lines.sort_unstable();
    Some((asked.caller, lines))
}

fn basket(order: &Order) -> Basket {
    let mut lines: Vec<_> = order.items.iter().map(|item| (item.product_id, item.quantity)).collect();
    lines.sort_unstable();
    (order.customer_id, lines)
}

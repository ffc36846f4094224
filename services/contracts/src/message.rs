//! Messages: an event says what has happened, a command requests that something be done. Both are delivered at least
//! once, in any order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::stock::{HeldLine, Refused, WantedLine};

/// A message with the metadata that every message carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<M> {
    /// Identifies the message: a consumer that has processed this id has processed this message, and skips a duplicate.
    pub id: Uuid,
    /// Incremented with each field that the message gains. It informs people only: a consumer ignores unknown fields,
    /// and a new field is optional.
    pub schema: u32,
    /// The aggregate that the message is about: a user, or the reservation of an order, which has the id of the order.
    pub aggregate_id: Uuid,
    /// The version of the aggregate after this change: of two messages about it, the newer one has the higher version.
    pub aggregate_version: i64,
    /// When it happened or was requested.
    pub occurred_at: Timestamp,
    /// The id of the request that caused the message, if it was caused by one: it finds the log lines of every service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The message itself: its type and data.
    #[serde(flatten)]
    pub message: M,
}

impl<M> Envelope<M> {
    /// A new message with a new id. The outbox adds the correlation id.
    pub fn new(aggregate_id: Uuid, aggregate_version: i64, occurred_at: Timestamp, message: M) -> Self {
        let id = Uuid::now_v7();
        Self { id, schema: 1, aggregate_id, aggregate_version, occurred_at, correlation_id: None, message }
    }
}

/// The content of an [`Envelope`]: an [`Event`] or a [`Command`].
pub trait Message: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The first token of every subject of this kind of message.
    const SUBJECT_PREFIX: &'static str;

    /// The types on the wire that this build knows. A newer build may know more.
    const KINDS: &'static [&'static str];

    /// The type on the wire, for example `stock.held`.
    fn kind(&self) -> &'static str;

    /// The subject that the message is published to: the prefix and the type.
    fn subject(&self) -> String {
        format!("{}.{}", Self::SUBJECT_PREFIX, self.kind())
    }

    /// The subjects of all types that this build knows, for a consumer.
    fn subjects() -> impl Iterator<Item = String> {
        Self::KINDS.iter().map(|kind| format!("{}.{kind}", Self::SUBJECT_PREFIX))
    }
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A user has registered.
    #[serde(rename = "user.registered")]
    UserRegistered {
        /// The user's name.
        name: String,
    },
    /// A user has changed their name.
    #[serde(rename = "user.renamed")]
    UserRenamed {
        /// The new name.
        name: String,
    },
    /// The stock of every line of an order is held.
    #[serde(rename = "stock.held")]
    StockHeld {
        /// The name and price of each line, in the order of the command.
        lines: Vec<HeldLine>,
    },
    /// The stock of at least one line of an order could not be held, so none is held for the order.
    #[serde(rename = "stock.refused")]
    StockRefused {
        /// Why it could not be held.
        reason: Refused,
    },
    /// The stock that was held for an order is sold.
    #[serde(rename = "stock.sold")]
    StockSold,
    /// No stock is held for the order or sold to it any longer, and none will be.
    #[serde(rename = "stock.released")]
    StockReleased,
}

impl Message for Event {
    const SUBJECT_PREFIX: &'static str = "events";

    const KINDS: &'static [&'static str] =
        &["user.registered", "user.renamed", "stock.held", "stock.refused", "stock.sold", "stock.released"];

    fn kind(&self) -> &'static str {
        match self {
            Self::UserRegistered { .. } => "user.registered",
            Self::UserRenamed { .. } => "user.renamed",
            Self::StockHeld { .. } => "stock.held",
            Self::StockRefused { .. } => "stock.refused",
            Self::StockSold => "stock.sold",
            Self::StockReleased => "stock.released",
        }
    }
}

/// A request that a service do something. A service replies to each command with an event. A retry is a new message, so
/// it gets a reply, too. The reply reports the state after the command: if stock was released before a late hold or
/// sale, the reply is `stock.released`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Command {
    /// Hold the stock of all these lines for an order, or of none. The reply is `stock.held` or `stock.refused`.
    #[serde(rename = "products.hold")]
    Hold {
        /// The products and their quantities.
        lines: Vec<WantedLine>,
    },
    /// Sell the stock that is held for an order. The reply is `stock.sold`.
    #[serde(rename = "products.sell")]
    Sell,
    /// Release the stock that is held for an order or sold to it, and hold none for it later. The reply is
    /// `stock.released`.
    #[serde(rename = "products.release")]
    Release,
}

impl Message for Command {
    const SUBJECT_PREFIX: &'static str = "commands";

    const KINDS: &'static [&'static str] = &["products.hold", "products.sell", "products.release"];

    fn kind(&self) -> &'static str {
        match self {
            Self::Hold { .. } => "products.hold",
            Self::Sell => "products.sell",
            Self::Release => "products.release",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        money::Money,
        stock::{ProductId, Quantity},
    };

    fn events() -> [Event; 6] {
        let lines = vec![HeldLine { name: "Blue mug".into(), unit_price: Money::cents(1250) }];
        [
            Event::UserRegistered { name: "Ada".into() },
            Event::UserRenamed { name: "Ada Lovelace".into() },
            Event::StockHeld { lines },
            Event::StockRefused { reason: Refused::OutOfStock },
            Event::StockSold,
            Event::StockReleased,
        ]
    }

    fn commands() -> [Command; 3] {
        let product_id = ProductId("019317a0-0000-7000-8000-00000000000b".parse().unwrap());
        let lines = vec![WantedLine { product_id, quantity: Quantity::parse(2).unwrap() }];
        [Command::Hold { lines }, Command::Sell, Command::Release]
    }

    fn enveloped<M>(message: M) -> Envelope<M> {
        Envelope {
            id: "019317a0-0000-7000-8000-000000000001".parse().unwrap(),
            schema: 1,
            aggregate_id: "019317a0-0000-7000-8000-00000000000a".parse().unwrap(),
            aggregate_version: 3,
            occurred_at: "2026-11-22T10:00:00.000001Z".parse().unwrap(),
            correlation_id: Some("019317a0-0000-7000-8000-0000000000ff".to_owned()),
            message,
        }
    }

    /// Compares a message with its golden file, serialized and parsed.
    fn matches_its_golden_file<M: Message + PartialEq + std::fmt::Debug>(message: M) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{}.json", message.kind()));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let golden: Value = serde_json::from_str(&text).unwrap();
        let message = enveloped(message);
        assert_eq!(serde_json::to_value(&message).unwrap(), golden, "{}", path.display());
        assert_eq!(golden["type"], message.message.kind());

        let mut older = golden.clone();
        older.as_object_mut().unwrap().remove("correlation_id").unwrap();
        let read: Envelope<M> = serde_json::from_value(older).unwrap();
        assert_eq!(
            read,
            Envelope { correlation_id: None, ..message.clone() },
            "a message of an older release"
        );

        let mut newer = golden;
        newer["schema"] = json!(2);
        newer["mood"] = json!("good");
        if let Some(data) = newer.get_mut("data") {
            data["colour"] = json!("blue");
        }
        let read: Envelope<M> = serde_json::from_value(newer).unwrap();
        assert_eq!(read.message, message.message, "unknown fields are ignored");
    }

    #[test]
    fn every_message_matches_its_golden_file() {
        events().into_iter().for_each(matches_its_golden_file);
        commands().into_iter().for_each(matches_its_golden_file);
        let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap();
        assert_eq!(files.count(), events().len() + commands().len(), "there are no other files");
    }

    /// A consumer subscribes to these types: a missing one would never be delivered.
    #[test]
    fn the_list_of_types_is_complete() {
        assert_eq!(Event::KINDS, events().map(|event| event.kind()));
        assert_eq!(Command::KINDS, commands().map(|command| command.kind()));
        assert!(Command::subjects().any(|subject| subject == Command::Sell.subject()));
    }

    #[test]
    fn a_message_of_an_unknown_type_is_not_parsed() {
        let mut strange = serde_json::to_value(enveloped(Event::StockSold)).unwrap();
        strange["type"] = json!("stock.eaten");
        let error = serde_json::from_value::<Envelope<Event>>(strange).unwrap_err();
        assert!(error.to_string().contains("stock.eaten"), "{error}");
    }
}

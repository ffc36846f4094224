//! Messages: events tell what has happened, commands ask for something to be done. Both come at least once, in any order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::stock::{HeldLine, Refused, WantedLine};

/// A message with what is true of every message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<M> {
    /// One for each time it is meant: who has handled this id has handled this message.
    pub id: Uuid,
    /// Grows with each field that the message gets. For people: who reads an older or a younger one ignores or misses
    /// what can be ignored or missed.
    pub schema: u32,
    /// What it is about: a user, or the stock that is held for an order, which has the order's id.
    pub aggregate_id: Uuid,
    /// How often that had changed then, this time included: of two messages, the younger has more.
    pub aggregate_version: i64,
    /// When it happened, or was asked for.
    pub occurred_at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub message: M,
}

impl<M> Envelope<M> {
    /// A new message, under a new id.
    pub fn new(aggregate_id: Uuid, aggregate_version: i64, occurred_at: Timestamp, message: M) -> Self {
        Self { id: Uuid::now_v7(), schema: 1, aggregate_id, aggregate_version, occurred_at, message }
    }
}

/// Something that is said in an [`Envelope`].
pub trait Message: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the subjects of all of these begin with.
    const ROOT: &'static str;

    /// Its type on the wire, for example `stock.held`.
    fn kind(&self) -> &'static str;

    /// Where it is published: the root, and its type.
    fn subject(&self) -> String {
        format!("{}.{}", Self::ROOT, self.kind())
    }
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// Somebody has an account now.
    #[serde(rename = "user.registered")]
    UserRegistered {
        /// What they want to be called.
        name: String,
    },
    /// Somebody wants to be called otherwise.
    #[serde(rename = "user.renamed")]
    UserRenamed {
        /// What they want to be called now.
        name: String,
    },
    /// All lines of an order are held.
    #[serde(rename = "stock.held")]
    StockHeld {
        /// What each is called and costs, in the order of the command.
        lines: Vec<HeldLine>,
    },
    /// Nothing is held for an order.
    #[serde(rename = "stock.refused")]
    StockRefused {
        /// Why not.
        reason: Refused,
    },
    /// What was held for an order is sold.
    #[serde(rename = "stock.sold")]
    StockSold,
    /// Nothing is held for an order or sold to it any more, and nothing will be.
    #[serde(rename = "stock.released")]
    StockReleased,
}

impl Message for Event {
    const ROOT: &'static str = "events";

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

/// What somebody is asked to do. Each is answered with an event, however often it comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Command {
    /// Hold all of these lines for an order, or nothing: `stock.held` or `stock.refused`.
    #[serde(rename = "products.hold")]
    Hold {
        /// What is wanted.
        lines: Vec<WantedLine>,
    },
    /// Sell what is held for an order: `stock.sold`.
    #[serde(rename = "products.sell")]
    Sell,
    /// Give back what is held for an order or sold to it, and hold nothing for it later: `stock.released`.
    #[serde(rename = "products.release")]
    Release,
}

impl Message for Command {
    const ROOT: &'static str = "commands";

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
            message,
        }
    }

    /// Holds a message against the file that says how it is on the wire, both ways.
    fn is_golden<M: Message + PartialEq + std::fmt::Debug>(message: M) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{}.json", message.kind()));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let golden: Value = serde_json::from_str(&text).unwrap();
        let message = enveloped(message);
        assert_eq!(serde_json::to_value(&message).unwrap(), golden, "{}", path.display());
        assert_eq!(golden["type"], message.message.kind());

        let mut younger = golden;
        younger["schema"] = json!(2);
        younger["mood"] = json!("good");
        if let Some(data) = younger.get_mut("data") {
            data["colour"] = json!("blue");
        }
        let read: Envelope<M> = serde_json::from_value(younger).unwrap();
        assert_eq!(read.message, message.message, "fields that are not known yet are ignored");
    }

    #[test]
    fn every_message_is_on_the_wire_as_its_golden_file_says() {
        events().into_iter().for_each(is_golden);
        commands().into_iter().for_each(is_golden);
        let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap();
        assert_eq!(files.count(), events().len() + commands().len(), "and there are no other files");
    }

    #[test]
    fn what_is_not_known_is_not_read() {
        let mut strange = serde_json::to_value(enveloped(Event::StockSold)).unwrap();
        strange["type"] = json!("stock.eaten");
        let error = serde_json::from_value::<Envelope<Event>>(strange).unwrap_err();
        assert!(error.to_string().contains("stock.eaten"), "{error}");
    }
}

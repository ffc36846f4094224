//! How the audit reads streams and databases, with a real NATS server and real database files.

use std::{fs, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        self, AckKind, Context,
        consumer::pull,
        stream::{Config, RetentionPolicy},
    },
};
use audit::{Report, Verdict, audit, waiting};
use futures_util::StreamExt;
use sqlx::{Connection, SqliteConnection};
use stage::{Status, status::Address};
use tempfile::TempDir;

use crate::{nats::Nats, shop::FakeShop};

/// A stage with NATS and one database, `orders.db`, which contains an outbox.
struct World {
    nats: Nats,
    context: Context,
    folder: TempDir,
    status: Status,
}

const QUERIES: &str = "dead_letters = \"DEAD\"\n\
    [[query]]\ninvariant = \"at-rest\"\ndatabase = \"orders.db\"\n\
    sql = \"select 'outbox row ' || id || ' is not published' from outbox\"\n\
    [[query]]\ninvariant = \"no-double-effect\"\ndatabase = \"orders.db\"\n\
    sql = \"select id from outbox where id > 100\"\n";

impl World {
    async fn new() -> Self {
        let nats = Nats::start().await;
        let context = jetstream::new(async_nats::connect(&nats.url).await.unwrap());
        for (name, subject, retention) in [
            ("EVENTS", "events.>", RetentionPolicy::Limits),
            ("COMMANDS", "commands.>", RetentionPolicy::WorkQueue),
            ("DEAD", "dead.>", RetentionPolicy::Limits),
        ] {
            let (name, subjects) = (name.to_owned(), vec![subject.to_owned()]);
            let config = Config { name, subjects, retention, ..Config::default() };
            context.create_stream(config).await.unwrap();
        }
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("orders.db");
        let mut status = FakeShop::default().serve().await;
        status.nats = Some(Address { url: nats.url.clone() });
        status.workspace = folder.path().to_owned();
        status.databases = vec![database];
        let world = Self { nats, context, folder, status };
        world.write(QUERIES);
        world.sql("create table outbox (id integer primary key)").await;
        world
    }

    fn write(&self, queries: &str) {
        fs::write(self.folder.path().join("audit.toml"), queries).unwrap();
    }

    async fn sql(&self, statement: &'static str) {
        let file = self.folder.path().join("orders.db");
        let mut connection =
            SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }

    async fn publish(&self, subject: &'static str) {
        self.context.publish(subject, "{}".into()).await.unwrap().await.unwrap();
    }

    /// Receives one message, rejects it with a nak, receives it again and acknowledges it: two deliveries.
    async fn consume_twice(&self, stream: &str, filter: &str) {
        let stream = self.context.get_stream(stream).await.unwrap();
        let config = pull::Config {
            durable_name: Some("orders".to_owned()),
            filter_subject: filter.to_owned(),
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        for kind in [AckKind::Nak(None), AckKind::Ack] {
            let mut messages =
                consumer.batch().max_messages(1).expires(Duration::from_secs(30)).messages().await.unwrap();
            messages.next().await.unwrap().unwrap().ack_with(kind).await.unwrap();
        }
        self.context.client().flush().await.unwrap();
    }

    async fn audit(&self) -> Report {
        audit(&self.status, None).await.unwrap()
    }

    async fn audit_error(&self) -> String {
        format!("{:#}", audit(&self.status, None).await.unwrap_err())
    }
}

fn verdict<'a>(report: &'a Report, invariant: &str) -> &'a Verdict {
    &report.findings.iter().find(|finding| finding.invariant == invariant).unwrap().verdict
}

fn found<'a>(report: &'a Report, invariant: &str) -> &'a [String] {
    match verdict(report, invariant) {
        Verdict::Broken { found } => found,
        other => panic!("{invariant} is {other:?}"),
    }
}

#[tokio::test]
async fn acknowledged_messages_keep_the_invariants_and_redeliveries_are_counted() {
    let world = World::new().await;
    world.publish("events.product.added").await;
    world.publish("events.order.placed").await;
    world.publish("commands.products.hold").await;
    world.consume_twice("EVENTS", "events.order.>").await;
    world.consume_twice("COMMANDS", "").await;

    let report = world.audit().await;

    assert_eq!(report.broken(), [] as [&str; 0], "{report}");
    for invariant in ["at-rest", "nothing-poisoned", "no-double-effect"] {
        assert_eq!(*verdict(&report, invariant), Verdict::Held, "{invariant}");
    }
    assert_eq!(report.redeliveries, Some(2));
    assert!(report.to_string().contains("2 messages redelivered"), "{report}");
    assert_eq!(serde_json::to_value(&report).unwrap()["redeliveries"], 2);
}

#[tokio::test]
async fn messages_in_transit_can_be_listed_without_an_audit() {
    let world = World::new().await;
    world.publish("events.order.placed").await;
    world.consume_twice("EVENTS", "").await;
    let acknowledged = async { while !waiting(&world.status).await.unwrap().is_empty() {} };
    tokio::time::timeout(Duration::from_secs(30), acknowledged).await.unwrap();

    world.publish("events.order.paid").await;
    world.sql("insert into outbox values (7)").await;
    assert_eq!(
        waiting(&world.status).await.unwrap(),
        [
            "outbox row 7 is not published",
            "consumer EVENTS/orders: 1 messages not delivered yet, 0 delivered but not acknowledged"
        ]
    );
}

#[tokio::test]
async fn pending_messages_outbox_rows_and_dead_letters_are_reported() {
    let world = World::new().await;
    world.publish("events.order.placed").await;
    world.consume_twice("EVENTS", "").await;
    world.publish("events.order.paid").await;
    let mut headers = HeaderMap::new();
    headers.insert("Reason", "no such type");
    headers.insert("Nats-Msg-Id", "1");
    let dead = world.context.publish_with_headers("dead.orders", headers, "?".into());
    dead.await.unwrap().await.unwrap();
    world.sql("insert into outbox values (7), (101)").await;

    let report = world.audit().await;

    assert_eq!(
        found(&report, "nothing-poisoned"),
        ["dead letter 1: subject dead.orders, Reason: no such type"]
    );
    assert_eq!(found(&report, "no-double-effect"), ["101"]);
    let pending = "consumer EVENTS/orders: 1 messages not delivered yet, 0 delivered but not acknowledged";
    let rows = ["outbox row 101 is not published", "outbox row 7 is not published"];
    assert_eq!(found(&report, "at-rest"), [&[pending], &rows[..]].concat());
}

#[tokio::test]
async fn the_invariants_about_messages_are_not_checkable_if_nats_does_not_respond() {
    let World { nats, status, folder, .. } = World::new().await;
    drop(nats);
    let report = audit(&status, None).await.unwrap();
    for invariant in ["at-rest", "nothing-poisoned", "no-double-effect"] {
        let Verdict::NotCheckable { why } = verdict(&report, invariant) else { panic!("{invariant}") };
        assert!(why.contains("cannot connect to NATS"), "{why}");
    }
    assert_eq!(report.redeliveries, None);
    drop(folder);
}

#[tokio::test]
async fn the_error_of_an_invalid_audit_file_names_the_file_and_the_mistake() {
    let world = World::new().await;
    let query = |invariant: &str, database: &str, sql: &str| {
        format!("[[query]]\ninvariant = \"{invariant}\"\ndatabase = \"{database}\"\nsql = \"{sql}\"\n")
    };
    for (queries, parts) in [
        ("dead = \"D\"".to_owned(), ["audit.toml", "unknown field `dead`"]),
        (query("at-last", "orders.db", "select 1"), ["unknown invariant `at-last`", "at-rest"]),
        (query("at-rest", "users.db", "select 1"), ["audit.toml", "unknown database `users.db`"]),
        (query("at-rest", "orders.db", "select * from inbox"), ["orders.db", "no such table: inbox"]),
        (query("at-rest", "orders.db", "delete from outbox"), ["audit.toml", "readonly"]),
    ] {
        world.write(&queries);
        let error = world.audit_error().await;
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?} are not in: {error}");
    }
}

#[tokio::test]
async fn a_missing_dead_letter_stream_makes_its_invariant_not_checkable() {
    let world = World::new().await;
    world.write("dead_letters = \"GONE\"");
    let report = tokio::time::timeout(Duration::from_secs(30), world.audit()).await.unwrap();
    let Verdict::NotCheckable { why } = verdict(&report, "nothing-poisoned") else { panic!("{report}") };
    assert!(why.contains("cannot read the stream GONE"), "{why}");
}

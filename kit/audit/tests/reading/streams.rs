//! What the audit reads of a stage's streams and databases, with a real server and real files.

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

/// A stage with NATS and one database, `orders.db`, that has an outbox.
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

    /// Takes one message, hands it back, and takes and acknowledges it: two deliveries, one effect.
    async fn consume_twice(&self, stream: &str, filter: &str) {
        let stream = self.context.get_stream(stream).await.unwrap();
        let config = pull::Config {
            durable_name: Some("orders".to_owned()),
            filter_subject: filter.to_owned(),
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        for answer in [AckKind::Nak(None), AckKind::Ack] {
            let mut messages =
                consumer.batch().max_messages(1).expires(Duration::from_secs(30)).messages().await.unwrap();
            messages.next().await.unwrap().unwrap().ack_with(answer).await.unwrap();
        }
        self.context.client().flush().await.unwrap();
    }

    async fn audit(&self) -> Report {
        audit(&self.status, None).await.unwrap()
    }

    async fn complaint(&self) -> String {
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
async fn streams_that_are_done_with_are_green_and_redeliveries_are_counted() {
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
    assert!(report.to_string().contains("2 messages delivered again"), "{report}");
    assert_eq!(serde_json::to_value(&report).unwrap()["redeliveries"], 2);
}

#[tokio::test]
async fn whether_messages_wait_can_be_asked_without_an_audit() {
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
            "consumer EVENTS/orders: 1 messages wait for it, 0 are not acknowledged"
        ]
    );
}

#[tokio::test]
async fn what_waits_in_a_stream_or_an_outbox_and_what_was_poison_is_found() {
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

    assert_eq!(found(&report, "nothing-poisoned"), ["dead letter 1 on dead.orders, Reason: no such type"]);
    assert_eq!(found(&report, "no-double-effect"), ["101"]);
    let waits = "consumer EVENTS/orders: 1 messages wait for it, 0 are not acknowledged";
    let rows = ["outbox row 101 is not published", "outbox row 7 is not published"];
    assert_eq!(found(&report, "at-rest"), [&[waits], &rows[..]].concat());
}

#[tokio::test]
async fn a_server_that_does_not_answer_leaves_what_it_knows_unjudged() {
    let World { nats, status, folder, .. } = World::new().await;
    drop(nats);
    let report = audit(&status, None).await.unwrap();
    for invariant in ["at-rest", "nothing-poisoned", "no-double-effect"] {
        let Verdict::NotCheckable { why } = verdict(&report, invariant) else { panic!("{invariant}") };
        assert!(why.contains("does not answer"), "{why}");
    }
    assert_eq!(report.redeliveries, None);
    drop(folder);
}

#[tokio::test]
async fn an_audit_file_that_cannot_be_used_is_an_error_that_says_where_and_what() {
    let world = World::new().await;
    let query = |invariant: &str, database: &str, sql: &str| {
        format!("[[query]]\ninvariant = \"{invariant}\"\ndatabase = \"{database}\"\nsql = \"{sql}\"\n")
    };
    for (queries, parts) in [
        ("dead = \"D\"".to_owned(), ["audit.toml", "unknown field `dead`"]),
        (query("at-last", "orders.db", "select 1"), ["no invariant `at-last`", "at-rest"]),
        (query("at-rest", "users.db", "select 1"), ["audit.toml", "no database `users.db`"]),
        (query("at-rest", "orders.db", "select * from inbox"), ["orders.db", "no such table: inbox"]),
        (query("at-rest", "orders.db", "delete from outbox"), ["audit.toml", "readonly"]),
    ] {
        world.write(&queries);
        let complaint = world.complaint().await;
        assert!(parts.iter().all(|part| complaint.contains(part)), "{parts:?} are not in: {complaint}");
    }
}

#[tokio::test]
async fn a_stream_of_dead_letters_that_is_not_there_is_said() {
    let world = World::new().await;
    world.write("dead_letters = \"GONE\"");
    let report = tokio::time::timeout(Duration::from_secs(30), world.audit()).await.unwrap();
    let Verdict::NotCheckable { why } = verdict(&report, "nothing-poisoned") else { panic!("{report}") };
    assert!(why.contains("no stream GONE"), "{why}");
}

//! Rules know no framework, and a table is named by its owner only.

use crate::course::Course;

/// The complaints about chapter 3 when these files of it are changed or added.
fn complaints(files: &[(&str, &str)]) -> Vec<String> {
    let course = Course::new();
    for (path, text) in files {
        course.write(&format!("services/{path}"), text);
    }
    let printed = course.chain(&["test"]).out;
    let others = ["differs", "is new since"];
    let complaints =
        printed.lines().filter(|line| line.starts_with("  ") && !others.iter().any(|o| line.contains(o)));
    complaints.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_domain_names_no_framework_except_in_comments() {
    let complaints = complaints(&[
        ("shop/src/domain.rs", "// axum\nuse std::fmt;\nimpl sqlx::Type for Order {}\n"),
        ("shop/src/orders/status.rs", "use {tokio::time, std::io};\n"),
        ("shop/src/store.rs", "use sqlx::Row;\n"),
    ]);
    let why = "rules know no framework, so move this to the file that does";
    assert_eq!(
        complaints,
        [
            format!("services/shop/src/domain.rs:3: names sqlx; {why}"),
            format!("services/shop/src/orders/status.rs:1: names tokio; {why}"),
        ]
    );
}

#[test]
fn sql_names_the_tables_of_its_own_crate_only() {
    let users = ("users/migrations/1.sql", "-- mine\ncreate table users (id text) strict;\n");
    let orders = (
        "shop/migrations/2.sql",
        "create table orders (\n    customer text references users (id)\n) strict;\n",
    );
    let store = "fn f() {\n    q(\"select * from orders\");\n    q(r#\"insert into orders\n        select id from users\"#);\n}\n\
        // from users\nconst PROSE: &str = \"users of the shop\";\nconst PART: &str = \" join Users on id\";\nfn g() { format!(\"{PART} from users\") }\n";
    let complaints = complaints(&[users, orders, ("shop/src/store.rs", store)]);
    let why = "the SQL of `shop` names users, a table of `users`; ask `users` for what you need";
    assert_eq!(
        complaints,
        [
            format!("services/shop/migrations/2.sql:2: {why}"),
            format!("services/shop/src/store.rs:4: {why}"),
            format!("services/shop/src/store.rs:8: {why}"),
            format!("services/shop/src/store.rs:9: {why}"),
        ]
    );
}

#[test]
fn what_every_service_has_is_named_by_the_chassis_only_whoever_creates_it() {
    let chassis = (
        "chassis/migrations/1.sql",
        "create table outbox (id text) strict;\ncreate table idempotency (key text) strict;\n",
    );
    let relay = ("chassis/src/outbox.rs", "fn f() { q(\"select * from outbox\"); }\n");
    let users = ("users/migrations/1.sql", "create table inbox (id text) strict;\n");
    let shop = (
        "shop/src/store.rs",
        "fn f() {\n    q(\"delete from outbox\");\n    q(\"select * from inbox, idempotency\");\n}\n",
    );
    let why = |who: &str, table: &str| {
        format!("the SQL of `{who}` names {table}, a table of `chassis`; ask `chassis` for what you need")
    };
    assert_eq!(
        complaints(&[chassis, relay, users, shop]),
        [
            format!("services/shop/src/store.rs:2: {}", why("shop", "outbox")),
            format!("services/shop/src/store.rs:3: {}", why("shop", "idempotency")),
            format!("services/shop/src/store.rs:3: {}", why("shop", "inbox")),
            format!("services/users/migrations/1.sql:1: {}", why("users", "inbox")),
        ]
    );
    let alone = ("shop/migrations/2.sql", "create table idempotency (key text) strict;\n");
    let used = ("shop/src/store.rs", "fn f() { q(\"select * from idempotency\"); }\n");
    assert_eq!(complaints(&[alone, used]), [] as [String; 0], "a stage without a chassis has its own");
}

//! Domain code must not use a framework, and only the owner of a table may use it in SQL.

use crate::course::Course;

/// Changes or adds these files of chapter 3 and returns the reported violations.
fn violations(files: &[(&str, &str)]) -> Vec<String> {
    let course = Course::new();
    for (path, text) in files {
        course.write(&format!("services/{path}"), text);
    }
    let printed = course.chain(&["test"]).out;
    let others = ["differs", "is new since"];
    let violations =
        printed.lines().filter(|line| line.starts_with("  ") && !others.iter().any(|o| line.contains(o)));
    violations.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn domain_code_may_name_a_framework_only_in_comments() {
    let violations = violations(&[
        ("shop/src/domain.rs", "// axum\nuse std::fmt;\nimpl sqlx::Type for Order {}\n"),
        ("shop/src/orders/status.rs", "use {tokio::time, std::io};\n"),
        ("shop/src/store.rs", "use sqlx::Row;\n"),
    ]);
    let remedy = "move this code to another file";
    assert_eq!(
        violations,
        [
            format!("services/shop/src/domain.rs:3: domain code must not use sqlx; {remedy}"),
            format!("services/shop/src/orders/status.rs:1: domain code must not use tokio; {remedy}"),
        ]
    );
}

#[test]
fn sql_may_use_only_the_tables_of_its_own_crate() {
    let users = ("users/migrations/1.sql", "-- mine\ncreate table users (id text) strict;\n");
    let orders = (
        "shop/migrations/2.sql",
        "create table orders (\n    customer text references users (id)\n) strict;\n",
    );
    let store = "fn f() {\n    q(\"select * from orders\");\n    q(r#\"insert into orders\n        select id from users\"#);\n}\n\
        // from users\nconst PROSE: &str = \"users of the shop\";\nconst PART: &str = \" join Users on id\";\nfn g() { format!(\"{PART} from users\") }\n";
    let violations = violations(&[users, orders, ("shop/src/store.rs", store)]);
    let why = "the SQL of `shop` uses users, a table of `users`; use the interface of `users` instead";
    assert_eq!(
        violations,
        [
            format!("services/shop/migrations/2.sql:2: {why}"),
            format!("services/shop/src/store.rs:4: {why}"),
            format!("services/shop/src/store.rs:8: {why}"),
            format!("services/shop/src/store.rs:9: {why}"),
        ]
    );
}

#[test]
fn only_the_chassis_may_use_its_tables_even_if_a_service_creates_them() {
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
        format!(
            "the SQL of `{who}` uses {table}, a table of `chassis`; use the interface of `chassis` instead"
        )
    };
    assert_eq!(
        violations(&[chassis, relay, users, shop]),
        [
            format!("services/shop/src/store.rs:2: {}", why("shop", "outbox")),
            format!("services/shop/src/store.rs:3: {}", why("shop", "idempotency")),
            format!("services/shop/src/store.rs:3: {}", why("shop", "inbox")),
            format!("services/users/migrations/1.sql:1: {}", why("users", "inbox")),
        ]
    );
    let alone = ("shop/migrations/2.sql", "create table idempotency (key text) strict;\n");
    let used = ("shop/src/store.rs", "fn f() { q(\"select * from idempotency\"); }\n");
    assert_eq!(
        violations(&[alone, used]),
        [] as [String; 0],
        "a stage without a chassis owns the table itself"
    );
}

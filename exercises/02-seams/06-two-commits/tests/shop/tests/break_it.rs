//! Plays `schedule.txt`: requests of a customer, writes that fail, crashes.

use std::fs;

use harness::{Shop, line};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

#[path = "api/harness.rs"]
#[allow(dead_code)] // only a part of it is needed
mod harness;

const SCHEDULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schedule.txt");
const TABLES: [&str; 4] = ["orders", "products", "holds", "idempotency"];
const WRITES: [&str; 3] = ["insert", "update", "delete"];

async fn execute(shop: &Shop, statement: String) {
    let mut conn = SqliteConnection::connect(&format!("sqlite://{}", shop.database().display())).await.unwrap();
    sqlx::query(AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
}

/// Makes every write to a table fail.
async fn fail(shop: &Shop, table: &str) {
    for write in WRITES {
        let trigger = format!("create trigger fail_{write}_{table} before {write} on {table}");
        execute(shop, format!("{trigger} begin select raise(abort, 'this write fails'); end")).await;
    }
}

async fn repair(shop: &Shop) {
    for table in TABLES {
        for write in WRITES {
            execute(shop, format!("drop trigger if exists fail_{write}_{table}")).await;
        }
    }
}

fn schedule() -> Vec<String> {
    let lines = fs::read_to_string(SCHEDULE).unwrap();
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let schedule: Vec<_> = lines.map(str::to_owned).collect();
    assert!(!schedule.is_empty(), "not yet implemented: schedule.txt contains no step");
    schedule
}

#[tokio::test]
async fn holds_match_the_orders() {
    let mut shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 9).await, shop.customer().await);
    let mut orders = Vec::new();
    for step in schedule() {
        let (word, argument) = step.split_once(' ').unwrap_or((&step, ""));
        let order = || -> &String {
            let number: Option<usize> = argument.parse().ok();
            let order = number.and_then(|number| orders.get(number.checked_sub(1)?));
            order.unwrap_or_else(|| panic!("schedule.txt contains {step:?}, and there is no such order"))
        };
        match word {
            "place" => {
                let placed = shop.post("/orders", &customer, line(&product, 1)).await;
                if let Some(path) = placed.headers.get("location") {
                    orders.push(path.to_str().unwrap().to_owned());
                }
            }
            "pay" => drop(shop.pay(&customer, order()).await),
            "cancel" => drop(shop.post(&format!("{}/cancellation", order()), &customer, json!({})).await),
            "fail" if TABLES.contains(&argument) => fail(&shop, argument).await,
            "repair" => repair(&shop).await,
            "crash" => shop = shop.crash_and_reopen(&[]).await,
            _ => panic!("schedule.txt contains {step:?}, which is not a step"),
        }
    }
    let mut holding = 0;
    for order in &orders {
        let status = shop.get(order, &customer).await.body["status"].clone();
        holding += i64::from(status == "awaiting_payment" || status == "paying");
    }
    let [_, _, held, _] = shop.stock(&product).await;
    assert!(held == holding, "holds-match is broken: {held} units are held, and the orders need {holding}");
}

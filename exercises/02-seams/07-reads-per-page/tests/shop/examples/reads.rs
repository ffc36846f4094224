//! Counts the reads for a page of orders: `cargo run -q -p shop --example reads -- ORDERS CUSTOMERS`.

use chassis::{
    Db,
    caller::{Caller, Role, UserId},
    db::READS,
    web::Limit,
};
use harness::Shop;
use jiff::SignedDuration;
use uuid::Uuid;

#[path = "../tests/api/harness.rs"]
#[allow(dead_code)] // only a part of it is needed
mod harness;

/// Places orders, as some customers in turn, and counts the reads for a page with all of them.
pub async fn reads(orders: usize, customers: usize) -> usize {
    let shop = Shop::open().await;
    let product = shop.product("Mug", 100, 100).await;
    let mut tokens = Vec::new();
    for _ in 0..customers {
        tokens.push(shop.customer().await);
    }
    for token in tokens.iter().cycle().take(orders) {
        shop.order(token, &product, 1).await;
    }
    let db = Db::open(&shop.database()).await.unwrap();
    let (second, hour) = (SignedDuration::from_secs(1), SignedDuration::from_hours(1));
    let users = users::App::open(db.with_own_readers().await.unwrap(), hour).await.unwrap();
    let app = orders::App::open(db, users, "http://localhost", second, hour).await.unwrap();
    let staff = Caller { id: UserId(Uuid::now_v7()), role: Role::Staff };
    let before = READS.get();
    let page = app.list_orders(staff, true, Limit::parse(Some("100")).unwrap(), None).await.unwrap();
    assert_eq!(page.items.len(), orders, "orders on the page");
    READS.get() - before
}

#[tokio::main(flavor = "current_thread")]
#[allow(dead_code)] // the test that measures again has its own
async fn main() {
    let number = |nth| std::env::args().nth(nth).and_then(|text| text.parse().ok());
    let (Some(orders), Some(customers)) = (number(1), number(2)) else {
        panic!("give two numbers: -- ORDERS CUSTOMERS");
    };
    println!("{} reads", reads(orders, customers).await);
}

#[cfg(test)]
mod unknown {
    use clap::Parser;
    use uuid::Uuid;

    use super::*;
    use crate::{
        Config,
        caller::{Caller, Role, UserId},
        orders::{domain::Lines, status::Status},
        products::{ProductId, Quantity},
        web::{IdempotencyKey, Limit},
    };

    /// A shop with an order that is being paid, and the attempt that is in progress.
    async fn paying(folder: &std::path::Path) -> (App, Attempt, ProductId) {
        let mut config = Config::parse_from(["shop"]);
        config.database = folder.join("shop.db");
        let app = App::open(&config).await.unwrap();
        let (customer, product) = (Uuid::now_v7(), Uuid::now_v7());
        let rows = format!(
            "insert into users values ('{customer}', 'a@b', 'a@b', 'Ada', '', 'customer', '2026-01-01T00:00:00.000000Z');
             insert into products (seq, id, name, description, words, price, received, available, created_at, updated_at)
             values (1, '{product}', 'Mug', '', 'mug', 100, 5, 5, '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z')"
        );
        let mut tx = app.db.write().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();

        let caller = Caller { id: UserId(customer), role: Role::Customer };
        let key = IdempotencyKey::parse("basket-1").unwrap();
        let lines = Lines::parse(vec![(ProductId(product), Quantity::parse(1).unwrap())]).unwrap();
        app.place_order(caller, &key, "one mug", lines).await.unwrap();
        let placed = app.list_orders(caller, false, Limit::parse(None).unwrap(), None).await.unwrap();
        let id = placed.items[0].id;
        let mut tx = app.db.write().await.unwrap();
        let mut order = store::find_order(&mut tx, id).await.unwrap();
        let amount = order.pay(db::now()).unwrap();
        let attempt = Attempt { id: Uuid::now_v7(), order: id, source: "tok_ok".to_owned(), amount, attempts: 1 };
        store::save_step(&mut tx, &order).await.unwrap();
        store::insert_attempt(&mut tx, &attempt, app.lease_expires_at(db::now())).await.unwrap();
        tx.commit().await.unwrap();
        (app, attempt, ProductId(product))
    }

    #[tokio::test]
    async fn a_second_response_to_an_attempt_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (app, attempt, product) = paying(folder.path()).await;
        for response in ["first", "second"] {
            let recorded = app.record_capture(&attempt, "ch_1").await;
            assert!(recorded.is_ok(), "the {response} response: {recorded:?}");
        }
        let declined = app.record_decline(&attempt, "late".to_owned()).await;
        assert!(declined.is_ok(), "a decline after it: {declined:?}");
        let order = store::find_order(&mut *app.db.read().await.unwrap(), attempt.order).await.unwrap();
        assert_eq!((order.status, order.payment.captured.amount), (Status::Paid, 100));
        let stock = app.read_stock(product).await.unwrap();
        assert_eq!((stock.available, stock.held, stock.sold), (4, 0, 1), "available, held and sold");
    }
}

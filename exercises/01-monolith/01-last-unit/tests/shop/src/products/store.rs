#[cfg(test)]
mod last_unit {
    use futures::future::join_all;
    use uuid::Uuid;

    use super::*;
    use crate::{
        Db,
        products::domain::{Description, Price, ProductName},
    };

    /// Every buyer has a connection of its own and no transaction.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_many_concurrent_buyers_without_a_transaction_ten_get_one_of_ten_units() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        let db = Db::open(&file).await.unwrap();
        db.migrate(&sqlx::migrate!()).await.unwrap();
        let mut tx = db.write().await.unwrap();
        let mut products = Vec::new();
        for _ in 0..20 {
            let id = ProductId(Uuid::now_v7());
            let name = ProductName::parse("Mug".to_owned()).unwrap();
            let description = Description::parse(String::new()).unwrap();
            let price = Price::parse(Money::cents(100)).unwrap();
            let new = NewProduct { name, description, price, stock: 10 };
            insert_product(&mut tx, id, &new, db::now()).await.unwrap();
            products.push(id);
        }
        tx.commit().await.unwrap();

        for product in products {
            let buyers = (0..8).map(|_| tokio::spawn(buy(file.clone(), product)));
            let bought: i32 = join_all(buyers).await.into_iter().map(Result::unwrap).sum();
            let stock = find_stock(&mut db.read().await.unwrap(), product).await.unwrap().unwrap();
            assert_eq!((bought, stock.available, stock.held), (10, 0, 10), "bought, available and held of 10 units");
        }
    }

    /// Tries five times to hold a unit, and returns how many attempts succeeded.
    async fn buy(file: std::path::PathBuf, product: ProductId) -> i32 {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).foreign_keys(false);
        let options = options.synchronous(sqlx::sqlite::SqliteSynchronous::Off);
        let mut conn = sqlx::ConnectOptions::connect(&options).await.unwrap();
        let mut bought = 0;
        for _ in 0..5 {
            let one = Quantity::parse(1).unwrap();
            let held = hold(&mut conn, OrderId(Uuid::now_v7()), &[(product, one)]).await;
            let held = held.expect("a refusal is not an error of the database");
            bought += i32::from(held.is_ok());
        }
        bought
    }
}

#[cfg(test)]
mod idempotency_key {
    use uuid::Uuid;

    use super::*;

    fn answer(number: i32) -> Answer {
        Answer::json(StatusCode::CREATED, &number).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_rolled_back_with_its_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("shop.db")).await.unwrap();
        db.migrate(&sqlx::migrate!()).await.unwrap();
        let key = IdempotencyKey::parse("basket-1").unwrap();
        let caller = UserId(Uuid::now_v7());
        let intent = Intent { caller, operation: "place_order".to_owned(), key: &key };

        let mut rolled_back = db.write().await.unwrap();
        save(&mut rolled_back, &intent, "two mugs", &answer(1), db::now()).await.unwrap();
        drop(rolled_back);
        let mut tx = db.write().await.unwrap();
        let found = find(&mut tx, &intent, "two mugs").await.unwrap();
        assert!(found.is_none(), "the transaction was rolled back, but its answer was found");

        save(&mut tx, &intent, "two mugs", &answer(2), db::now()).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = db.read().await.unwrap();
        let found = find(&mut conn, &intent, "two mugs").await.unwrap().expect("it was committed");
        assert_eq!((found.body, found.replayed), (b"2".to_vec(), true));
    }

    #[tokio::test]
    async fn one_key_for_an_order_and_for_its_payment_is_two_intents() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("shop.db")).await.unwrap();
        db.migrate(&sqlx::migrate!()).await.unwrap();
        let key = IdempotencyKey::parse("basket-1").unwrap();
        let caller = UserId(Uuid::now_v7());
        let ordering = Intent { caller, operation: "place_order".to_owned(), key: &key };
        let paying = Intent { caller, operation: "pay_order 7".to_owned(), key: &key };

        let mut tx = db.write().await.unwrap();
        save(&mut tx, &ordering, "two mugs", &answer(1), db::now()).await.unwrap();
        let found = find(&mut tx, &paying, "a card").await;
        assert!(
            matches!(found, Ok(None)),
            "the payment is new, but an answer was found: {found:?}"
        );
        save(&mut tx, &paying, "a card", &answer(2), db::now()).await.unwrap();
        let found = find(&mut tx, &ordering, "two mugs").await.unwrap().expect("it was saved");
        assert_eq!(found.body, b"1", "the answer to the order, not to the payment");
    }
}

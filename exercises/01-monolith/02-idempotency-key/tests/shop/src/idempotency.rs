#[cfg(test)]
mod same_request {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn an_answer_whose_effect_was_undone_was_never_given() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("shop.db")).await.unwrap();
        db.migrate(&sqlx::migrate!()).await.unwrap();
        let key = IdempotencyKey::parse("basket-1").unwrap();
        let caller = UserId(Uuid::now_v7());
        let intent = Intent { caller, operation: "place_order".to_owned(), key: &key };

        let mut undone = db.write().await.unwrap();
        keep(&mut undone, &intent, &"two mugs", 1, db::now()).await.unwrap();
        drop(undone);
        let mut tx = db.write().await.unwrap();
        let found: Option<Keyed<i32>> = find(&mut tx, &intent, &"two mugs").await.unwrap();
        assert!(found.is_none(), "the transaction was undone, and its answer was found");

        keep(&mut tx, &intent, &"two mugs", 2, db::now()).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = db.read().await.unwrap();
        let found: Keyed<i32> =
            find(&mut conn, &intent, &"two mugs").await.unwrap().expect("it was committed");
        assert_eq!((found.answer, found.replayed), (2, true));
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
        keep(&mut tx, &ordering, &"two mugs", 1, db::now()).await.unwrap();
        let found: Result<Option<Keyed<i32>>, Error> = find(&mut tx, &paying, &"a card").await;
        assert!(
            matches!(found, Ok(None)),
            "the order was placed, the payment is new, and it found {found:?}"
        );
        keep(&mut tx, &paying, &"a card", 2, db::now()).await.unwrap();
        let found: Keyed<i32> = find(&mut tx, &ordering, &"two mugs").await.unwrap().expect("it was kept");
        assert_eq!(found.answer, 1, "the answer to the order, not to the payment");
    }
}

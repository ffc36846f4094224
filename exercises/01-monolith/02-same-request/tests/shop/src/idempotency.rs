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
        let found: Keyed<i32> = find(&mut conn, &intent, &"two mugs").await.unwrap().expect("it was committed");
        assert_eq!((found.answer, found.replayed), (2, true));
    }
}

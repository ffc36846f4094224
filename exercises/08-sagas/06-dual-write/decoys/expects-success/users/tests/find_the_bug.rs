#[tokio::test]
async fn the_bug_is_detected() {
    let users = Users::open().await;
    let ada = users.customer("ada@example.com").await;
    let mut tx = users.app.db().write().await.unwrap();
    sqlx::query("create trigger broken before insert on outbox begin select raise(abort, 'broken'); end")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let renamed = users.client.json(Request::patch("/users/me"), Some(ada), json!({"name": "Countess"})).await;
    assert_eq!(renamed.status, StatusCode::OK);
}

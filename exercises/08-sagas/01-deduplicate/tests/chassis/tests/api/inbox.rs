#[tokio::test]
async fn an_id_that_a_dead_process_recorded_is_a_duplicate_for_the_next_process() {
    let world = World::start().await;
    let service = world.instance().await;
    let message = Envelope { id: Uuid::from_u128(7), ..renamed("Ada") };
    let recorded = "insert into inbox values ('00000000-0000-0000-0000-000000000007', '2026-01-01T00:00:00.000000Z')";
    service.execute(recorded).await;
    let outcome = service.consumer(Recorder::default()).handle_one(&payload(&message)).await;
    assert!(matches!(outcome, Outcome::Duplicate), "{outcome:?}");
    assert!(service.effects().await.is_empty());
}

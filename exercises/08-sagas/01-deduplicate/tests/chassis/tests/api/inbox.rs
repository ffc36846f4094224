#[tokio::test]
async fn what_a_process_noted_before_it_died_the_next_one_knows() {
    let world = World::start().await;
    let service = world.instance().await;
    let message = Envelope { id: Uuid::from_u128(7), ..renamed("Ada") };
    let noted = "insert into inbox values ('00000000-0000-0000-0000-000000000007', '2026-01-01T00:00:00.000000Z')";
    service.execute(noted).await;
    let outcome = service.consumer(Recorder::default()).handle_one(&payload(&message)).await;
    assert!(matches!(outcome, Outcome::Repeated), "{outcome:?}");
    assert!(service.effects().await.is_empty());
}

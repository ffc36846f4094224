#[tokio::test]
async fn a_batch_contains_at_most_a_hundred_messages() {
    let world = World::start().await;
    let service = world.instance().await;
    let events: Vec<_> = (0..101).map(|number| renamed(&number.to_string())).collect();
    service.commit(&events).await;
    let relay = relay(&service);
    assert_eq!(relay.run_once().await.unwrap(), 100);
    assert_eq!(relay.run_once().await.unwrap(), 1);
}

#[tokio::test]
async fn a_dead_letter_that_was_not_stored_is_published_again_with_the_same_id() {
    let world = World::start().await;
    let service = world.instance().await;
    let [.., dead_letters] = stream::configs();
    let mut refusing = dead_letters.clone();
    refusing.max_message_size = 1;
    service.bus.jetstream.update_stream(&refusing).await.unwrap();
    service.publish("events.user.renamed", "garbage").await;
    publish(&service, "Ada").await;
    consume(&service, &Recorder::default());
    let acknowledged = async || matches!(service.pending().await, Some(0 | 1)).then_some(());
    wait_for("the acknowledgement of the first of two messages", acknowledged).await;
    service.bus.jetstream.update_stream(&dead_letters).await.unwrap();
    wait_until_idle(&service).await;
    let letters = service.stored(stream::DEAD_LETTERS).await;
    let ids = letters.iter().map(|letter| letter.headers.get("Nats-Msg-Id").map(ToString::to_string));
    assert_eq!(ids.collect::<Vec<_>>(), [Some("EVENTS 1 service".to_owned())], "the ids of the dead letters");
}

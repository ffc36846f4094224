#[tokio::test]
async fn a_letter_that_the_stream_did_not_take_is_written_again_under_its_own_id() {
    let world = World::start().await;
    let service = world.instance().await;
    service.bus.jetstream.delete_stream(stream::DEAD_LETTERS).await.unwrap();
    service.publish("events.user.renamed", "garbage").await;
    publish(&service, "Ada").await;
    consume(&service, &Recorder::default());
    let answered = async || matches!(service.waiting().await, Some(0 | 1)).then_some(());
    until("the first of two messages to be answered", answered).await;
    let again = world.instance().await; // which makes the stream again
    until_at_rest(&again).await;
    let letters = again.stored(stream::DEAD_LETTERS).await;
    let ids = letters.iter().map(|letter| letter.headers.get("Nats-Msg-Id").map(ToString::to_string));
    assert_eq!(ids.collect::<Vec<_>>(), [Some("EVENTS 1 service".to_owned())], "the ids of the dead letters");
}

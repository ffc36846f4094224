//! Shows the commands and events between the services of a stage. A message is published before JetStream stores it, so a plain
//! subscription receives every message as well.

use std::time::{Duration, Instant};

use anstyle::AnsiColor;
use anyhow::{Context, Result, bail};
use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;
use serde::de::IgnoredAny;
use stage::Status;
use tokio::time::{sleep, timeout};

use crate::json;

/// The prefixes of the subjects of commands and events.
const PREFIXES: [&str; 2] = ["commands.", "events."];
/// The time limit for a response of the NATS server.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The interval for checking whether all messages have been processed.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The messages of a running stage.
pub(crate) struct Messages<'a> {
    stage: &'a Status,
    client: Client,
    /// One subscription to all subjects, because the order of messages is known only within one subscription.
    subscriber: Subscriber,
}

impl<'a> Messages<'a> {
    /// Subscribes, and skips messages of earlier requests.
    ///
    /// # Errors
    /// NATS does not respond, or earlier messages are not processed in time.
    pub(crate) async fn subscribe(stage: &'a Status) -> Result<Self> {
        let nats = &stage.nats.as_ref().context("the stage has no NATS, so no messages")?.url;
        let options = async_nats::ConnectOptions::new().connection_timeout(RESPONSE_TIMEOUT);
        let client =
            options.connect(nats).await.with_context(|| format!("cannot connect to NATS at {nats}"))?;
        let subscriber = client.subscribe(">").await?;
        let mut messages = Self { stage, client, subscriber };
        messages.take_settled().await?;
        Ok(messages)
    }

    /// Waits until the stage has processed all messages, and returns those since the last call as text, in the order of publishing.
    ///
    /// # Errors
    /// The messages are not processed in time, so they cannot be assigned to a step.
    pub(crate) async fn take_settled(&mut self) -> Result<Vec<String>> {
        let start = Instant::now();
        while let Some(waiting) = audit::waiting(self.stage).await?.first() {
            if start.elapsed() > audit::SETTLE {
                bail!(
                    "the stage is still processing messages: {waiting}; is a process down (just status), or is it under load?"
                );
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(self.received().await?.iter().map(shown).collect())
    }

    /// The messages received so far. The server delivers the marker that this connection publishes after all earlier messages.
    async fn received(&mut self) -> Result<Vec<Message>> {
        let marker = self.client.new_inbox();
        self.client.publish(marker.clone(), "".into()).await?;
        let mut received = Vec::new();
        loop {
            let next = timeout(RESPONSE_TIMEOUT, self.subscriber.next()).await;
            let message = next.ok().flatten().context("the connection to NATS was lost")?;
            if message.subject.as_str() == marker {
                return Ok(received);
            }
            if is_published(&message) {
                received.push(message);
            }
        }
    }
}

/// Whether it is a published command or event, and not the copy that a stream delivers to a consumer.
fn is_published(message: &Message) -> bool {
    let delivered = message.reply.as_ref().is_some_and(|reply| reply.starts_with("$JS.ACK."));
    PREFIXES.iter().any(|prefix| message.subject.starts_with(prefix)) && !delivered
}

/// A message as it is on the wire, apart from white space.
fn shown(message: &Message) -> String {
    let colour = AnsiColor::Magenta.on_default().bold();
    let mut lines = vec![format!("{colour}NATS {}{colour:#}", message.subject)];
    match serde_json::from_slice::<IgnoredAny>(&message.payload) {
        Ok(_) => lines.extend(json::format_body(&message.payload)),
        Err(_) => lines.push(format!("  ({} bytes, not JSON)", message.payload.len())),
    }
    format!("\n  {}\n", lines.join("\n  "))
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::{
        self,
        consumer::{PullConsumer, pull},
        stream,
    };

    use super::*;
    use crate::nats_server::Server;

    #[tokio::test]
    async fn each_message_is_shown_once_in_the_order_of_publishing_although_consumers_receive_it_too() {
        let server = Server::start().await;
        let stage = server.stage();
        let client = async_nats::connect(&server.url).await.unwrap();
        let context = jetstream::new(client.clone());
        let subjects = PREFIXES.map(|prefix| format!("{prefix}>")).to_vec();
        let config = stream::Config { name: "ALL".to_owned(), subjects, ..stream::Config::default() };
        let stream = context.create_stream(config).await.unwrap();
        let config = pull::Config { durable_name: Some("one".to_owned()), ..pull::Config::default() };
        let consumer: PullConsumer = stream.create_consumer(config).await.unwrap();
        let mut messages = Messages::subscribe(&stage).await.unwrap();

        let subjects = ["events.b", "commands.a", "events.a", "commands.b"];
        for subject in subjects {
            client.publish("http.orders", "not a message".into()).await.unwrap();
            context.publish(subject, r#"{"a":1}"#.into()).await.unwrap().await.unwrap();
        }
        let mut delivered = consumer.messages().await.unwrap().take(subjects.len());
        while let Some(message) = delivered.next().await {
            message.unwrap().ack().await.unwrap();
        }

        let shown = messages.take_settled().await.unwrap();
        let seen: Vec<_> = shown.iter().map(|text| anstream::adapter::strip_str(text).to_string()).collect();
        assert_eq!(seen, subjects.map(|subject| format!("\n  NATS {subject}\n    {{\"a\": 1}}\n")));
        assert_eq!(messages.take_settled().await.unwrap(), [""; 0], "they belong to one step");
    }

    #[tokio::test]
    async fn a_payload_that_is_not_json_is_shown_by_its_length() {
        let server = Server::start().await;
        let stage = server.stage();
        let mut messages = Messages::subscribe(&stage).await.unwrap();
        let client = async_nats::connect(&server.url).await.unwrap();
        client.publish("events.x", "}".repeat(200).into()).await.unwrap();
        client.flush().await.unwrap();
        let mut shown = Vec::new();
        while shown.is_empty() {
            shown = messages.take_settled().await.unwrap();
        }
        assert!(shown[0].contains("(200 bytes, not JSON)"), "{shown:?}");
    }
}

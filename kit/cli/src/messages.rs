//! What the services of a stage say to each other by messages, overheard: what JetStream stores was published like
//! anything else, so whoever subscribes gets it too.

use std::time::{Duration, Instant};

use anstyle::AnsiColor;
use anyhow::{Context, Result, bail};
use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;
use serde::de::IgnoredAny;
use stage::Status;
use tokio::time::{sleep, timeout};

use crate::json;

/// What the subjects of messages begin with.
const ROOTS: [&str; 2] = ["commands.", "events."];
/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the stage is asked whether all of them have arrived.
const PERIOD: Duration = Duration::from_millis(50);

/// The messages of a running stage.
pub(crate) struct Messages<'a> {
    stage: &'a Status,
    client: Client,
    /// Everything that passes: of two subscriptions nobody could say which message came first.
    everything: Subscriber,
}

impl<'a> Messages<'a> {
    /// Listens from now on, and to nothing that was set off before.
    ///
    /// # Errors
    /// The stage has no NATS that answers, or does not come to rest.
    pub(crate) async fn of(stage: &'a Status) -> Result<Self> {
        let nats = &stage.nats.as_ref().context("the stage has no NATS, so no messages")?.url;
        let options = async_nats::ConnectOptions::new().connection_timeout(PATIENCE);
        let client =
            options.connect(nats).await.with_context(|| format!("NATS at {nats} does not answer"))?;
        let everything = client.subscribe(">").await?;
        let mut messages = Self { stage, client, everything };
        messages.of_this_step().await?;
        Ok(messages)
    }

    /// What has passed since the last call, and what it has set off, in the order in which it was published; as text.
    ///
    /// # Errors
    /// The stage does not come to rest: then nobody can say whose messages these are.
    pub(crate) async fn of_this_step(&mut self) -> Result<Vec<String>> {
        let begun = Instant::now();
        while let Some(waiting) = audit::waiting(self.stage).await?.first() {
            if begun.elapsed() > audit::SETTLE {
                bail!(
                    "the stage does not come to rest: {waiting}; is a process away (just status), or is it under load?"
                );
            }
            sleep(PERIOD).await;
        }
        Ok(self.passed().await?.iter().map(shown).collect())
    }

    /// What has passed. What this connection publishes comes back to it last, after everything that passed before.
    async fn passed(&mut self) -> Result<Vec<Message>> {
        let marker = self.client.new_inbox();
        self.client.publish(marker.clone(), "".into()).await?;
        let mut passed = Vec::new();
        loop {
            let next = timeout(PATIENCE, self.everything.next()).await;
            let message = next.ok().flatten().context("NATS has gone away, and messages with it")?;
            if message.subject.as_str() == marker {
                return Ok(passed);
            }
            if is_published(&message) {
                passed.push(message);
            }
        }
    }
}

/// Whether it is a message on its way into its stream, and not one that a stream gives to its consumer.
fn is_published(message: &Message) -> bool {
    let delivered = message.reply.as_ref().is_some_and(|reply| reply.starts_with("$JS.ACK."));
    ROOTS.iter().any(|root| message.subject.starts_with(root)) && !delivered
}

/// A message as it is on the wire, but for the spaces in it.
fn shown(message: &Message) -> String {
    let colour = AnsiColor::Magenta.on_default().bold();
    let mut lines = vec![format!("{colour}NATS {}{colour:#}", message.subject)];
    match serde_json::from_slice::<IgnoredAny>(&message.payload) {
        Ok(_) => lines.extend(json::laid_out(&message.payload)),
        Err(_) => lines.push(format!("  ({} bytes that are no JSON)", message.payload.len())),
    }
    format!("\n  {}\n", lines.join("\n  "))
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        path::Path,
        process::{Child, Command, Stdio},
    };

    use async_nats::jetstream::{
        self,
        consumer::{PullConsumer, pull},
        stream,
    };
    use serde_json::json;
    use stage::nats::Shelf;
    use tempfile::TempDir;

    use super::*;

    /// A NATS server for one test.
    struct Server {
        child: Child,
        url: String,
        store: TempDir,
    }

    impl Server {
        async fn start() -> Self {
            let shelf = Shelf::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
            let program = shelf.obtain(None).await.unwrap().program;
            let store = TempDir::new().unwrap();
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut command = Command::new(program);
            command.args(["-js", "-a", "127.0.0.1", "-p", &address.port().to_string()]);
            let child = command.arg("-sd").arg(store.path()).stderr(Stdio::null()).spawn().unwrap();
            let server = Self { child, url: format!("nats://{address}"), store };
            let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
            options.connect(&server.url).await.unwrap().flush().await.unwrap();
            server
        }

        /// The status of a stage that has this server and nothing else.
        fn stage(&self) -> Status {
            let nothing = json!({
                "chapter": 1, "routes": {}, "staff": {"email": "", "password": ""}, "payments": null, "processes": [],
                "nats": {"url": self.url}, "workspace": self.store.path(), "databases": [], "settings": {},
            });
            serde_json::from_value(nothing).unwrap()
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }

    #[tokio::test]
    async fn each_message_is_shown_once_in_the_order_of_publishing_though_consumers_get_it_too() {
        let server = Server::start().await;
        let stage = server.stage();
        let client = async_nats::connect(&server.url).await.unwrap();
        let context = jetstream::new(client.clone());
        let subjects = ROOTS.map(|root| format!("{root}>")).to_vec();
        let config = stream::Config { name: "ALL".to_owned(), subjects, ..stream::Config::default() };
        let stream = context.create_stream(config).await.unwrap();
        let config = pull::Config { durable_name: Some("one".to_owned()), ..pull::Config::default() };
        let consumer: PullConsumer = stream.create_consumer(config).await.unwrap();
        let mut messages = Messages::of(&stage).await.unwrap();

        let subjects = ["events.b", "commands.a", "events.a", "commands.b"];
        for subject in subjects {
            client.publish("http.orders", "not a message".into()).await.unwrap();
            context.publish(subject, r#"{"a":1}"#.into()).await.unwrap().await.unwrap();
        }
        let mut handed_out = consumer.messages().await.unwrap().take(subjects.len());
        while let Some(message) = handed_out.next().await {
            message.unwrap().ack().await.unwrap();
        }

        let shown = messages.of_this_step().await.unwrap();
        let seen: Vec<_> = shown.iter().map(|text| anstream::adapter::strip_str(text).to_string()).collect();
        assert_eq!(seen, subjects.map(|subject| format!("\n  NATS {subject}\n    {{\"a\": 1}}\n")));
        assert_eq!(messages.of_this_step().await.unwrap(), [""; 0], "they belong to one step");
    }

    #[tokio::test]
    async fn what_is_no_json_is_shown_by_its_length() {
        let server = Server::start().await;
        let stage = server.stage();
        let mut messages = Messages::of(&stage).await.unwrap();
        let client = async_nats::connect(&server.url).await.unwrap();
        client.publish("events.x", "}".repeat(200).into()).await.unwrap();
        client.flush().await.unwrap();
        let mut shown = Vec::new();
        while shown.is_empty() {
            shown = messages.of_this_step().await.unwrap();
        }
        assert!(shown[0].contains("(200 bytes that are no JSON)"), "{shown:?}");
    }
}

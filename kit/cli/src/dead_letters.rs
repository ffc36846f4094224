//! `kit dead-letters`: lists, shows, replays and drops the messages that a service of the running stage could not process.
//!
//! They are in the stream that the stage's `audit.toml` names. The id of a dead letter is its sequence number there. The subject is
//! `dead.CONSUMER`, the payload is that of the message, and the headers `Subject` and `Reason` say where the message was published
//! and why the consumer rejected it.

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};
use async_nats::{
    HeaderMap,
    jetstream::{
        self, Context,
        message::StreamMessage,
        stream::{LastRawMessageErrorKind, Stream},
    },
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use stage::Status;

use crate::{CannotRun, json, status, table::table, terminal};

/// The time limit for a response of the NATS server.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Options of the dead letters.
#[derive(clap::Args)]
#[command(
    after_help = "Replay a dead letter after its reason is gone, for example after a fix: the message is published again to its subject,\n\
    and every consumer of that subject receives it. Those that have processed it skip it. A dead letter is deleted once\n\
    the stream has stored its message, so an interrupted replay can be repeated."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Lists the dead letters, oldest first
    List {
        /// Prints them as JSON, with their payloads
        #[arg(long)]
        json: bool,
    },
    /// Shows a dead letter with its message
    Show {
        /// The number in the first column of the list
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        id: u64,
    },
    /// Publishes the message again, and then deletes the dead letter
    Replay(Selection),
    /// Deletes the dead letter; its message is lost
    Drop(Selection),
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Selection {
    /// The number in the first column of the list
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    id: Option<u64>,
    /// All dead letters, oldest first
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let dead_letters = DeadLetters::open(&status::running(run_dir)?).await?;
    match &args.action {
        Action::List { json: true } => {
            let letters = dead_letters.list().await?;
            terminal::print(&format!("{}\n", serde_json::to_string_pretty(&letters)?))?;
        }
        Action::List { json: false } => terminal::print(&listed(&dead_letters.list().await?))?,
        Action::Show { id } => {
            let letter = dead_letters.find(*id).await?;
            terminal::print(&letter.map_or_else(|| gone(*id), |letter| shown(&letter)))?;
        }
        Action::Replay(selection) => {
            for id in dead_letters.selected(selection).await? {
                terminal::print(&dead_letters.replay(id).await?)?;
            }
        }
        Action::Drop(selection) => {
            for id in dead_letters.selected(selection).await? {
                terminal::print(&dead_letters.drop(id).await?)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The dead-letter stream of a running stage.
struct DeadLetters {
    context: Context,
    stream: Stream,
}

/// One dead letter.
#[derive(Serialize)]
struct DeadLetter {
    id: u64,
    stored_at: Timestamp,
    consumer: String,
    /// Where the message was published.
    subject: Option<String>,
    reason: String,
    /// As JSON if it is JSON, and otherwise as text.
    message: Value,
    #[serde(skip)]
    source: StreamMessage,
}

impl DeadLetters {
    async fn open(stage: &Status) -> Result<Self> {
        let chapter = stage.chapter;
        let Some(nats) = &stage.nats else {
            return Err(
                CannotRun(format!("chapter {chapter} has no NATS, so there are no dead letters")).into()
            );
        };
        let Some(name) = audit::queries::dead_letter_stream(stage)? else {
            let reason = format!("the audit.toml of chapter {chapter} names no stream as `dead_letters`");
            return Err(CannotRun(reason).into());
        };
        let options = async_nats::ConnectOptions::new().connection_timeout(RESPONSE_TIMEOUT);
        let connected = options.request_timeout(Some(RESPONSE_TIMEOUT)).connect(&nats.url).await;
        let client = connected.with_context(|| format!("cannot connect to NATS at {}", nats.url))?;
        let context = jetstream::new(client);
        let stream = context.get_stream(&name).await;
        let stream = stream.with_context(|| format!("cannot read the stream {name}"))?;
        Ok(Self { context, stream })
    }

    async fn list(&self) -> Result<Vec<DeadLetter>> {
        let state = &self.stream.cached_info().state;
        let mut letters = Vec::new();
        if state.messages > 0 {
            for id in state.first_sequence..=state.last_sequence {
                letters.extend(self.find(id).await?);
            }
        }
        Ok(letters)
    }

    async fn selected(&self, selection: &Selection) -> Result<Vec<u64>> {
        Ok(match selection.id {
            Some(id) => vec![id],
            None => self.list().await?.iter().map(|letter| letter.id).collect(),
        })
    }

    /// None if there was a dead letter with this id, and it is gone.
    async fn find(&self, id: u64) -> Result<Option<DeadLetter>> {
        match self.stream.get_raw_message(id).await {
            Ok(message) => Ok(Some(DeadLetter::parse(message)?)),
            Err(error) if error.kind() != LastRawMessageErrorKind::NoMessageFound => {
                Err(error).with_context(|| format!("cannot read dead letter {id}"))
            }
            Err(_) if id > self.stream.cached_info().state.last_sequence => {
                bail!("there has been no dead letter {id}; list them: just dead-letters list")
            }
            Err(_) => Ok(None),
        }
    }

    /// Deletes the dead letter only after its message is stored. The id of the message is always the same, so the stream drops the
    /// duplicate if a replay was interrupted before the deletion and is repeated.
    async fn replay(&self, id: u64) -> Result<String> {
        let Some(letter) = self.find(id).await? else { return Ok(gone(id)) };
        let Some(subject) = letter.subject else {
            bail!(
                "dead letter {id} does not say where its message was published; look at it: just dead-letters show {id}"
            )
        };
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("replay of {}", message_id(&letter.source)));
        let publish = self.context.publish_with_headers(subject.clone(), headers, letter.source.payload);
        let failed = || format!("dead letter {id} is kept: cannot publish its message to {subject}");
        publish.await.with_context(failed)?.await.with_context(failed)?;
        self.delete(id).await?;
        Ok(format!("dead letter {id} replayed: its message is published to {subject} again\n"))
    }

    async fn drop(&self, id: u64) -> Result<String> {
        let Some(_) = self.find(id).await? else { return Ok(gone(id)) };
        self.delete(id).await?;
        Ok(format!("dead letter {id} dropped\n"))
    }

    async fn delete(&self, id: u64) -> Result<()> {
        match self.stream.delete_message(id).await {
            Err(_) if self.find(id).await?.is_none() => Ok(()), // another process was faster
            deleted => deleted.map(|_| ()).with_context(|| format!("cannot delete dead letter {id}")),
        }
    }
}

impl DeadLetter {
    fn parse(source: StreamMessage) -> Result<Self> {
        let header = |name: &str| source.headers.get(name).map(|value| value.as_str().to_owned());
        let text = || Value::from(String::from_utf8_lossy(&source.payload));
        Ok(Self {
            id: source.sequence,
            stored_at: Timestamp::from_second(source.time.unix_timestamp())?,
            consumer: source.subject.split_once('.').map_or("", |(_, consumer)| consumer).to_owned(),
            subject: header("Subject"),
            reason: header("Reason").unwrap_or_default(),
            message: serde_json::from_slice(&source.payload).unwrap_or_else(|_| text()),
            source,
        })
    }
}

/// The id by which the stream recognises the dead letter itself: the stream, sequence number and consumer of its message.
fn message_id(letter: &StreamMessage) -> String {
    let own = letter.headers.get("Nats-Msg-Id").map(ToString::to_string);
    own.unwrap_or_else(|| format!("{} {}", letter.subject, letter.sequence))
}

fn gone(id: u64) -> String {
    format!("dead letter {id} is gone already: it was replayed, dropped, or stored for too long\n")
}

fn listed(letters: &[DeadLetter]) -> String {
    if letters.is_empty() {
        return "there are no dead letters\n".to_owned();
    }
    let mut rows = vec![["id", "stored at", "consumer", "subject", "reason"].map(str::to_owned)];
    rows.extend(letters.iter().map(|letter| {
        let subject = letter.subject.clone().unwrap_or_default();
        [
            letter.id.to_string(),
            letter.stored_at.to_string(),
            letter.consumer.clone(),
            subject,
            letter.reason.clone(),
        ]
    }));
    table(&rows)
}

fn shown(letter: &DeadLetter) -> String {
    let mut facts = vec![
        ["consumer".to_owned(), letter.consumer.clone()],
        ["reason".to_owned(), letter.reason.clone()],
        ["stored at".to_owned(), letter.stored_at.to_string()],
        ["subject".to_owned(), letter.subject.clone().unwrap_or_default()],
    ];
    let payload = &letter.source.payload;
    if letter.message.is_object() {
        let body = json::format_body(payload).join("\n");
        return format!("Dead letter {}\n\n{}\n{body}\n", letter.id, table(&facts));
    }
    facts.push(["payload".to_owned(), payload.escape_ascii().to_string()]);
    format!("Dead letter {}\n\n{}", letter.id, table(&facts))
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::Config;

    use super::*;
    use crate::nats_server::Server;

    const RENAMED: &str = r#"{"type":"user.renamed","data":{"name":"Ada"}}"#;

    /// A stage with the streams `EVENTS` and `DEAD`, and one dead letter for each payload.
    async fn stage(server: &Server, payloads: &[&str]) -> Status {
        std::fs::write(server.store.path().join("audit.toml"), "dead_letters = \"DEAD\"\n").unwrap();
        let context = jetstream::new(async_nats::connect(&server.url).await.unwrap());
        for (name, subject) in [("EVENTS", "events.>"), ("DEAD", "dead.>")] {
            let subjects = vec![subject.to_owned()];
            let config = Config { name: name.to_owned(), subjects, ..Config::default() };
            context.create_stream(config).await.unwrap();
        }
        for (number, payload) in payloads.iter().enumerate() {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("EVENTS {number} orders"));
            headers.insert("Subject", "events.user.renamed");
            headers.insert("Reason", "this name is not allowed");
            let publish = context.publish_with_headers("dead.orders", headers, (*payload).to_owned().into());
            publish.await.unwrap().await.unwrap();
        }
        server.stage()
    }

    async fn open(stage: &Status) -> DeadLetters {
        DeadLetters::open(stage).await.unwrap()
    }

    async fn events(letters: &DeadLetters) -> Vec<StreamMessage> {
        let stream = letters.context.get_stream("EVENTS").await.unwrap();
        let mut events = Vec::new();
        for sequence in 1..=stream.cached_info().state.last_sequence {
            events.push(stream.get_raw_message(sequence).await.unwrap());
        }
        events
    }

    #[tokio::test]
    async fn dead_letters_are_listed_with_consumer_subject_and_reason() {
        let server = Server::start().await;
        let stage = stage(&server, &[RENAMED, "garbage"]).await;
        let letters = open(&stage).await.list().await.unwrap();
        let text = listed(&letters);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].trim_start().starts_with("1 "), "{text}");
        assert!(lines[1].ends_with("orders    events.user.renamed  this name is not allowed"), "{text}");
        let json = serde_json::to_value(&letters).unwrap();
        assert_eq!(json[0]["message"]["data"]["name"], "Ada");
        assert_eq!((&json[1]["id"], &json[1]["message"]), (&2.into(), &"garbage".into()));
        assert_eq!(listed(&[]), "there are no dead letters\n");
    }

    #[tokio::test]
    async fn a_dead_letter_is_shown_with_its_message() {
        let server = Server::start().await;
        let stage = stage(&server, &[RENAMED, "\0garbage"]).await;
        let letters = open(&stage).await;
        let text = shown(&letters.find(1).await.unwrap().unwrap());
        assert!(text.starts_with("Dead letter 1\n") && text.contains("this name is not allowed"), "{text}");
        assert!(text.contains(r#"{"type": "user.renamed", "data": {"name": "Ada"}}"#), "{text}");
        let text = shown(&letters.find(2).await.unwrap().unwrap());
        assert!(text.contains(r"\x00garbage"), "{text}");
    }

    #[tokio::test]
    async fn a_replayed_message_is_published_unchanged_and_its_dead_letter_is_deleted() {
        let server = Server::start().await;
        let stage = stage(&server, &[RENAMED, "garbage"]).await;
        let letters = open(&stage).await;
        assert!(letters.replay(1).await.unwrap().contains("published to events.user.renamed again"));
        let [event] = events(&letters).await.try_into().unwrap();
        assert_eq!((event.subject.as_str(), &*event.payload), ("events.user.renamed", RENAMED.as_bytes()));
        assert_eq!(event.headers.get("Nats-Msg-Id").unwrap().as_str(), "replay of EVENTS 0 orders");
        assert!(letters.replay(1).await.unwrap().starts_with("dead letter 1 is gone already"));
        assert_eq!(events(&letters).await.len(), 1);
        assert_eq!(open(&stage).await.list().await.unwrap().len(), 1, "the other one is still there");
    }

    /// The process that replayed it died after publishing and before deleting.
    #[tokio::test]
    async fn an_interrupted_replay_that_is_repeated_publishes_the_message_once() {
        let server = Server::start().await;
        let stage = stage(&server, &[RENAMED]).await;
        let letters = open(&stage).await;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "replay of EVENTS 0 orders");
        let interrupted =
            letters.context.publish_with_headers("events.user.renamed", headers, RENAMED.into());
        interrupted.await.unwrap().await.unwrap();
        letters.replay(1).await.unwrap();
        assert_eq!(events(&letters).await.len(), 1);
        assert!(letters.find(1).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_dead_letter_whose_message_cannot_be_published_is_kept() {
        let server = Server::start().await;
        let stage = stage(&server, &[RENAMED]).await;
        let letters = open(&stage).await;
        letters.context.delete_stream("EVENTS").await.unwrap();
        let error = letters.replay(1).await.unwrap_err();
        assert!(error.to_string().starts_with("dead letter 1 is kept"), "{error:#}");
        assert!(letters.find(1).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_dropped_dead_letter_is_gone_and_its_message_is_not_published() {
        let server = Server::start().await;
        let stage = stage(&server, &[RENAMED, "garbage", RENAMED]).await;
        let letters = open(&stage).await;
        assert_eq!(letters.drop(2).await.unwrap(), "dead letter 2 dropped\n");
        assert!(letters.drop(2).await.unwrap().starts_with("dead letter 2 is gone already"));
        let all = Selection { id: None, all: true };
        assert_eq!(open(&stage).await.selected(&all).await.unwrap(), [1, 3]);
        assert!(events(&letters).await.is_empty());
    }

    #[tokio::test]
    async fn an_id_that_never_existed_is_an_error() {
        let server = Server::start().await;
        let stage = stage(&server, &[RENAMED]).await;
        for error in
            [open(&stage).await.replay(2).await.unwrap_err(), open(&stage).await.drop(2).await.unwrap_err()]
        {
            assert!(error.to_string().starts_with("there has been no dead letter 2"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_stage_without_nats_or_without_dead_letters_is_refused() {
        let server = Server::start().await;
        let mut stage = server.stage();
        let refusal = async |stage: &Status| DeadLetters::open(stage).await.err().unwrap().to_string();
        let unnamed = refusal(&stage).await;
        assert_eq!(unnamed, "the audit.toml of chapter 1 names no stream as `dead_letters`");
        stage.nats = None;
        assert_eq!(refusal(&stage).await, "chapter 1 has no NATS, so there are no dead letters");
    }
}

//! Asks, and asks again under the same key while that may help.

use std::{
    cell::RefCell,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use audit::journal::{Answered, Asked, Operation};
use fastrand::Rng;
use jiff::Timestamp;
use shop_client::{Answer, Request};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    connections::Connections,
    market::Notes,
    record::{Ending, Kind, Lost, Record},
};

/// How long a client waits, and how it repeats itself.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one attempt to be answered.
    pub attempt: Duration,
    /// For a question to be answered well, all attempts together.
    pub question: Duration,
    /// Before the second attempt; twice as long before each further one, up to [`Patience::longest_pause`].
    pub first_pause: Duration,
    /// See [`Patience::first_pause`].
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(5),
            question: Duration::from_secs(30),
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(1),
        }
    }
}

/// Something to ask, and which statuses are what one hopes for.
pub(crate) struct Question<'a> {
    pub(crate) kind: Kind,
    pub(crate) request: Request,
    pub(crate) due: Instant,
    pub(crate) wanted: &'a [u16],
    /// What goes into the journal: who asks for what, under which key. What changes nothing is not written down.
    pub(crate) note: Option<(Uuid, &'a Operation, Option<&'a str>)>,
}

/// Asks for all visitors of a load.
pub(crate) struct Asker {
    pub(crate) connections: Connections,
    pub(crate) record: RefCell<Record>,
    pub(crate) notes: Arc<Notes>,
    pub(crate) in_flight: Arc<AtomicUsize>,
    pub(crate) patience: Patience,
}

/// What an attempt came to.
enum Attempt {
    Good(Answer),
    /// Worth another attempt, after this long at least.
    Later(String, Duration),
    Bad(String),
}

impl Asker {
    /// Asks until it is well answered. None when it was given up.
    pub(crate) async fn ask(&self, question: Question<'_>, rng: &mut Rng) -> Option<Answer> {
        let Question { kind, due, .. } = question;
        let mut pause = self.patience.first_pause;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let cause = match self.attempt(&question).await {
                Attempt::Good(answer) => {
                    self.end(Ending { kind, due, answered: Some(Instant::now()), attempts });
                    return Some(answer);
                }
                Attempt::Later(cause, at_least) if due.elapsed() + pause < self.patience.question => {
                    self.count(cause);
                    // Up to half longer, so that not everybody who was refused comes back at once.
                    sleep(pause.max(at_least).mul_f64(1.0 + rng.f64() / 2.0)).await;
                    pause = (pause * 2).min(self.patience.longest_pause);
                    continue;
                }
                Attempt::Later(cause, _) | Attempt::Bad(cause) => cause,
            };
            self.count(cause);
            self.end(Ending { kind, due, answered: None, attempts });
            return None;
        }
    }

    async fn attempt(&self, question: &Question<'_>) -> Attempt {
        let (sent, sent_at) = (Instant::now(), Timestamp::now());
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let answer = self.connections.send(&question.request).await;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.record.borrow_mut().attempts += 1;
        if let Some((caller, operation, key)) = question.note {
            self.notes.write(Asked {
                caller,
                operation: operation.clone(),
                key: key.map(str::to_owned),
                sent: sent_at,
                ended: Timestamp::now(),
                answer: answer.as_ref().ok().map(Answered::from),
            });
        }
        let attempt = match answer {
            Ok(answer) => judge(question, answer),
            Err(why) => Attempt::Later(cause(question.kind, why.name()), Duration::ZERO),
        };
        if let Attempt::Later(..) = attempt {
            self.record.borrow_mut().lost.push(Lost { sent, ended: Instant::now() });
        }
        attempt
    }

    fn count(&self, cause: String) {
        *self.record.borrow_mut().causes.entry(cause).or_default() += 1;
    }

    fn end(&self, ending: Ending) {
        self.record.borrow_mut().add(ending);
    }
}

fn judge(question: &Question, answer: Answer) -> Attempt {
    let status = answer.status.as_u16();
    if question.wanted.contains(&status) {
        return Attempt::Good(answer);
    }
    let cause = cause(question.kind, &status.to_string());
    match status {
        429 | 503 | 504 => Attempt::Later(cause, Duration::from_secs(answer.retry_after().unwrap_or(0))),
        _ => Attempt::Bad(cause),
    }
}

fn cause(kind: Kind, what: &str) -> String {
    format!("{}: {what}", kind.name())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use audit::Journal;
    use axum::{
        Router,
        extract::State,
        http::{HeaderMap, StatusCode},
        routing::post,
    };
    use shop_client::Routes;
    use tokio::{net::TcpListener, task::LocalSet};

    use super::*;

    type Keys = Arc<Mutex<Vec<String>>>;

    /// A shop that answers each question with the next of these statuses, or not at all where there is none left.
    async fn shop(statuses: &'static [u16]) -> (Routes, Keys) {
        let keys = Keys::default();
        let answer = async move |State(keys): State<Keys>, headers: HeaderMap| {
            let asked = {
                let mut keys = keys.lock().unwrap();
                keys.push(headers["idempotency-key"].to_str().unwrap().to_owned());
                keys.len()
            };
            match statuses.get(asked - 1) {
                Some(status) => StatusCode::from_u16(*status).unwrap(),
                None => std::future::pending().await,
            }
        };
        let router = Router::new().route("/orders", post(answer)).with_state(Arc::clone(&keys));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        (Routes::try_from(&[("/".to_owned(), base)].into()).unwrap(), keys)
    }

    /// Places an order in such a shop; gives the answer's status, the record, the journal and the keys that the shop saw.
    async fn place(statuses: &'static [u16]) -> (Option<u16>, Record, Journal, Vec<String>) {
        let (routes, keys) = shop(statuses).await;
        let patience = Patience {
            attempt: Duration::from_millis(100),
            question: Duration::from_millis(400),
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(300),
        };
        let asker = Asker {
            connections: Connections::new(routes, patience.attempt),
            record: RefCell::new(Record::begin(Instant::now(), Duration::ZERO)),
            notes: Arc::new(Notes::begin()),
            in_flight: Arc::default(),
            patience,
        };
        let operation = Operation::PlaceOrder { lines: Vec::new() };
        let question = Question {
            kind: Kind::Place,
            request: operation.request(Some("a key")),
            due: Instant::now(),
            wanted: &[201],
            note: Some((Uuid::nil(), &operation, Some("a key"))),
        };
        let answer = LocalSet::new().run_until(asker.ask(question, &mut Rng::with_seed(1))).await;
        let keys = keys.lock().unwrap().clone();
        (answer.map(|answer| answer.status.as_u16()), asker.record.into_inner(), asker.notes.journal(), keys)
    }

    #[tokio::test]
    async fn what_is_refused_for_now_is_asked_again_under_the_same_key_and_written_down_each_time() {
        let (status, record, journal, keys) = place(&[503, 429, 504, 201]).await;
        assert_eq!((status, keys), (Some(201), vec!["a key".to_owned(); 4]));
        let figures = record.figures(&[Kind::Place], record.warm..record.end());
        assert_eq!((figures.failed_at_first, figures.failed, figures.retries), (1, 0, 3));
        assert_eq!((journal.requests.len(), record.lost.len()), (4, 3));
    }

    #[tokio::test]
    async fn a_refusal_for_good_is_not_asked_again() {
        let (status, record, _, keys) = place(&[422, 201]).await;
        assert_eq!((status, keys.len()), (None, 1));
        assert_eq!(record.causes, [("place: 422".to_owned(), 1)].into());
    }

    #[tokio::test]
    async fn who_gets_no_answer_asks_again_and_gives_up_in_the_end() {
        let (status, record, journal, keys) = place(&[]).await;
        assert!(status.is_none() && keys.len() > 1);
        assert_eq!(record.figures(&[Kind::Place], record.warm..record.end()).failed, 1);
        assert!(journal.requests.iter().all(|asked| asked.answer.is_none()));
    }
}

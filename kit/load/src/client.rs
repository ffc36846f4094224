//! A client that retries a request under the same idempotency key while a retry may help.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use audit::journal::{Operation, RecordedRequest, RecordedResponse};
use fastrand::Rng;
use jiff::Timestamp;
use shop_client::{Request, Response};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    connections::Connections,
    record::{FinishedRequest, Record, RequestKind},
    test_data::JournalWriter,
    traffic::{FailedAttempt, Traffic},
};

/// How long a client waits for a response, and how it retries.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// The timeout of one attempt.
    pub attempt_timeout: Duration,
    /// No retry begins later than this, counted from when the request was due.
    pub retry_for: Duration,
    /// The pause before the first retry. It doubles with each retry, up to [`RetryPolicy::max_backoff`].
    pub first_backoff: Duration,
    /// See [`RetryPolicy::first_backoff`].
    pub max_backoff: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(5),
            retry_for: Duration::from_secs(30),
            first_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(1),
        }
    }
}

/// A request of a visitor, and the statuses that count as a success.
pub(crate) struct Call<'a> {
    pub(crate) kind: RequestKind,
    pub(crate) request: Request,
    pub(crate) due: Instant,
    pub(crate) expected: &'a [u16],
    /// The journal entry of a write: the caller, the operation and its idempotency key. None for a read.
    pub(crate) write: Option<(Uuid, &'a Operation, Option<&'a str>)>,
}

/// The client that all visitors of a load share.
pub(crate) struct RetryingClient {
    pub(crate) connections: Connections,
    pub(crate) record: RefCell<Record>,
    pub(crate) journal: Arc<JournalWriter>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) policy: RetryPolicy,
}

/// The result of one attempt.
enum Attempt {
    Succeeded(Response),
    /// The cause, and the shortest pause before the next attempt.
    Retry(String, Duration),
    Failed(String),
}

impl RetryingClient {
    /// Sends a request until it succeeds. None: it was refused for good, or it failed after retries.
    pub(crate) async fn send(&self, call: Call<'_>, rng: &mut Rng) -> Option<Response> {
        let Call { kind, due, .. } = call;
        let mut backoff = self.policy.first_backoff;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let cause = match self.attempt(&call).await {
                Attempt::Succeeded(answer) => {
                    self.finish(FinishedRequest { kind, due, succeeded: Some(Instant::now()), attempts });
                    return Some(answer);
                }
                Attempt::Retry(cause, at_least) if due.elapsed() + backoff < self.policy.retry_for => {
                    self.count_failure(cause);
                    // Jitter of up to half the pause, so that refused clients do not all come back at once.
                    sleep(backoff.max(at_least).mul_f64(1.0 + rng.f64() / 2.0)).await;
                    backoff = (backoff * 2).min(self.policy.max_backoff);
                    continue;
                }
                Attempt::Retry(cause, _) | Attempt::Failed(cause) => cause,
            };
            self.count_failure(cause);
            self.finish(FinishedRequest { kind, due, succeeded: None, attempts });
            return None;
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Attempt {
        let is_write = call.write.is_some();
        let (sent, sent_at) = (Instant::now(), Timestamp::now());
        self.traffic.begin(is_write);
        let answer = self.connections.send(&call.request).await;
        self.record.borrow_mut().attempts += 1;
        if let Some((caller, operation, key)) = call.write {
            self.journal.write(RecordedRequest {
                caller,
                operation: operation.clone(),
                key: key.map(str::to_owned),
                sent_at,
                ended_at: Timestamp::now(),
                response: answer.as_ref().ok().map(RecordedResponse::from),
            });
        }
        let attempt = match answer {
            Ok(answer) => judge(call, answer),
            Err(error) => Attempt::Retry(cause(call.kind, &error.to_string()), Duration::ZERO),
        };
        let failed = matches!(attempt, Attempt::Retry(..));
        self.traffic.end(failed.then(|| FailedAttempt { sent, ended: Instant::now(), is_write }));
        attempt
    }

    fn count_failure(&self, cause: String) {
        *self.record.borrow_mut().failed_attempts.entry(cause).or_default() += 1;
    }

    fn finish(&self, request: FinishedRequest) {
        self.record.borrow_mut().add(request);
    }
}

fn judge(call: &Call, answer: Response) -> Attempt {
    let status = answer.status.as_u16();
    if call.expected.contains(&status) {
        return Attempt::Succeeded(answer);
    }
    let cause = cause(call.kind, &status.to_string());
    match status {
        429 | 503 | 504 => Attempt::Retry(cause, Duration::from_secs(answer.retry_after().unwrap_or(0))),
        _ => Attempt::Failed(cause),
    }
}

fn cause(kind: RequestKind, what: &str) -> String {
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

    /// A shop that answers its first requests with these statuses, and no further request at all.
    async fn shop(statuses: &'static [u16]) -> (Routes, Keys) {
        let keys = Keys::default();
        let answer = async move |State(keys): State<Keys>, headers: HeaderMap| {
            let number = {
                let mut keys = keys.lock().unwrap();
                keys.push(headers["idempotency-key"].to_str().unwrap().to_owned());
                keys.len()
            };
            match statuses.get(number - 1) {
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

    struct Seen {
        status: Option<u16>,
        record: Record,
        journal: Journal,
        /// The idempotency keys that the shop received.
        keys: Vec<String>,
        interrupted: usize,
    }

    /// Places an order in such a shop.
    async fn place(statuses: &'static [u16]) -> Seen {
        let (routes, keys) = shop(statuses).await;
        let policy = RetryPolicy {
            attempt_timeout: Duration::from_millis(100),
            retry_for: Duration::from_millis(400),
            first_backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(300),
        };
        let client = RetryingClient {
            connections: Connections::new(routes, policy.attempt_timeout),
            record: RefCell::new(Record::begin(Instant::now(), Duration::ZERO)),
            journal: Arc::new(JournalWriter::begin()),
            traffic: Arc::default(),
            policy,
        };
        let operation = Operation::PlaceOrder { lines: Vec::new() };
        let call = Call {
            kind: RequestKind::Place,
            request: operation.request(Some("a key")),
            due: Instant::now(),
            expected: &[201],
            write: Some((Uuid::nil(), &operation, Some("a key"))),
        };
        let mut rng = Rng::with_seed(1);
        let sending = async {
            let answer = client.send(call, &mut rng);
            let middle_of_the_first = async {
                sleep(Duration::from_millis(50)).await;
                Instant::now()
            };
            tokio::join!(answer, middle_of_the_first)
        };
        let (answer, moment) = LocalSet::new().run_until(sending).await;
        let keys = keys.lock().unwrap().clone();
        Seen {
            status: answer.map(|answer| answer.status.as_u16()),
            interrupted: client.traffic.interrupted_at(moment).writes,
            record: client.record.into_inner(),
            journal: client.journal.journal(),
            keys,
        }
    }

    #[tokio::test]
    async fn a_temporary_refusal_is_retried_under_the_same_key_and_each_attempt_is_in_the_journal() {
        let seen = place(&[503, 429, 504, 201]).await;
        assert_eq!((seen.status, seen.keys), (Some(201), vec!["a key".to_owned(); 4]));
        let stats = seen.record.stats(&[RequestKind::Place], seen.record.warm..seen.record.end());
        assert_eq!((stats.first_attempt_failed, stats.failed, stats.retries), (1, 0, 3));
        assert_eq!(seen.journal.requests.len(), 4);
    }

    #[tokio::test]
    async fn a_permanent_refusal_is_not_retried() {
        let seen = place(&[422, 201]).await;
        assert_eq!((seen.status, seen.keys.len()), (None, 1));
        assert_eq!(seen.record.failed_attempts, [("place order: 422".to_owned(), 1)].into());
    }

    #[tokio::test]
    async fn a_request_without_a_response_is_retried_and_fails_in_the_end() {
        let seen = place(&[]).await;
        assert!(seen.status.is_none() && seen.keys.len() > 1);
        let stats = seen.record.stats(&[RequestKind::Place], seen.record.warm..seen.record.end());
        assert_eq!((stats.failed, seen.interrupted), (1, 1));
        assert!(seen.journal.requests.iter().all(|request| request.response.is_none()));
    }
}

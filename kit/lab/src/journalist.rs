//! Sends requests and writes down what became of each.

use std::sync::{Mutex, PoisonError};

use audit::{
    Journal,
    journal::{Answered, Asked, Operation},
};
use jiff::Timestamp;
use shop_client::Caller;
use tokio::sync::watch;
use uuid::Uuid;

/// The one who keeps the journal of a load; shared by all who ask.
#[derive(Debug)]
pub struct Journalist {
    journal: Mutex<Journal>,
    traffic: watch::Sender<Traffic>,
}

/// How busy the load is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Requests sent and not answered yet.
    pub in_flight: usize,
    /// Requests answered since the load began.
    pub answered: usize,
}

impl Journalist {
    /// Begins an empty journal.
    pub fn begin() -> Self {
        let journal = Journal { begun: Timestamp::now(), requests: Vec::new() };
        Self { journal: Mutex::new(journal), traffic: watch::Sender::default() }
    }

    /// Asks once. None when no whole answer came.
    pub async fn ask(
        &self,
        caller: &Caller,
        id: Uuid,
        operation: &Operation,
        key: Option<&str>,
    ) -> Option<Answered> {
        let sent = Timestamp::now();
        self.traffic.send_modify(|traffic| traffic.in_flight += 1);
        let answer = caller.send(operation.request(key)).await.ok().map(|answer| Answered::from(&answer));
        let ended = Timestamp::now();
        self.traffic.send_modify(|traffic| {
            traffic.in_flight -= 1;
            traffic.answered += usize::from(answer.is_some());
        });
        self.write(Asked {
            caller: id,
            operation: operation.clone(),
            key: key.map(str::to_owned),
            sent,
            ended,
            answer: answer.clone(),
        });
        answer
    }

    /// Adds what was asked by other means.
    pub fn write(&self, asked: Asked) {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).requests.push(asked);
    }

    /// Follows how busy the load is.
    pub fn traffic(&self) -> watch::Receiver<Traffic> {
        self.traffic.subscribe()
    }

    /// The journal so far.
    pub fn journal(&self) -> Journal {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

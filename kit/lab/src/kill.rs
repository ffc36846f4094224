//! The kill test: `kill -9` of every process of the shop, again and again, always with requests in flight.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use audit::{Journal, Report, journal::Asked};
use fastrand::Rng;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use stage::{Fault, Stage, manifest::PAYMENTS};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Load, load::Running};

/// Requests that have to be answered between a heal and the next kill: the shop has to work in between.
const ANSWERED_BETWEEN: usize = 40;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What only a stage with messages can break.
const MESSAGES: [&str; 2] = ["nothing-poisoned", "no-double-effect"];

/// What to do to a stage.
#[derive(Debug, Clone, Copy)]
pub struct KillTest {
    /// What is asked, and how long each round waits before it kills, follow from it.
    pub seed: u64,
    /// How often everything is killed.
    pub rounds: u32,
    /// Customers who buy meanwhile.
    pub customers: u64,
}

impl Default for KillTest {
    fn default() -> Self {
        Self { seed: 42, rounds: 10, customers: 16 }
    }
}

/// What was done, and what the shop kept.
#[derive(Debug, Serialize)]
pub struct KillReport {
    /// Of the load.
    pub seed: u64,
    /// One for each kill.
    pub rounds: Vec<Round>,
    /// Requests sent, repeats included.
    pub requests: usize,
    /// Orders that the shop acknowledged.
    pub orders: usize,
    /// Whether services of the stage send each other messages.
    pub has_messages: bool,
    /// Judged against the journal.
    pub audit: Report,
}

/// One kill.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Round {
    /// Requests sent before the kill, waited for when it came, and never answered.
    pub cut: usize,
    /// Those of them that the shop had done and not yet said so: their first answer was a stored one.
    pub done_unsaid: usize,
    /// From the first kill to the last process ready again.
    pub away_ms: u128,
}

impl KillTest {
    /// Runs the test on a stage that nobody else uses.
    ///
    /// # Errors
    /// The test could not be made: the stage does not come back, or a kill met no request. A shop that loses something
    /// is no error, see [`KillReport::unproven`].
    pub async fn run(self, stage: &Stage, mut progress: impl FnMut(u32)) -> Result<KillReport> {
        let status = stage.status();
        let load = Load { seed: self.seed, customers: self.customers };
        let mut load = load.start(&status).await?;
        let mut rng = Rng::with_seed(self.seed);
        let mut kills = Vec::new();
        for round in 1..=self.rounds {
            progress(round);
            let delay = Duration::from_millis(rng.u64(..300));
            kills.push(
                self.kill_and_heal(stage, &mut load, delay)
                    .await
                    .with_context(|| format!("round {round} of the kill test, seed {}", self.seed))?,
            );
        }
        let journal = load.finish().await?;
        let rounds: Vec<_> = kills.into_iter().map(|kill| kill.count(&journal)).collect();
        for (n, round) in (1..).zip(&rounds) {
            ensure!(round.cut > 0, "kill {n} met no request in flight (seed {})", self.seed);
        }
        let acknowledged: HashSet<Uuid> = journal.placed().collect();
        ensure!(!acknowledged.is_empty(), "no order was placed (seed {})", self.seed);
        Ok(KillReport {
            seed: self.seed,
            rounds,
            requests: journal.requests.len(),
            orders: acknowledged.len(),
            has_messages: status.nats.is_some(),
            audit: audit::audit(&status, Some(journal)).await?,
        })
    }

    async fn kill_and_heal(self, stage: &Stage, load: &mut Running, delay: Duration) -> Result<Kill> {
        let several = usize::try_from(self.customers)?.div_ceil(4);
        let busy = async {
            let before = load.busy(|_| true).await?.answered;
            load.busy(|traffic| traffic.answered >= before + ANSWERED_BETWEEN).await?;
            tokio::time::sleep(delay).await; // so that the kills meet different moments
            load.busy(|traffic| traffic.in_flight >= several).await
        };
        let busy = tokio::time::timeout(PATIENCE, busy).await;
        busy.context("the load does not get going: the shop does not answer")??;

        let mut services: Vec<_> = stage.status().processes.into_iter().map(|p| p.service).collect();
        services.dedup();
        services.retain(|service| service != PAYMENTS);
        let (at, started) = (Timestamp::now(), Instant::now());
        for service in &services {
            stage.apply(Fault::Kill, service).await?;
        }
        // All at once, as after a power cut: who needs whom is theirs to sort out.
        try_join_all(services.iter().map(|service| stage.apply(Fault::Heal, service))).await?;
        Ok(Kill { at, away: started.elapsed() })
    }
}

/// When a kill happened.
struct Kill {
    at: Timestamp,
    away: Duration,
}

impl Kill {
    fn count(&self, journal: &Journal) -> Round {
        let mut answers: HashMap<_, bool> = HashMap::new();
        for Asked { caller, key, answer, .. } in &journal.requests {
            if let (Some(key), Some(answer)) = (key, answer) {
                answers.entry((caller, key)).or_insert(answer.replayed);
            }
        }
        let is_cut =
            |asked: &&Asked| asked.answer.is_none() && asked.sent < self.at && asked.ended >= self.at;
        let cut: Vec<_> = journal.requests.iter().filter(is_cut).collect();
        let was_done = |cut: &&&Asked| {
            cut.key.as_ref().is_some_and(|key| answers.get(&(&cut.caller, key)) == Some(&true))
        };
        Round {
            cut: cut.len(),
            done_unsaid: cut.iter().filter(was_done).count(),
            away_ms: self.away.as_millis(),
        }
    }
}

impl KillReport {
    /// The invariants that are broken, or that could not be judged though the stage has what they are about.
    pub fn unproven(&self) -> Vec<&'static str> {
        let mut unproven = self.audit.not_checkable();
        unproven.retain(|invariant| self.has_messages || !MESSAGES.contains(invariant));
        unproven.extend(self.audit.broken());
        unproven
    }
}

impl fmt::Display for KillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  kill    requests cut    of them done    away")?;
        for (n, Round { cut, done_unsaid, away_ms }) in (1..).zip(&self.rounds) {
            writeln!(f, "  {n:>4}    {cut:>12}    {done_unsaid:>12}    {away_ms:>4} ms")?;
        }
        let cut: usize = self.rounds.iter().map(|round| round.cut).sum();
        let (kills, requests, orders) = (self.rounds.len(), self.requests, self.orders);
        writeln!(
            f,
            "\n{kills} kills cut {cut} of {requests} requests; {orders} orders were acknowledged (seed {})\n",
            self.seed
        )?;
        self.audit.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use audit::journal::{Answered, Operation};
    use jiff::SignedDuration;
    use serde_json::Value;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    fn asked(key: &str, sent: i64, replayed: Option<bool>) -> Asked {
        Asked {
            caller: Uuid::nil(),
            operation: Operation::PlaceOrder { lines: vec![] },
            key: Some(key.to_owned()),
            sent: at(sent),
            ended: at(sent + 2),
            answer: replayed.map(|replayed| Answered { status: 201, replayed, body: Value::Null }),
        }
    }

    fn count(requests: Vec<Asked>) -> Round {
        let kill = Kill { at: at(20), away: Duration::from_millis(90) };
        kill.count(&Journal { begun: at(0), requests })
    }

    #[test]
    fn only_what_was_in_flight_at_the_kill_and_never_answered_was_cut_by_it() {
        let of_the_kill_before = asked("a", 9, None);
        let answered = asked("b", 15, Some(false));
        let cut = asked("c", 19, None);
        let refused_while_away = asked("d", 21, None);
        assert_eq!(count(vec![of_the_kill_before, answered, cut, refused_while_away]).cut, 1);
    }

    #[test]
    fn a_cut_request_was_done_when_its_first_answer_is_a_stored_one() {
        let done = [asked("a", 19, None), asked("a", 22, Some(true))];
        let repeated_later = [asked("b", 19, None), asked("b", 22, Some(false)), asked("b", 30, Some(true))];
        let round = count([&done[..], &repeated_later].concat());
        assert_eq!((round.cut, round.done_unsaid), (2, 1));
    }
}

//! Runs journeys concurrently and prints their results in the order of the table.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, LocalSet, spawn_local};
use tokio::time::timeout;

use crate::stage::Stage;
use crate::{Journey, Topic, World};

/// The slowest journey waits for a payment provider that does not respond. The limit is several times that, because
/// the machine may be loaded.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The number of journeys by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Totals {
    pub passed: usize,
    pub failed: usize,
}

/// The result of a journey.
struct Outcome {
    took: Duration,
    failure: Option<Failure>,
}

impl Outcome {
    fn from_panic(panic: &JoinError) -> Self {
        let failure = Failure { reason: format!("the journey panicked: {panic}"), evidence: String::new() };
        Self { took: Duration::ZERO, failure: Some(failure) }
    }
}

struct Failure {
    reason: String,
    /// The requests and responses to show, in full.
    evidence: String,
}

/// Returns the journeys, with their topics, that fit this kind of stage and whose `topic: rule` contains `filter`.
pub fn choose(topics: &[Topic], short_lived: bool, filter: &str) -> Vec<(&'static str, Journey)> {
    let fitting = topics.iter().filter(|topic| topic.short_lived == short_lived);
    let all = fitting.flat_map(|topic| topic.journeys.iter().map(|journey| (topic.name, *journey)));
    all.filter(|(topic, journey)| format!("{topic}: {}", journey.rule()).contains(filter)).collect()
}

/// Runs `jobs` journeys at a time. Prints one line per journey, then the failures, then the totals.
pub async fn run(stage: &Stage, chosen: Vec<(&'static str, Journey)>, jobs: usize, as_json: bool) -> Totals {
    let local = LocalSet::new();
    local.run_until(run_all(stage, chosen, jobs, as_json)).await
}

async fn run_all(stage: &Stage, chosen: Vec<(&'static str, Journey)>, jobs: usize, as_json: bool) -> Totals {
    let permits = Rc::new(Semaphore::new(jobs));
    let start = |(topic, journey): (&'static str, Journey)| {
        let (stage, permits) = (stage.clone(), Rc::clone(&permits));
        let task = spawn_local(async move {
            let _permit = permits.acquire().await;
            run_one(&stage, journey).await
        });
        (topic, journey, task)
    };
    let started: Vec<_> = chosen.into_iter().map(start).collect();

    let mut outcomes = Vec::new();
    let mut last_topic = "";
    for (topic, journey, task) in started {
        let outcome = task.await.unwrap_or_else(|panic| Outcome::from_panic(&panic));
        if !as_json {
            if topic != last_topic {
                println!("\n{topic}");
                last_topic = topic;
            }
            let mark = if outcome.failure.is_none() { "ok  " } else { "FAIL" };
            println!("  {mark}  {}  ({:.1} s)", journey.rule(), outcome.took.as_secs_f32());
        }
        outcomes.push((topic, journey, outcome));
    }
    let failed = outcomes.iter().filter(|(_, _, outcome)| outcome.failure.is_some()).count();
    let totals = Totals { passed: outcomes.len() - failed, failed };
    if as_json {
        print_json(&outcomes, totals);
    } else {
        print_failures(&outcomes, totals);
    }
    totals
}

async fn run_one(stage: &Stage, journey: Journey) -> Outcome {
    let (world, record) = World::new(stage);
    let started = Instant::now();
    let mut reasons = match timeout(TIMEOUT, (journey.run)(world)).await {
        Ok(Ok(())) => Vec::new(),
        Ok(Err(error)) => vec![format!("{error:#}")],
        Err(_) => vec![format!("the journey timed out after {TIMEOUT:?}")],
    };
    reasons.extend(record.violations());
    let failure =
        (!reasons.is_empty()).then(|| Failure { reason: reasons.join("\n"), evidence: record.evidence() });
    Outcome { took: started.elapsed(), failure }
}

fn print_failures(outcomes: &[(&'static str, Journey, Outcome)], Totals { passed, failed }: Totals) {
    for (topic, journey, outcome) in outcomes {
        let Some(Failure { reason, evidence }) = &outcome.failure else { continue };
        println!("\nFAILED  {topic}: {}", journey.rule());
        for line in reason.lines() {
            println!("  {line}");
        }
        println!("{}", evidence.trim_end());
    }
    println!("\n{passed} passed, {failed} failed");
}

fn print_json(outcomes: &[(&'static str, Journey, Outcome)], Totals { passed, failed }: Totals) {
    let line = |(topic, journey, outcome): &(&'static str, Journey, Outcome)| {
        let failure = outcome.failure.as_ref();
        json!({
            "topic": topic,
            "rule": journey.rule(),
            "passed": failure.is_none(),
            "seconds": outcome.took.as_secs_f64(),
            "reason": failure.map(|failure| &failure.reason),
            "evidence": failure.map(|failure| &failure.evidence),
        })
    };
    let journeys: Vec<_> = outcomes.iter().map(line).collect();
    println!("{:#}", json!({ "passed": passed, "failed": failed, "journeys": journeys }));
}

#[cfg(test)]
mod tests {
    use anyhow::{Result, bail};

    use super::*;

    journeys![a_rule_that_holds, a_rule_that_is_broken, a_rule_that_panics];

    const TOPICS: &[Topic] = &[
        Topic { name: "long", short_lived: false, journeys: JOURNEYS },
        Topic { name: "short", short_lived: true, journeys: JOURNEYS },
    ];

    async fn a_rule_that_holds(_: World) -> Result<()> {
        Ok(())
    }

    async fn a_rule_that_is_broken(_: World) -> Result<()> {
        bail!("the rule is broken")
    }

    async fn a_rule_that_panics(_: World) -> Result<()> {
        panic!("a defect in the suite")
    }

    fn stage() -> Stage {
        let status = r#"{"routes": {"/": "http://127.0.0.1:1"}, "staff": {"email": "", "password": ""}}"#;
        Stage::parse(status).unwrap()
    }

    #[tokio::test]
    async fn a_journey_that_fails_or_panics_is_counted_as_failed() {
        let totals = run(&stage(), choose(TOPICS, false, ""), 2, true).await;
        assert_eq!(totals, Totals { passed: 1, failed: 2 });
    }

    #[test]
    fn journeys_are_selected_by_kind_of_stage_and_by_text() {
        assert_eq!(choose(TOPICS, false, "").len(), 3);
        assert!(choose(TOPICS, true, "").iter().all(|(topic, _)| *topic == "short"));
        assert_eq!(choose(TOPICS, false, "long: a rule that is").len(), 1);
        assert_eq!(choose(TOPICS, false, "nothing").len(), 0);
    }
}

//! Runs one test, alone in a process group of its own, for so long and no longer.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;
use stage::{Guard, guard::ProcessGroup};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

use crate::build::Program;

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It failed.
    Failed {
        /// What it said, in the words of its assertion or of the code that panicked.
        said: String,
    },
    /// It was not done in time, and was ended.
    Hung {
        /// The time it had.
        seconds: u64,
    },
    /// There is no test of that name in the program.
    Missing,
}

/// How much of a test's output is read; one that prints for ever is ended by its time.
const OUTPUT: u64 = 4 << 20;

/// Runs a test by its whole name, told of a NATS server where there is one.
///
/// # Errors
/// The program cannot be started.
pub async fn run(
    program: &Program,
    name: &str,
    limit: Duration,
    nats: Option<&Path>,
    guard: &Guard,
) -> Result<Verdict> {
    let mut command = Command::new(&program.file);
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).current_dir(&program.folder);
    command.env_clear().envs(stage::environment::inherited()).env("RUST_BACKTRACE", "0");
    command.envs(nats.map(|server| ("NATS_SERVER", server)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().with_context(|| format!("cannot run {}", program.file.display()))?;
    let group = ProcessGroup::watched(child.id(), guard);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = timeout(limit, async {
        let (out, err) = tokio::join!(read(out), read(err));
        child.wait().await.map(|status| (status, out, err))
    });
    let ended = ended.await;
    drop(group); // whatever it left behind ends with it
    let Ok(ended) = ended else {
        child.kill().await.ok(); // if it did not heed the first signal
        return Ok(Verdict::Hung { seconds: limit.as_secs() });
    };
    let (status, out, err) = ended?;
    Ok(match (status.success(), out.contains("test result: ok. 1 passed")) {
        (true, true) => Verdict::Passed,
        (true, false) if out.contains("running 1 test") => {
            Verdict::Failed { said: "the process was ended in the middle of the test".to_owned() }
        }
        (true, false) => Verdict::Missing,
        (false, _) => Verdict::Failed { said: said(&err, &out) },
    })
}

async fn read(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(OUTPUT).read_to_end(&mut bytes).await.ok();
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await.ok();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The panics in an output, each with its place; without the words that every panic has.
fn said(err: &str, out: &str) -> String {
    let mut panics: Vec<Vec<&str>> = Vec::new();
    let mut in_panic = false;
    for line in err.lines() {
        if let Some((_, place)) = line.split_once(" panicked at ") {
            panics.push(vec![place.trim_end_matches(':')]);
            in_panic = true;
        } else if line.starts_with("note: ") || line.trim().is_empty() || line.starts_with("test result") {
            in_panic = false;
        } else if in_panic && let Some(panic) = panics.last_mut() {
            panic.push(line);
        }
    }
    let mut told = Vec::new();
    for panic in panics {
        let [place, words @ ..] = panic.as_slice() else { continue };
        let text = format!("{}\n  at {}", words.join("\n"), position(place));
        if !told.contains(&text) {
            told.push(text); // a loop may panic a hundred times
        }
    }
    if told.is_empty() {
        // A test that returns an error prints it among its results.
        let error = out.lines().find(|line| line.trim_start().starts_with("Error: "));
        told.push(error.unwrap_or("it ended without a word").trim().to_owned());
    }
    told.join("\n")
}

/// `src/lib.rs:3:5` without the column.
fn position(place: &str) -> &str {
    place.rsplit_once(':').map_or(place, |(position, _)| position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_said_is_its_panics_with_their_places_each_once() {
        let err = "\nthread 'tokio-runtime-worker' (71) panicked at shop/src/a.rs:7:5:\nnot yet implemented: sell\n\
            note: run with `RUST_BACKTRACE=1`\nthread 'x' (72) panicked at shop/src/a.rs:7:5:\nnot yet implemented: sell\n\n\
            thread 't' (70) panicked at shop/tests/api/t.rs:9:1:\nassertion `left == right` failed: before 404\n  left: 1\n right: 2\n\n";
        let expected = "not yet implemented: sell\n  at shop/src/a.rs:7\n\
            assertion `left == right` failed: before 404\n  left: 1\n right: 2\n  at shop/tests/api/t.rs:9";
        assert_eq!(said(err, ""), expected);
        assert_eq!(said("", "test t ... Error: Busy\n"), "it ended without a word");
    }
}

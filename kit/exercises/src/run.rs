//! Runs one test, alone in its own process group and with a time limit.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;
use stage::{Guard, guard::ProcessGroup};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

use crate::build::Program;

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It failed.
    Failed {
        /// What it printed: the message of its assertion or of the code that panicked.
        message: String,
    },
    /// It exceeded its time limit and was killed.
    TimedOut {
        /// The time limit.
        seconds: u64,
    },
    /// The program contains no test of that name.
    Missing,
    /// It was not run, because a test before it failed.
    Skipped,
}

/// How much of a test's output is read. A test that prints without end is stopped by its time limit.
const MAX_OUTPUT: u64 = 4 << 20;

/// How tests are run.
#[derive(Debug)]
pub struct Runner<'a> {
    /// The time limit of each test.
    pub limit: Duration,
    /// Variables that the test sees in addition to those of the user.
    pub environment: Vec<(&'static str, String)>,
    /// Kills the test if this process dies.
    pub guard: &'a Guard,
}

impl Runner<'_> {
    /// Runs a test by its full name.
    ///
    /// # Errors
    /// The program cannot be started.
    pub async fn run(&self, program: &Program, name: &str) -> Result<Verdict> {
        let mut command = Command::new(&program.file);
        command.args([name, "--exact", "--nocapture", "--test-threads=1"]).current_dir(&program.folder);
        command.env_clear().envs(stage::environment::inherited()).env("RUST_BACKTRACE", "0");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().with_context(|| format!("cannot run {}", program.file.display()))?;
        let group = ProcessGroup::watched(child.id(), self.guard);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let ended = timeout(self.limit, async {
            let (out, err) = tokio::join!(read(out), read(err));
            child.wait().await.map(|status| (status, out, err))
        });
        let ended = ended.await;
        drop(group); // sends SIGTERM to whatever the test left running
        let Ok(ended) = ended else {
            child.kill().await.ok(); // in case it ignored the first signal
            return Ok(Verdict::TimedOut { seconds: self.limit.as_secs() });
        };
        let (status, out, err) = ended?;
        Ok(verdict(status.success(), &out, &err))
    }
}

fn verdict(success: bool, out: &str, err: &str) -> Verdict {
    match (success, out.contains("test result: ok. 1 passed")) {
        (true, true) => Verdict::Passed,
        (true, false) if out.contains("running 1 test") => {
            Verdict::Failed { message: "the process exited in the middle of the test".to_owned() }
        }
        (true, false) => Verdict::Missing,
        (false, _) => Verdict::Failed { message: failure_message(err, out) },
    }
}

async fn read(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(MAX_OUTPUT).read_to_end(&mut bytes).await.ok();
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await.ok();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The panics in an output, each with its location and without the text that is common to all panics.
fn failure_message(err: &str, out: &str) -> String {
    let mut panics: Vec<Vec<&str>> = Vec::new();
    let mut in_panic = false;
    for line in err.lines() {
        if let Some((_, location)) = line.split_once(" panicked at ") {
            panics.push(vec![location.trim_end_matches(':')]);
            in_panic = true;
        } else if line.starts_with("note: ") || line.trim().is_empty() || line.starts_with("test result") {
            in_panic = false;
        } else if in_panic && let Some(panic) = panics.last_mut() {
            panic.push(line);
        }
    }
    let mut messages = Vec::new();
    for panic in panics {
        let [location, lines @ ..] = panic.as_slice() else { continue };
        let text = format!("{}\n  at {}", lines.join("\n"), without_column(location));
        if !messages.contains(&text) {
            messages.push(text); // a loop may panic a hundred times
        }
    }
    if messages.is_empty() {
        // A test that returns an error prints it among its results.
        let error = out.lines().find(|line| line.trim_start().starts_with("Error: "));
        messages.push(error.unwrap_or("the test failed without a message").trim().to_owned());
    }
    messages.join("\n")
}

/// `src/lib.rs:3` for `src/lib.rs:3:5`.
fn without_column(location: &str) -> &str {
    location.rsplit_once(':').map_or(location, |(line, _)| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_message_contains_each_panic_once_with_its_location() {
        let err = "\nthread 'tokio-runtime-worker' (71) panicked at shop/src/a.rs:7:5:\nnot yet implemented: sell\n\
            note: run with `RUST_BACKTRACE=1`\nthread 'x' (72) panicked at shop/src/a.rs:7:5:\nnot yet implemented: sell\n\n\
            thread 't' (70) panicked at shop/tests/api/t.rs:9:1:\nassertion `left == right` failed: before 404\n  left: 1\n right: 2\n\n";
        let expected = "not yet implemented: sell\n  at shop/src/a.rs:7\n\
            assertion `left == right` failed: before 404\n  left: 1\n right: 2\n  at shop/tests/api/t.rs:9";
        assert_eq!(failure_message(err, ""), expected);
        assert_eq!(failure_message("", "test t ... Error: Busy\n"), "the test failed without a message");
    }
}

//! Runs the shell commands of the README as a reader types them, so that they cannot become wrong.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use stage::{Course, RunFolder, Status, guard::ProcessGroup, run::status_file};
use tokio::process::{Child, Command};

/// How long a chapter may take to compile and start.
const START: Duration = Duration::from_mins(15);
/// Installs `just`, which the other commands need. It is installed already where this test runs.
const NOT_RUN: &str = "cargo install ";

/// The commands for one chapter: from its `just chapter N` to the next one. None if the README does not start that chapter.
///
/// # Errors
/// There is no README.
pub fn commands(course: &Course, chapter: u32) -> Result<Option<Vec<String>>> {
    let readme = fs::read_to_string(course.root.join("README.md")).context("cannot read README.md")?;
    Ok(sessions(&readme).into_iter().find(|session| started_chapter(&session[0]) == Some(chapter)))
}

/// Runs the commands for a chapter with a run folder of their own, one after the other. Each must succeed. `just chapter` runs in the
/// background until the end, as in a second terminal.
///
/// # Errors
/// A command failed.
pub async fn run(course: &Course, run_dir: &Path, chapter: u32) -> Result<()> {
    let commands = commands(course, chapter)?.context("the README does not start this chapter")?;
    let mut launcher = None;
    for line in &commands {
        println!("$ {line}");
        let mut child = shell(course, run_dir, line)?;
        let group = ProcessGroup::led_by(child.id());
        if started_chapter(line).is_some() {
            wait_until_ready(&mut child, run_dir)
                .await
                .with_context(|| format!("`{line}` does not start"))?;
            launcher = Some((child, group));
        } else {
            let status = child.wait().await?;
            ensure!(status.success(), "`{line}` failed: {status}");
        }
    }
    let Some((mut child, _group)) = launcher else { bail!("no chapter was started") };
    RunFolder::stop_holder(run_dir).await?; // the README stops the stage itself, unless a line is missing
    let status = child.wait().await?;
    ensure!(status.success(), "`{}` ended with {status}", commands[0]);
    Ok(())
}

fn shell(course: &Course, run_dir: &Path, line: &str) -> Result<Child> {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(&course.root).process_group(0);
    shell.env_clear().envs(stage::environment::inherited()).env("STEPWISE_RUN_DIR", run_dir);
    // The log of a stage would cover the output of the other commands.
    let output = if started_chapter(line).is_some() { Stdio::null() } else { Stdio::inherit() };
    Ok(shell.stdin(Stdio::null()).stdout(output).spawn()?)
}

async fn wait_until_ready(child: &mut Child, run_dir: &Path) -> Result<()> {
    let started = async {
        // A killed launcher leaves its status file behind, but not its lock.
        while RunFolder::holder(run_dir).is_none() || Status::read(&status_file(run_dir)).is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        ready = tokio::time::timeout(START, started) => ready.context("it is not ready in time"),
        ended = child.wait() => bail!("it ended with {}", ended?),
    }
}

/// The commands of all shell blocks, split before each `just chapter N`. Commands before the first one are not part of a session.
fn sessions(markdown: &str) -> Vec<Vec<String>> {
    let mut sessions: Vec<Vec<String>> = Vec::new();
    for command in shell_commands(markdown) {
        if started_chapter(&command).is_some() {
            sessions.push(vec![command]);
        } else if let Some(session) = sessions.last_mut() {
            session.push(command);
        }
    }
    sessions
}

/// The lines of all `sh` blocks without comments.
fn shell_commands(markdown: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut in_block = false;
    for line in markdown.lines() {
        match line.trim_end() {
            "```sh" => in_block = true,
            "```" => in_block = false,
            line if in_block => {
                let command = line.split(" #").next().unwrap_or_default().trim();
                let is_run =
                    !command.is_empty() && !command.starts_with('#') && !command.starts_with(NOT_RUN);
                commands.extend(is_run.then(|| command.to_owned()));
            }
            _ => {}
        }
    }
    commands
}

fn started_chapter(command: &str) -> Option<u32> {
    command.strip_prefix("just chapter ")?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_a_session_start_with_a_chapter_and_have_no_comments() {
        let markdown = "```sh\ncargo install just --locked # once\njust chapter 1   # a comment\n```\n`just book` and\n\
            ```sh\n# only a comment\njust tour\n```\n```rust\nnot a command\n```\n```sh\njust chapter 8 --scale a=2\njust stop\n```\n";
        assert_eq!(
            sessions(markdown),
            [vec!["just chapter 1", "just tour"], vec!["just chapter 8 --scale a=2", "just stop"]]
        );
    }

    #[test]
    fn the_readme_has_commands_for_chapters_1_and_8_and_each_session_heals_audits_and_stops() {
        let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        for chapter in [1, 8] {
            let commands = commands(&course, chapter).unwrap().unwrap();
            let position = |part: &str| commands.iter().position(|command| command.contains(part)).unwrap();
            assert!(position("kill") < position("heal") && position("heal") < position("just audit"));
            assert_eq!(commands.last().unwrap(), "just stop");
        }
        assert_eq!(commands(&course, 2).unwrap(), None);
    }
}

//! `kit lab` and `kit compare`, which run the program `experiments`.

use std::{path::Path, process::ExitCode};

use anyhow::{Error, Result};
use stage::Course;

use crate::{
    CannotRun,
    delegate::{Args, Profile, compile, exec},
    lists,
    table::table,
};

/// Runs an experiment. Without a name, or with an unknown one, it lists the experiments and compiles nothing.
pub(crate) async fn run(course: &Course, run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let experiments = lists::experiments(course)?;
    let known = |name: &str| experiments.iter().any(|[known, _]| known == name);
    let of_a_chapter = |name: &str| {
        let chapters = course.chapters().into_iter().flatten();
        chapters
            .map(|(_, folder)| folder.join("experiments"))
            .any(|folder| folder.join(name).with_extension("toml").is_file())
    };
    let first = args.arguments.first().and_then(|argument| argument.to_str()).unwrap_or_default();
    if first.is_empty() || !(first.starts_with('-') || known(first) || of_a_chapter(first)) {
        let problem = if first.is_empty() {
            "name an experiment".to_owned()
        } else {
            format!("there is no experiment {first}")
        };
        let usage = "just lab EXPERIMENT [CHAPTER]...; the options are in just lab --help";
        return Err(CannotRun(format!("{problem}: {usage}\n\n{}", table(&experiments).trim_end())).into());
    }
    Err(exec_experiments(course, run_dir, "lab", args).await)
}

/// Compiles `experiments` and `limits`, and replaces this process with the former, so that it gets the terminal, the signals and
/// the exit code. The load generator is compiled with optimisations, because it would otherwise take CPU time from the stage.
/// Trial runs (`--quick`, `--debug`, `--help`) use a debug build.
///
/// Returns only on failure.
pub(crate) async fn exec_experiments(course: &Course, run_dir: &Path, command: &str, args: &Args) -> Error {
    let trial = ["--quick", "--debug", "--help", "-h"];
    let is_trial = args.arguments.iter().any(|argument| trial.iter().any(|word| argument == word));
    let profile = if is_trial { Profile::Debug } else { Profile::Release };
    // Both packages in one build, because each alone would have other features and compile dependencies again.
    let options = ["-p", "experiments", "-p", "benches", "--bin", "experiments", "--bin", "limits"];
    match compile(&course.root, "experiments", profile, &options).await {
        Ok(program) => exec(&program, command, args, &[("STEPWISE_RUN_DIR", run_dir)]),
        Err(error) => error,
    }
}

//! The commands for giving a workshop and for writing exercises: the list, a room's page, preparation, proof.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use exercises::{
    Catalogue, Exercise,
    check::Checker,
    list::{self, List},
    prepare,
    progress::Progress,
    proof,
};
use stage::Guard;

use crate::{print, say};

/// How to list the exercises.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    /// Prints one JSON document: {participant, exercises: [{number, id, title, minutes, tests, and the progress}]}
    #[arg(long)]
    json: bool,
    /// The participant's name, for the JSON
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Instead: prints one HTML page of the participants' JSON files in a folder
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["json", "name"])]
    room: Option<PathBuf>,
}

pub(crate) fn list(catalogue: &Catalogue, args: ListArgs) -> Result<ExitCode> {
    if let Some(folder) = args.room {
        print(&list::room(&folder)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let list = List::of(catalogue, &Progress::read(catalogue)?, args.name);
    if args.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&list)?))?;
    } else {
        print(list.text(catalogue)?.trim_start_matches('\n'))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn prepare(catalogue: &Catalogue, guard: &Guard, only_check: bool) -> Result<ExitCode> {
    if !only_check {
        prepare::fetch_and_build(catalogue, guard, say).await?;
    }
    prepare::try_without_network(guard, say).await?;
    print("This machine works without a network.\n")?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn trial(catalogue: &Catalogue, guard: &Guard) -> Result<ExitCode> {
    prepare::trial(catalogue, guard, say).await?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn prove(
    catalogue: &Catalogue,
    guard: &Guard,
    named: &[String],
    json: bool,
) -> Result<ExitCode> {
    let report = |case: &proof::Case| {
        let verdict = if case.holds { "ok    " } else { "FAILED" };
        let proof::Case { number, variant, detail, seconds, .. } = case;
        say(&format!("  {verdict}  {seconds:>5.1} s  {number} {variant}: {detail}"));
    };
    let is_named = |exercise: &&Exercise| {
        let (chapter, number) = (exercise.number.chapter.to_string(), exercise.number.to_string());
        let matches = |name: &String| *name == chapter || *name == number || exercise.has_id(name);
        named.is_empty() || named.iter().any(matches)
    };
    let exercises = catalogue.exercises.iter().filter(is_named);
    let cases = proof::prove(catalogue, exercises, &Checker::new(catalogue, guard), report).await?;
    let failed = cases.iter().filter(|case| !case.holds).count();
    if json {
        print(&format!("{}\n", serde_json::to_string_pretty(&cases)?))?;
    } else {
        let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
        print(&format!("{} of {} cases hold, in {seconds:.0} s\n", cases.len() - failed, cases.len()))?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

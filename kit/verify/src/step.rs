//! The steps of `just test`, and what each of them depends on.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use chain::files::tracked;
use stage::{Chapter, Course};
use toml::{Table, Value};

use crate::{crates::place_of, inputs::Input, readme};

/// Something that passes or fails.
#[derive(Debug)]
pub struct Step {
    /// A unique name: `chapter 1: lints`.
    pub name: String,
    /// The part that it belongs to. A shard contains whole parts.
    pub part: Part,
    /// What it does.
    pub work: Work,
    /// What it depends on. It need not run again until one of these changes.
    pub inputs: Vec<Input>,
}

/// A part of the course that can be tested alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The programs of the kit.
    Kit,
    /// The rules between the chapters.
    Chain,
    /// The stage of a chapter.
    Chapter(u32),
    /// The exercises of a chapter.
    Exercises(u32),
    /// The mutants of a chapter.
    Mutants(u32),
    /// The pages of the book.
    Book,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Checks the formatting of a workspace.
    Formatting(Workspace),
    /// Runs clippy, without warnings.
    Lints(Workspace),
    /// Builds the documentation, without warnings.
    Documentation(Workspace),
    /// Runs the tests of a workspace.
    Tests(Workspace),
    /// Runs a program of the kit with these arguments, and a chapter after them.
    Program(&'static [&'static str], Option<u32>),
    /// On a new stage: the acceptance suite, the tour, and the audit of the resulting data.
    Acceptance(u32),
    /// The same with several instances of each service.
    AcceptanceScaled(u32),
    /// On a stage whose orders and tokens expire soon: the part of the suite that needs that.
    Expiry(u32),
    /// The commands that the README shows for a chapter.
    Readme(u32),
    /// The experiment that kills all processes ten times, in a debug build, because its timings do not matter here.
    PowerCut(u32),
    /// Checks the pages of the book and its recorded output.
    Book,
}

/// A Cargo workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workspace {
    /// The kit and the benchmarks.
    Kit,
    /// The stage of a chapter.
    Stage(u32),
}

/// Steps that run at the same time as those of the other lane. In each lane one runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Steps that need the CPU: compilation and tests.
    Compute,
    /// Steps that wait most of the time for the processes of a stage.
    Stage,
}

impl Step {
    /// The lane in which it runs.
    pub fn lane(&self) -> Lane {
        match self.work {
            Work::Acceptance(_)
            | Work::AcceptanceScaled(_)
            | Work::Expiry(_)
            | Work::Readme(_)
            | Work::PowerCut(_)
            | Work::Program(["mutants", ..], _) => Lane::Stage,
            _ => Lane::Compute,
        }
    }

    /// Its name as a file name.
    pub fn slug(&self) -> String {
        self.name.replace(": ", "-").replace(' ', "-")
    }
}

/// All steps, in the order in which they start.
///
/// # Errors
/// A manifest or a mutant cannot be read.
pub fn all(course: &Course) -> Result<Vec<Step>> {
    let mut chapters = Vec::new();
    for (number, _) in course.chapters()? {
        chapters.push(course.chapter(number)?);
    }
    let mut steps = of_kit();
    for chapter in &chapters {
        steps.extend(of_chapter(course, chapter)?);
    }
    steps.extend(chapters.iter().filter_map(|chapter| exercises(course, chapter)));
    for chapter in &chapters {
        steps.extend(mutants(course, chapter)?);
    }
    steps.extend(of_book());
    Ok(steps)
}

fn of_kit() -> Vec<Step> {
    use Work::{Documentation, Formatting, Lints, Tests};
    let sources =
        ["kit", "benches", "Cargo.toml", "Cargo.lock", "clippy.toml", "rustfmt.toml"].map(Input::below);
    let step = |name: &str, part, work, inputs: &[Input]| Step {
        name: name.to_owned(),
        part,
        work,
        inputs: inputs.to_vec(),
    };
    let kit = Workspace::Kit;
    // Tests of the kit read every manifest, exercise, experiment and page.
    vec![
        step("kit: formatting", Part::Kit, Formatting(kit), &sources),
        step("kit: lints", Part::Kit, Lints(kit), &sources),
        step("kit: documentation", Part::Kit, Documentation(kit), &sources),
        step("kit: tests", Part::Kit, Tests(kit), &[Input::Everything]),
        step("words and links", Part::Chain, Work::Program(&["prose"], None), &[Input::Everything]),
        step(
            "changes between the chapters",
            Part::Chain,
            Work::Program(&["chain", "test"], None),
            &[Input::Everything],
        ),
    ]
}

fn of_chapter(course: &Course, chapter: &Chapter) -> Result<Vec<Step>> {
    let number = chapter.manifest.number;
    let is_in_readme = readme::commands(course, number)?.is_some();
    let stage = Workspace::Stage(number);
    let files = stage_files(course, chapter);
    let sources =
        [&files[..], &["clippy.toml", "rustfmt.toml"].map(Input::below), &[Input::NewCrates(number)]]
            .concat();
    let running = [&files[..], &["kit", "sandbox", "acceptance"].map(Input::Package)].concat();
    let readme = [&running[..], &["README.md", "justfile"].map(Input::below)].concat();
    let lab = ["experiments", "benches", "kit", "sandbox"].map(Input::Package);
    let power_cut = [&files[..], &lab, &[Input::below("experiments/power-cut.toml")]].concat();
    let mut steps = Vec::new();
    let mut add = |what: &str, work, inputs: &Vec<Input>| {
        let name = format!("chapter {number}: {what}");
        steps.push(Step { name, part: Part::Chapter(number), work, inputs: inputs.clone() });
    };
    add("formatting", Work::Formatting(stage), &sources);
    add("lints", Work::Lints(stage), &sources);
    add("documentation", Work::Documentation(stage), &sources);
    add("tests", Work::Tests(stage), &sources);
    add("acceptance", Work::Acceptance(number), &running);
    if chapter.manifest.nats {
        add("acceptance with several instances", Work::AcceptanceScaled(number), &running);
    }
    add("expiry", Work::Expiry(number), &running);
    if is_in_readme {
        add("commands of the README", Work::Readme(number), &readme);
    }
    add("power cut", Work::PowerCut(number), &power_cut);
    Ok(steps)
}

fn exercises(course: &Course, chapter: &Chapter) -> Option<Step> {
    let number = chapter.manifest.number;
    let folder = Path::new("exercises").join(chapter.folder.file_name()?);
    let inputs =
        [&stage_files(course, chapter)[..], &[Input::Below(folder.clone()), Input::Package("exercises")]]
            .concat();
    let work = Work::Program(&["exercises", "prove"], Some(number));
    let step =
        Step { name: format!("exercises of chapter {number}"), part: Part::Exercises(number), work, inputs };
    course.root.join(folder).is_dir().then_some(step)
}

fn mutants(course: &Course, chapter: &Chapter) -> Result<Option<Step>> {
    let number = chapter.manifest.number;
    let folders = mutants_of(course, number)?;
    let is_empty = folders.is_empty();
    let changed = folders.into_iter().map(Input::Below);
    let fixed =
        [Input::Package("mutants"), Input::Package("sandbox"), Input::below("experiments/mutants.toml")];
    let inputs = stage_files(course, chapter).into_iter().chain(changed).chain(fixed).collect();
    let work = Work::Program(&["mutants", "prove", "--chapter"], Some(number));
    let step =
        Step { name: format!("mutants of chapter {number}"), part: Part::Mutants(number), work, inputs };
    Ok((!is_empty).then_some(step))
}

/// The folders of the mutants of a chapter, relative to the root.
fn mutants_of(course: &Course, chapter: u32) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for path in tracked(&course.root.join("mutants"))? {
        let path = Path::new("mutants").join(path);
        if let Some(folder) = path.parent().filter(|_| path.ends_with("mutant.toml")) {
            let text = fs::read_to_string(course.root.join(&path))?;
            let mutant: Table =
                text.parse().with_context(|| format!("{} is not valid TOML", path.display()))?;
            let is_of_chapter = mutant.get("chapter").and_then(Value::as_integer) == Some(chapter.into());
            folders.extend(is_of_chapter.then(|| folder.to_owned()));
        }
    }
    Ok(folders)
}

fn of_book() -> [Step; 2] {
    let offline = Work::Program(&["exercises", "prepare", "--check"], None);
    [("without network", offline), ("book", Work::Book)].map(|(name, work)| Step {
        name: name.to_owned(),
        part: Part::Book,
        work,
        inputs: vec![Input::Everything],
    })
}

/// The folder of a chapter and the workspace of its stage.
fn stage_files(course: &Course, chapter: &Chapter) -> Vec<Input> {
    [&chapter.folder, &chapter.workspace()].map(|folder| Input::Below(place_of(course, folder))).to_vec()
}

//! Runs the mutants of one chapter, and the chapter itself.

use std::path::PathBuf;

use anyhow::{Context, Result};
use exercises::copy::Copy;
use experiments::{
    experiment::{Experiment, Scale},
    lab::Lab,
    report::Report,
    view::View,
};
use load::cores::{self, Cores};
use serde::Serialize;
use stage::{Chapter, Course, Profile};

use crate::Mutant;

/// What became of a mutant.
#[derive(Debug, Clone, Serialize)]
pub struct Caught {
    /// The invariant that it breaks.
    pub invariant: String,
    /// The mutant's name.
    pub mutant: String,
    /// Whether the audit said that this invariant is broken.
    pub caught: bool,
    /// Other invariants that it said are broken, but for those that cannot but break too.
    pub others: Vec<String>,
    /// The first thing that the audit found of the invariant.
    pub found: Option<String>,
}

/// One copy of a chapter, in which its mutants take turns: Cargo compiles again only what they change.
#[derive(Debug)]
pub struct Hunt<'a> {
    course: &'a Course,
    chapter: Chapter,
    stage: Copy,
    folder: PathBuf,
    everywhere: Vec<usize>,
}

/// The load and the faults that each of them gets.
const EXPERIMENT: &str = "mutants";
/// Behind the version of the copy: Cargo would take two workspaces of one version for each other.
const SUFFIX: &str = "mutants";

impl<'a> Hunt<'a> {
    /// Copies a chapter.
    ///
    /// # Errors
    /// There is no such chapter, or a file cannot be read.
    pub fn of(course: &'a Course, number: u32) -> Result<Self> {
        let mut chapter = course.chapter(number)?;
        let folder = course.root.join("work").join("mutants").join(format!("chapter-{number}"));
        chapter.folder.clone_from(&folder);
        ".".clone_into(&mut chapter.manifest.workspace);
        let stage = Copy::of_stage(course, number)?.versioned(SUFFIX);
        Ok(Self { course, chapter, stage, folder, everywhere: cores::available() })
    }

    /// Runs the chapter as it is: whatever the audit says of it is a false alarm.
    ///
    /// # Errors
    /// It cannot be compiled or started.
    pub async fn healthy(&self, seed: u64) -> Result<Report> {
        self.run(&self.stage.clone(), seed).await
    }

    /// Runs a mutant.
    ///
    /// # Errors
    /// It cannot be compiled or started.
    pub async fn catch(&self, mutant: &Mutant, seed: u64) -> Result<Caught> {
        let changed = self.stage.clone().overlaid(&mutant.files)?;
        let report = self.run(&changed, seed).await.with_context(|| format!("mutant {}", mutant.name))?;
        let broken = &report.audit.broken;
        let is_other = |name: &&String| **name != mutant.invariant && !mutant.also.contains(name);
        Ok(Caught {
            invariant: mutant.invariant.clone(),
            mutant: mutant.name.clone(),
            caught: broken.contains_key(&mutant.invariant),
            others: broken.keys().filter(is_other).cloned().collect(),
            found: broken.get(&mutant.invariant).and_then(|found| found.first().cloned()),
        })
    }

    async fn run(&self, files: &Copy, seed: u64) -> Result<Report> {
        files.make(&self.folder)?;
        cores::pin_to(&self.everywhere); // to compile
        let guard = std::env::current_exe()?;
        let lab = Lab::prepare(
            self.course,
            self.chapter.clone(),
            "mutants",
            Profile::Debug,
            Cores::shared(),
            &guard,
        )
        .await?;
        let experiment = Experiment::find(&self.course.root, None, EXPERIMENT)?;
        lab.run(&experiment, &Scale::new(), seed, &View::quiet()).await
    }
}

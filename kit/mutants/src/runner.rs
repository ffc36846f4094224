//! Runs the mutants of one chapter, and the unmodified chapter as a control.

use std::path::PathBuf;

use anyhow::{Context, Result};
use exercises::tree::SourceTree;
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

/// The result of running a mutant.
#[derive(Debug, Clone, Serialize)]
pub struct MutantResult {
    /// The invariant that the mutant breaks.
    pub invariant: String,
    /// The name of the mutant.
    pub mutant: String,
    /// Whether the audit reported this invariant as broken.
    pub caught: bool,
    /// Other invariants that the audit reported as broken, except those in `also`.
    pub others: Vec<String>,
    /// The first violation of the invariant that the audit found.
    pub found: Option<String>,
}

/// Runs mutants of a chapter in one copy of it, one after the other, so that Cargo recompiles only what a mutant changes.
#[derive(Debug)]
pub struct Runner<'a> {
    course: &'a Course,
    chapter: Chapter,
    stage: SourceTree,
    /// The name of the copy.
    copy: String,
    folder: PathBuf,
    all_cores: Vec<usize>,
}

/// The experiment with the load and the faults that every mutant is run with.
const EXPERIMENT: &str = "mutants";

impl<'a> Runner<'a> {
    /// Prepares the copy of a chapter with this name.
    ///
    /// # Errors
    /// The chapter does not exist, or a file cannot be read.
    pub fn new(course: &'a Course, number: u32, copy: &str) -> Result<Self> {
        let mut chapter = course.chapter(number)?;
        let copy = format!("mutants-{copy}");
        let folder = course.root.join("work").join(&copy).join(format!("chapter-{number}"));
        chapter.folder.clone_from(&folder);
        ".".clone_into(&mut chapter.manifest.workspace);
        // Workspaces share compiled crates, and Cargo distinguishes them only by name and version.
        let stage = SourceTree::of_stage(course, number)?.versioned(&copy);
        Ok(Self { course, chapter, stage, copy, folder, all_cores: cores::available() })
    }

    /// Runs the unmodified chapter. Every invariant that the audit reports as broken is a false positive.
    ///
    /// # Errors
    /// The chapter cannot be compiled or started.
    pub async fn run_unmodified(&self, seed: u64) -> Result<Report> {
        self.run(&self.stage.clone(), seed).await
    }

    /// Runs a mutant.
    ///
    /// # Errors
    /// The mutant cannot be compiled or started.
    pub async fn run_mutant(&self, mutant: &Mutant, seed: u64) -> Result<MutantResult> {
        let changed = self.stage.clone().overlaid(&mutant.files)?;
        let report = self.run(&changed, seed).await.with_context(|| format!("mutant {}", mutant.name))?;
        let broken = &report.audit.broken;
        let is_other = |name: &&String| **name != mutant.invariant && !mutant.also.contains(name);
        Ok(MutantResult {
            invariant: mutant.invariant.clone(),
            mutant: mutant.name.clone(),
            caught: broken.contains_key(&mutant.invariant),
            others: broken.keys().filter(is_other).cloned().collect(),
            found: broken.get(&mutant.invariant).and_then(|found| found.first().cloned()),
        })
    }

    async fn run(&self, files: &SourceTree, seed: u64) -> Result<Report> {
        files.replace(&self.folder)?;
        cores::pin_to(&self.all_cores); // compiling uses all cores
        let guard = std::env::current_exe()?;
        let lab = Lab::prepare(
            self.course,
            self.chapter.clone(),
            &self.copy,
            Profile::Debug,
            Cores::shared(),
            &guard,
        )
        .await?;
        let experiment = Experiment::find(&self.course.root, None, EXPERIMENT)?;
        lab.run(&experiment, &Scale::new(), seed, &View::quiet()).await
    }
}

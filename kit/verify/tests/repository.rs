//! The steps of this repository, and the workflow of its code host.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{collections::BTreeSet, fs, path::Path};

use github_actions_models::workflow::{Job, Workflow, job::Step};
use stage::Course;
use verify::{inputs::Inputs, step};

fn course() -> Course {
    Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The names of the steps that run again when a file changes.
fn steps_for(inputs: &Inputs, file: &str) -> BTreeSet<String> {
    let course = course();
    assert!(course.root.join(file).is_file(), "{file}");
    let steps = step::all(&course).unwrap();
    steps.into_iter().filter(|step| inputs.depends_on(step, Path::new(file))).map(|step| step.name).collect()
}

#[test]
fn a_change_of_a_file_runs_the_steps_that_depend_on_it_and_no_others() {
    let inputs = Inputs::read(&course()).unwrap();
    let always = ["kit: tests", "words and links", "changes between the chapters", "without network", "book"];
    let [one, two, eight] = [1, 2, 8].map(|chapter| {
        let all = ["formatting", "lints", "documentation", "tests", "acceptance", "expiry", "power cut"];
        all.map(|what| format!("chapter {chapter}: {what}"))
    });
    let check = |file: &str, run: &[&str], not: &[String]| {
        let steps = steps_for(&inputs, file);
        for step in always.iter().chain(run) {
            assert!(steps.contains(*step), "{file} does not run {step}: {steps:#?}");
        }
        for step in not {
            assert!(!steps.contains(step), "{file} runs {step}");
        }
    };
    let stage: Vec<_> = one.iter().map(String::as_str).chain(["exercises of chapter 1"]).collect();
    check("chapters/01-monolith/shop/src/app.rs", &stage, &[&two[..], &eight].concat());
    let stage: Vec<_> =
        eight.iter().map(String::as_str).chain(["mutants of chapter 8", "exercises of chapter 8"]).collect();
    check("services/orders/src/app.rs", &stage, &[&one[..], &two].concat());
    let contract =
        ["chapter 1: acceptance", "chapter 8: expiry", "chapter 8: acceptance with several instances"];
    check(
        "kit/acceptance/contract/openapi.yaml",
        &contract,
        &["chapter 1: tests", "exercises of chapter 1"].map(str::to_owned),
    );
    let lab = ["chapter 1: power cut", "mutants of chapter 2", "kit: lints"];
    check(
        "kit/experiments/src/lab.rs",
        &lab,
        &["chapter 1: acceptance", "exercises of chapter 1"].map(str::to_owned),
    );
    let stub = "exercises/01-monolith/01-last-unit/exercise.toml";
    check(stub, &["exercises of chapter 1"], &[&one[..], &["exercises of chapter 2".to_owned()]].concat());
    check("mutants/at-rest/mutant.toml", &["mutants of chapter 2"], &["mutants of chapter 8".to_owned()]);
    check("book/src/why.md", &[], &[&one[..], &eight, &["kit: lints".to_owned()]].concat());
    check("README.md", &["chapter 1: commands of the README"], &one);
    check("experiments/power-cut.toml", &["chapter 2: power cut"], &["chapter 2: tests".to_owned()]);
    let rest = step::all(&course()).unwrap().into_iter().map(|step| step.name).collect();
    assert_eq!(
        steps_for(&inputs, ".cargo/config.toml"),
        rest,
        "the configuration of Cargo is an input of every step"
    );
}

#[test]
fn the_digest_of_a_step_changes_with_the_content_and_with_the_existence_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("chapters/README.md", "");
    write("README.md", "no commands");
    let course = Course { root: folder.path().to_owned() };
    let digest = || {
        let steps = step::all(&course).unwrap();
        let step = steps.iter().find(|step| step.name == "book").unwrap();
        Inputs::read(&course).unwrap().digest(step)
    };
    let mut seen = BTreeSet::from([digest()]);
    write("book/src/page.md", "a");
    assert!(seen.insert(digest()), "a new file");
    write("book/src/page.md", "b");
    assert!(seen.insert(digest()), "a changed file");
    fs::rename(folder.path().join("book/src/page.md"), folder.path().join("book/src/other.md")).unwrap();
    assert!(seen.insert(digest()), "a renamed file");
    assert!(!seen.insert(digest()), "nothing has changed");
}

#[test]
fn the_workflow_is_valid_and_only_calls_just() {
    let text = fs::read_to_string(course().root.join(".github/workflows/test.yml")).unwrap();
    let workflow: Workflow = serde_saphyr::from_str(&text).unwrap();
    assert!(serde_saphyr::from_str::<Workflow>(&text.replace("runs-on", "run-on")).is_err());
    let mut commands = Vec::new();
    for job in workflow.jobs.values() {
        let Job::NormalJob(job) = job else { panic!("a reusable workflow") };
        let steps = job.steps.iter();
        commands.extend(
            steps.filter_map(|step| if let Step::Run(run) = step { Some(run.run.clone()) } else { None }),
        );
    }
    assert!(commands.iter().any(|command| command.starts_with("just test --shard")), "{commands:?}");
    for command in commands {
        assert!(
            command.starts_with("just ") || command.ends_with("cargo install just --locked"),
            "{command}"
        );
    }
}

use std::{fs, process::Stdio, time::Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::harness::{Course, Running, until};

const LIB: &str = "work/1.1/till/src/lib.rs";
const TODO: &str = "todo!(\"add them up: {prices:?}\")";

#[test]
fn a_learner_fails_reads_hints_passes_and_is_told_what_is_next() {
    let course = Course::new();
    course.run(&["exercises"]).is(0, &["Chapter 1, A till", "1.1  Add up", "5 min", "Next: just start 1.1"]);
    course.run(&["start", "1.1"]).is(0, &["work/1.1/README.md", LIB, "just check 1.1"]);
    let red = course.run(&["check"]);
    red.is(1, &["1 of 2 pass", "FAILS   a total contains every price", "not yet implemented: add them up"]);
    red.is(1, &["You have not written this part yet; the task is in work/1.1/README.md"]);
    assert!(
        !red.out.contains("RUST_BACKTRACE") && !red.out.contains("thread '"),
        "a bare panic dump: {}",
        red.out
    );
    course.run(&["hint"]).is(0, &["hint 1 of 4", "What is needed?"]);
    course.run(&["hint"]).is(0, &["hint 2 of 4", "A concept."]);
    course.run(&["hint", "1.1", "--number", "1"]).is(0, &["What is needed?"]);
    course.run(&["hint", "1.1", "--number", "4"]).is(0, &["The code."]);

    course.edit(LIB, TODO, "prices.iter().sum::<u32>() + 1");
    course.run(&["check"]).is(
        1,
        &[
            "left: 7",
            "(left is what happened, right is what the test expects)",
            "A price is missing",
            "Hint 1, a question:",
            "What is needed?",
        ],
    );
    course.edit(LIB, "::<u32>() + 1", "()");
    course
        .run(&["check", "1.1"])
        .is(0, &["2 of 2 pass", "It passes", "just solution 1.1", "Next: just start 1.2"]);
    course.run(&["solution"]).is(0, &["identical to the solution"]);
    course.run(&["exercises"]).is(0, &["passed, 4 hints", "Next: just start 1.2"]);
    let listed = &course.json(&["exercises", "--json", "--name", "Ada"]);
    assert_eq!((&listed["participant"], &listed["exercises"][0]["checks"]), (&"Ada".into(), &3.into()));
}

#[test]
fn a_learner_who_begins_in_the_middle_continues_there_and_is_told_what_is_still_open() {
    let course = Course::new();
    course.run(&["start", "1.2"]);
    course.solve("1.2", "till/src/lib.rs");
    course.run(&["check"]).is(0, &["It passes", "Next: just start 1.3", "Still open before it: 1.1"]);
    course.run(&["exercises"]).is(0, &["Next: just start 1.3", "Still open before it: 1.1"]);
    course.run(&["start", "1.3"]);
    course.solve("1.3", "till/greeting.txt");
    course.run(&["check"]).is(0, &["It passes", "Next: just start 1.4", "Still open before it: 1.1"]);
}

#[test]
fn compiler_errors_are_shown_and_no_test_is_run() {
    let course = Course::new();
    course.run(&["start", "total"]);
    course.edit(LIB, TODO, "prices.sum()");
    let check = course.run(&["check", "1.1"]);
    check.is(1, &["1.1 Add up: it does not compile yet", "no method named `sum`", "till/src/lib.rs:9"]);
    let document = course.json(&["check", "1.1", "--json"]);
    assert_eq!(
        (&document["compiles"], &document["passed"], &document["tests"]),
        (&false.into(), &0.into(), &2.into())
    );
    assert!(document["errors"][0].as_str().unwrap().starts_with("error[E0599]"), "{document}");
    course.edit(LIB, "prices.sum()", "}");
    course.run(&["check", "1.1"]).is(1, &["does not compile yet"]);
}

#[test]
fn a_test_whose_process_exits_early_has_not_passed() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    course.edit(LIB, TODO, "let _ = prices; std::process::exit(0)");
    course.run(&["check", "1.1"]).is(1, &["FAILS", "the process exited in the middle of the test"]);
}

#[test]
fn a_test_that_hangs_is_killed_and_reported_as_such() {
    let course = Course::new();
    course.run(&["start", "1.2"]);
    course.edit(
        "work/1.2/till/src/lib.rs",
        "        todo!()",
        "        while !request() {}\n        attempts > 0",
    );
    let since = Instant::now();
    course
        .run(&["check", "1.2"])
        .is(1, &["HANGS", "did not finish within 2 s and was killed", "Nothing ends the retries"]);
    assert!(since.elapsed().as_secs() < 60);
    let document = course.json(&["check", "1.2", "--json"]);
    assert_eq!(document["results"][0]["verdict"], "timed_out");
}

/// An endless loop that first writes the id of its process to a file.
const HANG: &str = "std::fs::write(\"pid\", std::process::id().to_string()).unwrap();\n        \
    while !request() {}\n        attempts > 0";

#[test]
fn no_process_remains_however_the_check_ends() {
    for signal in [Signal::KILL, Signal::INT, Signal::HUP] {
        let course = Course::new();
        course.edit("exercises/01-till/02-retry/exercise.toml", "time_limit = 2", "time_limit = 600");
        course.run(&["start", "1.2"]);
        course.edit("work/1.2/till/src/lib.rs", "todo!()", HANG);
        let mut check = course.command(&["check", "1.2"]);
        let mut check = Running(check.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let pid = course.path("work/1.2/till/pid");
        until("the test hangs", || fs::read_to_string(&pid).is_ok_and(|text| !text.is_empty()));
        let id = |text: &str| Pid::from_raw(text.parse().unwrap()).unwrap();
        let hanging = id(&course.read("work/1.2/till/pid"));
        kill_process(id(&check.0.id().to_string()), signal).unwrap();
        check.0.wait().unwrap();
        until("the hanging test has ended", || test_kill_process(hanging).is_err());
    }
}

#[test]
fn watch_checks_again_when_a_file_is_saved() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    let printed = course.path("printed");
    let mut watch = course.command(&["watch"]);
    let out = fs::File::create(&printed).unwrap();
    let mut watch = Running(watch.stdout(out).stderr(Stdio::null()).spawn().unwrap());
    until("it is red", || course.read("printed").contains("1 of 2 pass"));
    course.edit(LIB, TODO, "prices.iter().sum()");
    until("it is green", || course.read("printed").contains("2 of 2 pass"));
    let pid = Pid::from_raw(i32::try_from(watch.0.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(watch.0.wait().unwrap().code(), Some(130), "Ctrl-C ends it");
}

#[test]
fn flags_and_folders_in_the_users_cargo_configuration_have_no_effect() {
    let course = Course::new();
    let config = "[build]\nrustflags = [\"-Dwarnings\"]\ntarget-dir = \"elsewhere\"\n";
    course.write("../.cargo/config.toml", config);
    course.run(&["start", "1.1"]);
    course.edit(LIB, TODO, "let unused = 0;\n    prices.iter().sum()");
    course.run(&["check", "1.1"]).is(0, &["2 of 2 pass"]);
    assert!(!course.path("../elsewhere").exists());
}

/// A body that says that it is reached, waits until it may continue, and then returns a wrong result. The files are in the course's
/// root, because a file in the work folder would be a change.
const WAITS: &str = "std::fs::write(\"../../../reached\", \"\").unwrap();\n    \
    while !std::path::Path::new(\"../../../continue\").exists() { std::thread::yield_now(); }\n    \
    prices.iter().sum::<u32>() + 1";

#[test]
fn a_file_that_is_saved_during_a_check_of_watch_is_checked_too() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    course.edit(LIB, TODO, WAITS);
    let printed = course.path("printed");
    let mut watch = course.command(&["watch"]);
    let out = fs::File::create(&printed).unwrap();
    let _watch = Running(watch.stdout(out).stderr(Stdio::null()).spawn().unwrap());
    until("the test runs", || course.path("reached").exists());
    course.edit(LIB, WAITS, "prices.iter().sum()");
    course.write("continue", "");
    until("the first check has ended", || course.read("printed").contains("1 of 2 pass"));
    until("the saved file was checked", || course.read("printed").contains("2 of 2 pass"));
}

#[test]
fn an_error_names_what_is_missing_and_the_remedy() {
    let course = Course::new();
    course.run(&["check"]).is(2, &["no exercise was started yet", "just check 1.1"]);
    course.run(&["check", "1.1"]).is(2, &["work/1.1 does not exist; create it: just start 1.1"]);
    course.run(&["start", "7.7"]).is(2, &["there is no exercise 7.7", "1.1, 1.2, 1.3"]);
    course.run(&["start", "1.1"]);
    fs::remove_file(course.path(LIB)).unwrap();
    course.run(&["check", "1.1"]).is(2, &["till/src/lib.rs is missing", "just reset 1.1"]);
    course.run(&["reset", "1.1"]).is(0, &["work/1.1-old-1"]);
    course.run(&["solution", "1.1"]).is(2, &["no terminal", "--yes"]);
    let solution = course.run(&["solution", "1.1", "--yes"]);
    solution.is(
        0,
        &[
            "Lines with - are yours, lines with + are the solution.",
            "-    todo!(",
            "+    prices.iter().sum()",
        ],
    );
    course.run(&["exercises"]).is(0, &["solution read"]);

    course.edit("exercises/01-till/03-greet/exercise.toml", "edit =", "needs = [\"nats-server\"]\nedit =");
    course.run(&["start", "1.3"]);
    let check = course.command(&["check", "1.3"]).env("PATH", "/nowhere").output().unwrap();
    crate::harness::Ended::from(check).is(2, &["there is no nats-server", "cannot be fetched", "install it"]);
}

#[test]
fn a_work_folder_of_a_renumbered_exercise_is_reported_with_its_new_number() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    let exercises = course.path("exercises/01-till");
    fs::rename(exercises.join("01-total"), exercises.join("06-total")).unwrap();
    fs::rename(exercises.join("02-retry"), exercises.join("01-retry")).unwrap();
    let message = [
        "work/1.1 belongs to the exercise total, which is 1.6 now; move the folder there: mv work/1.1 work/1.6",
    ];
    course.run(&["check", "1.1"]).is(2, &message);
    course.run(&["start", "1.1"]).is(2, &message);
    course.run(&["exercises"]).is(0, &["Continue with 1.6"]);
}

#[test]
fn a_work_folder_and_progress_under_a_former_id_still_count() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    course.solve("1.1", "till/src/lib.rs");
    course.run(&["check"]);
    for file in ["work/1.1/.exercise", "work/progress.json"] {
        course.edit(file, "total", "sum"); // the id that this exercise had before
    }
    course.run(&["exercises"]).is(0, &["passed"]);
    course.run(&["check", "sum"]).is(0, &["2 of 2 pass"]);
}

const FOUND: &str = "work/1.4/till/tests/found.rs";

#[test]
fn a_test_that_finds_a_bug_passes_on_the_stage_and_fails_on_every_bug() {
    let course = Course::new();
    course.run(&["start", "1.4"]).is(0, &[FOUND]);
    assert!(
        course.read("work/1.4/till/src/lib.rs").contains("saturating_sub"),
        "the first bug is in the folder"
    );
    course
        .run(&["check"])
        .is(1, &["0 of 3 pass", "FAILS   the test passes on the stage", "not yet implemented"]);
    let write = |assertion: &str| {
        let body = format!("let mut till = till::Till {{ cents: 5 }};\n    {assertion}");
        course.write(FOUND, &format!("#[test]\nfn the_bug_is_detected() {{\n    {body}\n}}\n"));
    };
    write("assert_eq!(till.give(4), None);");
    course.run(&["check"]).is(1, &["0 of 3 pass", "left: Some(4)", "The test rejects a till that works."]);
    write("assert_eq!(till.give(6), None);");
    course.run(&["check"]).is(
        1,
        &[
            "2 of 3 pass",
            "passes  the test detects bug 1 of 2",
            "FAILS   the test detects bug 2 of 2",
            "the test passes although the bug is there",
            "Look at what is left.",
        ],
    );
    write("assert_eq!((till.give(6), till.give(5), till.cents), (None, Some(5), 0));");
    course.run(&["check"]).is(0, &["3 of 3 pass", "Next: just start 1.5"]);
}

#[test]
fn a_failure_on_a_bug_counts_only_with_the_declared_text() {
    let course = Course::new();
    let manifest = "exercises/01-till/04-find/exercise.toml";
    for name in ["gives-too-much", "keeps-the-money"] {
        let old = format!("name = \"{name}\"\n");
        let new = format!("{old}prints = \"conserved\"\n");
        course.write(manifest, &course.read(manifest).replacen(&old, &new, 1));
    }
    course.run(&["start", "1.4"]);
    let write = |message: &str| {
        let assertion = format!("assert_eq!(till.give(6), None, \"{message}\");");
        let body = format!("let mut till = till::Till {{ cents: 5 }};\n    {assertion}");
        course.write(FOUND, &format!("#[test]\nfn the_bug_is_detected() {{\n    {body}\n}}\n"));
    };
    write("too much");
    course
        .run(&["check"])
        .is(1, &["passes  conserved holds on the stage", "failed, but not because of conserved"]);
    write("not conserved");
    course.run(&["check"]).is(1, &["passes  conserved is broken on bug 1", "conserved is not broken"]);
}

#[test]
fn answers_are_compared_with_a_new_measurement() {
    let course = Course::new();
    course.run(&["start", "1.5"]).is(0, &["work/1.5/answers.toml"]);
    course.run(&["check"]).is(1, &["not yet answered: lines, lines of a receipt of 30 prices"]);
    for (answer, code, printed) in [
        ("lines = thirty", 1, "is not valid TOML"),
        ("line = 30", 1, "`line`, which is not asked for"),
        ("lines = 29", 1, "left:"),
        ("lines = 30 # counted", 0, "1 of 1 pass"),
    ] {
        course.write("work/1.5/answers.toml", answer);
        course.run(&["check"]).is(code, &[printed]);
    }
}

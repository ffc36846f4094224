use std::{fs, process::Stdio, time::Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::harness::{Course, Running, until};

const LIB: &str = "work/1.1/till/src/lib.rs";
const TODO: &str = "todo!(\"add them up: {prices:?}\")";

#[test]
fn a_newcomer_sees_red_takes_hints_passes_and_is_sent_on() {
    let course = Course::new();
    course.run(&["exercises"]).is(0, &["Chapter 1, A till", "1.1  Add up", "5 min", "Next: just start 1.1"]);
    course.run(&["start", "1.1"]).is(0, &["work/1.1/README.md", LIB, "just check 1.1"]);
    let red = course.run(&["check"]);
    red.is(1, &["1 of 2 pass", "FAILS   a total has every price", "not yet implemented: add them up"]);
    red.is(1, &["Nothing is written there yet; the task is in work/1.1/README.md"]);
    assert!(
        !red.out.contains("RUST_BACKTRACE") && !red.out.contains("thread '"),
        "a bare panic dump: {}",
        red.out
    );
    course.run(&["hint"]).is(0, &["hint 1 of 3", "What is asked?"]);
    course.run(&["hint"]).is(0, &["hint 2 of 3", "A concept."]);
    course.run(&["hint", "1.1", "--number", "1"]).is(0, &["What is asked?"]);

    course.edit(LIB, TODO, "prices.iter().sum::<u32>() + 1");
    course.run(&["check"]).is(1, &["left: 7", "A price is missing", "Hint 1, a question:", "What is asked?"]);
    course.edit(LIB, "::<u32>() + 1", "()");
    course
        .run(&["check", "1.1"])
        .is(0, &["2 of 2 pass", "It passes", "just solution 1.1", "Next: just start 1.2"]);
    course.run(&["solution"]).is(0, &["yours is the stage's own, to the byte"]);
    course.run(&["exercises"]).is(0, &["passed, 2 hints", "Next: just start 1.2"]);
    let listed = &course.json(&["exercises", "--json", "--name", "Ada"]);
    assert_eq!((&listed["participant"], &listed["exercises"][0]["checks"]), (&"Ada".into(), &3.into()));
}

#[test]
fn who_begins_in_the_middle_is_sent_on_from_there_and_last_to_what_was_left_out() {
    let course = Course::new();
    course.run(&["start", "1.2"]);
    course.solve("1.2", "till/src/lib.rs");
    course.run(&["check"]).is(0, &["It passes", "Next: just start 1.3"]);
    course.run(&["start", "1.3"]);
    course.solve("1.3", "till/greeting.txt");
    course.run(&["check"]).is(0, &["It passes", "Next: just start 1.1"]);
}

#[test]
fn what_does_not_compile_is_told_by_the_compiler_and_no_test_is_run() {
    let course = Course::new();
    course.run(&["start", "total"]);
    course.edit(LIB, TODO, "prices.sum()");
    let told = course.run(&["check", "1.1"]);
    told.is(1, &["1.1 Add up: it does not compile yet", "no method named `sum`", "till/src/lib.rs:9"]);
    let told = course.json(&["check", "1.1", "--json"]);
    assert_eq!((&told["compiles"], &told["passed"], &told["tests"]), (&false.into(), &0.into(), &2.into()));
    assert!(told["errors"][0].as_str().unwrap().starts_with("error[E0599]"), "{told}");
    course.edit(LIB, "prices.sum()", "}");
    course.run(&["check", "1.1"]).is(1, &["does not compile yet"]);
}

#[test]
fn who_ends_the_process_before_the_test_is_over_has_not_passed() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    course.edit(LIB, TODO, "let _ = prices; std::process::exit(0)");
    course.run(&["check", "1.1"]).is(1, &["FAILS", "the process was ended in the middle of the test"]);
}

#[test]
fn a_test_that_hangs_is_ended_and_called_so() {
    let course = Course::new();
    course.run(&["start", "1.2"]);
    course.edit(
        "work/1.2/till/src/lib.rs",
        "        todo!()",
        "        while !answer() {}\n        times > 0",
    );
    let since = Instant::now();
    course
        .run(&["check", "1.2"])
        .is(1, &["HANGS", "not done after 2 s and was ended", "Nobody ends the asking"]);
    assert!(since.elapsed().as_secs() < 60);
    let told = course.json(&["check", "1.2", "--json"]);
    assert_eq!(told["results"][0]["verdict"], "hung");
}

/// A loop that first writes down who it is.
const HANG: &str = "std::fs::write(\"pid\", std::process::id().to_string()).unwrap();\n        \
    while !answer() {}\n        times > 0";

#[test]
fn nothing_runs_on_whoever_ends_the_check() {
    for signal in [Signal::KILL, Signal::INT, Signal::HUP] {
        let course = Course::new();
        course.edit("exercises/01-till/02-ask/exercise.toml", "time_limit = 2", "time_limit = 600");
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
fn watching_checks_again_when_a_file_is_saved() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    let printed = course.path("printed");
    let mut watch = course.command(&["watch"]);
    let out = fs::File::create(&printed).unwrap();
    let _watch = Running(watch.stdout(out).stderr(Stdio::null()).spawn().unwrap());
    until("it is red", || course.read("printed").contains("1 of 2 pass"));
    course.edit(LIB, TODO, "prices.iter().sum()");
    until("it is green", || course.read("printed").contains("2 of 2 pass"));
}

#[test]
fn what_is_not_there_is_named_with_the_way_to_it() {
    let course = Course::new();
    course.run(&["check"]).is(2, &["no exercise was started yet", "just check 1.1"]);
    course.run(&["check", "1.1"]).is(2, &["work/1.1 is not there; make it: just start 1.1"]);
    course.run(&["start", "7.7"]).is(2, &["there is no exercise 7.7", "1.1, 1.2, 1.3"]);
    course.run(&["start", "1.1"]);
    fs::remove_file(course.path(LIB)).unwrap();
    course.run(&["check", "1.1"]).is(2, &["till/src/lib.rs is gone", "just reset 1.1"]);
    course.run(&["reset", "1.1"]).is(0, &["work/1.1-old-1"]);
    course.run(&["solution", "1.1"]).is(2, &["no terminal", "--yes"]);
    let solution = course.run(&["solution", "1.1", "--yes"]);
    solution
        .is(0, &["- is what you have, + is what the stage has", "-    todo!(", "+    prices.iter().sum()"]);
    course.run(&["exercises"]).is(0, &["solution read"]);

    course.edit("exercises/01-till/03-greet/exercise.toml", "edit =", "needs = [\"nats-server\"]\nedit =");
    course.run(&["start", "1.3"]);
    let check = course.command(&["check", "1.3"]).env("PATH", "/nowhere").output().unwrap();
    crate::harness::Said::from(check).is(2, &["there is no nats-server", "cannot be fetched", "install it"]);
}

#[test]
fn an_exercise_that_got_another_number_says_where_the_work_belongs() {
    let course = Course::new();
    course.run(&["start", "1.1"]);
    let exercises = course.path("exercises/01-till");
    fs::rename(exercises.join("01-total"), exercises.join("04-total")).unwrap();
    fs::rename(exercises.join("02-ask"), exercises.join("01-ask")).unwrap();
    let said = ["work/1.1 is of the exercise total, which is 1.4 now; take it there: mv work/1.1 work/1.4"];
    course.run(&["check", "1.1"]).is(2, &said);
    course.run(&["start", "1.1"]).is(2, &said);
    course.run(&["exercises"]).is(0, &["Go on with 1.4"]);
}

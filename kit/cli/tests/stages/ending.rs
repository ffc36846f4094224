//! However a stage ends, none of its processes is left running.

use std::path::PathBuf;

use rustix::process::Signal;
use stage::{Options, Programs, RunFolder, Stage};

use crate::harness::{Course, KIT, answers};

#[test]
fn ctrl_c_stops_everything_with_exit_code_130_and_sigterm_and_sighup_with_0() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 0), (Signal::HUP, 0)] {
        let course = Course::new();
        let mut launched = course.start(&["--scale", "toy=2"]);
        let status = course.status();

        launched.signal(signal);

        assert_eq!(launched.end().code(), Some(code), "{signal:?}");
        course.assert_stopped(&status);
    }
}

#[test]
fn stop_ends_the_stage_that_runs_in_another_terminal() {
    let course = Course::new();
    let mut launched = course.start(&[]);
    let status = course.status();

    let output = course.kit(&["stop"]);

    assert_eq!(output.status.code(), Some(0));
    assert!(!answers(&status.processes[0].address), "stop returns after every process has ended");
    assert_eq!(launched.end().code(), Some(0));
    assert_eq!(course.kit(&["stop"]).status.code(), Some(2));
}

#[test]
fn closing_standard_output_ends_the_stage() {
    let course = Course::new();
    let mut launched = course.start_piped(&["--set", "TOY_CHATTY=yes"]);
    let status = course.status();

    launched.hang_up();

    assert_eq!(launched.end().code(), Some(0));
    course.assert_stopped(&status);
}

#[test]
fn closing_the_terminal_ends_the_stage_without_a_sighup() {
    let course = Course::new();
    let (mut launched, terminal) = course.start_at_terminal(&[]);
    let status = course.status();

    drop(terminal);

    assert_eq!(launched.end().code(), Some(0));
    course.assert_stopped(&status);
}

#[test]
fn a_blocked_standard_output_does_not_block_the_services() {
    let course = Course::new();
    let mut launched = course.start_piped(&["--set", "TOY_CHATTY=yes"]);
    let status = course.status();

    let log = || std::fs::metadata(&status.processes[0].log).unwrap().len();
    let before = log();
    crate::harness::until("the service continues to print", || log() > before + 1_000_000);

    launched.signal(Signal::TERM);
    assert_eq!(launched.end().code(), Some(0));
    course.assert_stopped(&status);
}

#[test]
fn after_sigkill_of_the_launcher_no_process_is_left_and_the_next_start_works() {
    let course = Course::new();
    let mut launched = course.start(&["--scale", "toy=2"]);
    let status = course.status();
    assert!(
        course.kit(&["break", "toy-2", "freeze"]).status.success(),
        "the guard must end a frozen process too"
    );

    launched.signal(Signal::KILL);
    launched.end();

    let _next = course.start(&[]);
    assert_eq!(course.status().processes.len(), 1);
    assert!(!answers(&status.processes[1].address));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_stage_without_stopping_it_ends_it_too() {
    let course = Course::new();
    drop(course.start(&[])); // compiles the toy
    let found = stage::Course::find(course.root()).unwrap();
    let chapter = found.chapter(1).unwrap();
    let toy = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("debug/toy");
    let run = RunFolder::claim(&course.root().join("private"), 1, KIT.as_ref()).await.unwrap();
    let stage =
        Stage::start(&chapter, &Programs::built([("toy", toy)]), run, Options::default()).await.unwrap();
    let address = stage.status().processes[0].address.clone();
    assert!(answers(&address));

    drop(stage);

    assert!(!answers(&address));
}

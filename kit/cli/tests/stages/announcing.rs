//! A build that takes long is announced, so that nobody waits in front of an empty terminal.

use crate::harness::Course;

const ANNOUNCEMENT: &str = "compiling `exercises`: one or two minutes the first time on two cores\n";

/// What `kit check` prints, with a Cargo that takes so many seconds and then fails.
fn printed(course: &Course, seconds: u32) -> String {
    let path = course.path_with("cargo", &format!("#!/bin/sh\nsleep {seconds}\nexit 1\n"));
    let output = course.command(&["check"]).env("PATH", path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_first_build_of_a_program_is_announced_at_once_and_a_later_one_if_it_takes_long() {
    let course = Course::new();
    assert!(printed(&course, 0).starts_with(ANNOUNCEMENT));
    course.write("target/debug/exercises", "built before");
    assert!(!printed(&course, 0).contains("compiling"));
    assert!(printed(&course, 3).starts_with(ANNOUNCEMENT));
}

#[test]
fn a_command_without_its_arguments_is_refused_with_its_usage_before_anything_is_compiled() {
    let course = Course::new();
    for command in ["start", "reset", "diff", "carry", "declare", "update"] {
        let output = course.kit(&[command]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with(&format!("error: write: just {command} ")), "{said}");
    }
}

//! What `kit chapter` says and does until the stage is ready, or why it is not.

use std::net::{Ipv4Addr, TcpListener};

use crate::harness::{Course, answers, manifest};

#[test]
fn a_stage_that_is_ready_tells_where_everything_is() {
    let course = Course::new();
    let launched = course.start(&["--set", "GREETING=hello"]);

    let status = course.status();
    let printed = launched.printed();
    for part in [&status.processes[0].address, &status.staff.email, &status.staff.password, "toy.db", "hello"]
    {
        assert!(printed.contains(part), "{part} is not in:\n{printed}");
    }
    assert!(answers(&status.processes[0].address));
    assert_eq!(status.base_url("/products/1"), Some(status.processes[0].address.as_str()));
    assert_eq!(status.settings["GREETING"], "hello");
    assert!(course.read(".run/logs/toy-1.log").contains("listening on"));
}

#[test]
fn a_taken_port_is_stepped_over_and_the_summary_says_so() {
    let course = Course::new();
    let _somebody = TcpListener::bind((Ipv4Addr::LOCALHOST, course.port())).unwrap();

    let launched = course.start(&[]);

    assert!(!course.status().routes["/"].ends_with(&course.port().to_string()));
    assert!(launched.printed().contains(&format!("port {}", course.port())), "{}", launched.printed());
}

#[test]
fn every_instance_has_a_port_and_a_log_of_its_own() {
    let course = Course::new();
    let _launched = course.start(&["--scale", "toy=2"]);

    let [one, two] = &course.status().processes[..] else { panic!("not two processes") };
    assert_ne!(one.address, two.address);
    assert_ne!(one.log, two.log);
    assert!(answers(&one.address) && answers(&two.address));
}

#[test]
fn several_services_are_scaled_at_once_and_what_is_no_number_says_how_it_is_written() {
    let course = Course::new();
    let second = manifest("", "[[process]]\nservice = \"other\"\npackage = \"toy\"\nbinary = \"toy\"\n");
    course.write("chapters/01-toy/chapter.toml", &second);
    let launched = course.start(&["--scale", "toy=2,other=3"]);
    let names: Vec<_> = course.status().processes.iter().map(stage::status::ProcessStatus::name).collect();
    assert_eq!(names, ["toy-1", "toy-2", "other-1", "other-2", "other-3"]);
    drop(launched);

    let (code, said) = course.fails_to_start(&["--scale", "toy=2,other"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("users=2,products=3"), "{said}");
    let (code, said) = course.fails_to_start(&["--scale", "toy=2,others=3"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("3 of others; the services of this stage are toy, other"), "{said}");
}

#[test]
fn the_data_of_the_last_run_is_wiped_unless_it_is_to_be_kept() {
    let course = Course::new();
    let starts_in_data = |more: &[&str]| {
        drop(course.start(more));
        course.read(".run/data/chapter-1/toy.db").lines().count()
    };
    assert_eq!(starts_in_data(&[]), 1);
    assert_eq!(starts_in_data(&["--keep-data"]), 2);
    assert_eq!(starts_in_data(&[]), 1);
}

#[test]
fn who_keeps_the_data_keeps_the_staffs_password_too() {
    let course = Course::new();
    let password = |more: &[&str]| {
        let _launched = course.start(more);
        course.status().staff.password
    };
    let first = password(&[]);
    assert_eq!(password(&["--keep-data"]), first);
    assert_ne!(password(&[]), first);
}

#[test]
fn a_chapter_that_is_not_there_is_refused_with_those_that_are() {
    let output = Course::new().kit(&["chapter", "40"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "error: there is no chapter 40; the chapters here are 1\n");
}

#[test]
fn a_manifest_with_an_unknown_key_is_refused_with_file_key_and_the_keys_there_are() {
    let course = Course::new();
    course.write("chapters/01-toy/chapter.toml", &manifest("", "port = 1\n"));

    let (code, said) = course.fails_to_start(&[]);

    assert_eq!(code, Some(2));
    for part in ["chapters/01-toy/chapter.toml", "`port`", "needs, database"] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
}

#[test]
fn a_chapter_folder_without_a_manifest_is_refused_with_the_file_that_is_missing() {
    let course = Course::new();
    course.write("chapters/02-empty/README.md", "");
    let output = course.kit(&["chapter", "2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("chapters/02-empty/chapter.toml cannot be read")
    );
}

#[test]
fn a_service_that_dies_at_start_shows_its_last_words_and_exit_status() {
    let course = Course::new();

    let (code, said) = course.fails_to_start(&["--set", "TOY_DIES=no such table: products"]);

    assert_eq!(code, Some(1));
    for part in ["toy-1 ended before it was ready", "exit status: 7", "no such table: products", "toy-1.log"]
    {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    assert_eq!(course.kit(&["status"]).status.code(), Some(2));
}

#[test]
fn a_program_that_the_workspace_has_not_is_an_error_of_the_build() {
    let course = Course::new();
    course.write("chapters/01-toy/chapter.toml", &manifest("", "binary = \"toys\"\n"));
    let (code, said) = course.fails_to_start(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("toys") && said.contains("does not compile"), "{said}");
}

#[test]
fn a_second_stage_is_refused_and_the_first_goes_on() {
    let course = Course::new();
    let mut launched = course.start(&[]);

    let (code, said) = course.fails_to_start(&[]);

    assert_eq!(code, Some(2));
    assert!(said.contains("chapter 1 is running already") && said.contains("just stop"), "{said}");
    assert!(launched.is_running() && answers(&course.status().routes["/"]));
}

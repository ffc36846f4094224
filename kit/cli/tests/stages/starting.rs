//! Starting a stage with `kit chapter`: the output when it is ready, and the error when it is not.

use std::{
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
};

use crate::harness::{Course, answers, manifest, until};

#[test]
fn once_a_stage_is_ready_its_addresses_and_log_ins_are_printed() {
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
fn a_port_in_use_is_skipped_and_reported() {
    let course = Course::new();
    let _other = TcpListener::bind((Ipv4Addr::LOCALHOST, course.port())).unwrap();

    let launched = course.start(&[]);

    assert!(!course.status().routes["/"].ends_with(&course.port().to_string()));
    assert!(launched.printed().contains(&format!("port {}", course.port())), "{}", launched.printed());
}

#[test]
fn every_instance_has_its_own_port_and_log() {
    let course = Course::new();
    let _launched = course.start(&["--scale", "toy=2"]);

    let [one, two] = &course.status().processes[..] else { panic!("not two processes") };
    assert_ne!(one.address, two.address);
    assert_ne!(one.log, two.log);
    assert!(answers(&one.address) && answers(&two.address));
}

#[test]
fn several_services_can_be_scaled_and_an_invalid_number_is_an_error_that_shows_the_syntax() {
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
    assert_eq!(code, Some(2));
    assert!(!said.contains("building"), "the answer needs no build: {said}");
    assert!(said.contains("3 instances of others; the services of this stage are toy, other"), "{said}");
}

#[test]
fn the_data_of_the_last_run_is_deleted_without_keep_data() {
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
fn keep_data_keeps_the_password_of_the_staff_account_too() {
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
fn an_unknown_chapter_is_an_error_that_lists_the_existing_ones_and_a_later_one_is_planned() {
    let course = Course::new();
    for (number, message) in [
        ("40", "there is no chapter 40; the chapters so far are 1"),
        ("12", "chapter 12 is planned, but not written yet; the chapters so far are 1"),
    ] {
        let output = course.kit(&["chapter", number]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("error: {message}\n"));
    }
}

#[test]
fn an_unknown_key_in_the_manifest_is_an_error_with_the_file_and_the_valid_keys() {
    let course = Course::new();
    course.write("chapters/01-toy/chapter.toml", &manifest("", "port = 1\n"));

    let (code, said) = course.fails_to_start(&[]);

    assert_eq!(code, Some(2));
    for part in ["chapters/01-toy/chapter.toml", "`port`", "needs, database"] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
}

#[test]
fn a_chapter_folder_without_a_manifest_is_an_error_that_names_the_missing_file() {
    let course = Course::new();
    course.write("chapters/02-empty/README.md", "");
    let output = course.kit(&["chapter", "2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("chapters/02-empty/chapter.toml; every chapter folder")
    );
}

#[test]
fn a_service_that_exits_at_startup_is_an_error_with_its_exit_status_and_last_log_lines() {
    let course = Course::new();

    let (code, said) = course.fails_to_start(&["--set", "TOY_DIES=no such table: products"]);

    assert_eq!(code, Some(1));
    for part in ["toy-1 exited before it was ready", "exit status: 7", "no such table: products", "toy-1.log"]
    {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    assert_eq!(course.kit(&["status"]).status.code(), Some(2));
}

#[test]
fn a_missing_binary_is_a_build_error() {
    let course = Course::new();
    course.write("chapters/01-toy/chapter.toml", &manifest("", "binary = \"toys\"\n"));
    let (code, said) = course.fails_to_start(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("toys") && said.contains("does not compile"), "{said}");
}

#[test]
fn a_second_stage_is_refused_and_the_first_keeps_running() {
    let course = Course::new();
    let mut launched = course.start(&[]);

    let (code, said) = course.fails_to_start(&[]);

    assert_eq!(code, Some(2));
    assert!(said.contains("chapter 1 is running already") && said.contains("just stop"), "{said}");
    assert!(launched.is_running() && answers(&course.status().routes["/"]));
}

#[test]
fn files_with_the_password_of_the_staff_account_are_readable_by_their_owner_alone() {
    let course = Course::new();
    let _launched = course.start(&[]);
    for file in [".run/status.json", ".run/data/chapter-1/staff-password"] {
        let metadata = std::fs::metadata(course.root().join(file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[test]
fn variables_of_the_users_shell_do_not_reach_the_processes_of_a_stage() {
    let course = Course::new();
    let variables = ["HTTP_PROXY", "NATS_URL", "TOY_FILE", "TOY_CHATTY", "ORDER_TTL"];
    let _launched = course.start_with(|kit| {
        for name in variables {
            kit.env(name, "http://proxy.invalid:1");
        }
        // A target folder and a target of the user, for all builds.
        kit.env("CARGO_TARGET_DIR", course.root().join("elsewhere"))
            .env("CARGO_BUILD_TARGET", "wasm32-unknown-unknown");
    });
    let log = course.read(".run/logs/toy-1.log");
    for line in ["NATS_URL is \n", "TOY_FILE is \n", "HTTP_PROXY is \n"] {
        assert!(log.contains(line), "{line} is not in: {log}");
    }
    assert!(!log.contains("line 0"), "TOY_CHATTY was inherited");
    assert!(!course.root().join("elsewhere").exists());
}

#[test]
fn while_a_stage_is_not_ready_status_and_break_say_what_it_does() {
    let course = Course::new();
    drop(course.start(&[])); // compiles the toy
    let mut starting = course.chapter(&["--set", "TOY_SLEEPS=60"]).spawn().unwrap();
    let said = || {
        let output = course.kit(&["status"]);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    until("the processes are starting", || said().1.contains("chapter 1 is starting (launcher "));
    assert_eq!(said().0, Some(2));
    let refused = course.kit(&["break", "toy", "kill"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("chapter 1 is starting"));

    assert!(course.kit(&["stop"]).status.success());
    starting.wait().unwrap();
    assert_eq!(said().1, "error: no stage is running; start one: just chapter 1\n");
}

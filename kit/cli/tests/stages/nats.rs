//! NATS as a process of a stage: every service gets its address, and it can be broken and healed like a service.

use std::{env, ffi::OsStr, fs, process::Command};

use async_nats::jetstream::{self, stream::Config};
use rustix::process::Signal;
use stage::{Course as Found, Options, Programs, RunFolder, Stage, StartError, status::State};

use crate::harness::{Course, KIT, answers};

/// The number of messages in the stream of a test.
async fn messages(url: &str) -> u64 {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    let config = Config { name: "TOYS".to_owned(), subjects: vec!["toys".to_owned()], ..Config::default() };
    context.get_or_create_stream(config).await.unwrap().cached_info().state.messages
}

/// Publishes a message, and returns once it is stored.
async fn add(url: &str) {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    context.publish("toys", "a toy".into()).await.unwrap().await.unwrap();
}

#[test]
fn nats_is_a_process_of_the_stage_and_every_service_gets_its_address() {
    let course = Course::with_nats();
    let mut launched = course.start(&["--scale", "toy=2"]);

    let status = course.status();
    let [_, toy, nats] = &status.processes[..] else { panic!("not three processes") };
    assert_eq!((nats.service.as_str(), nats.state), ("nats", State::Running));
    assert_eq!(status.nats.as_ref().unwrap().url, nats.address);
    assert!(nats.address.starts_with("nats://127.0.0.1:") && answers(&nats.address));
    assert!(course.read(".run/logs/nats-1.log").contains("Server is ready"));
    assert!(launched.printed().contains(&nats.address), "{}", launched.printed());

    let log = fs::read_to_string(&toy.log).unwrap();
    let file = fs::canonicalize(course.root()).unwrap().join(".run/data/chapter-1/toy.txt");
    for part in [format!("NATS_URL is {}", nats.address), format!("TOY_FILE is {}", file.display())] {
        assert!(log.contains(&part), "{part} is not in: {log}");
    }

    launched.signal(Signal::TERM);
    assert_eq!(launched.end().code(), Some(0));
    course.assert_stopped(&status);
    let printed = launched.printed();
    let exit = |name| printed.find(&format!("{name} exited")).unwrap();
    assert!(exit("toy-2") < exit("nats-1"), "nats is stopped last: {printed}");
}

#[test]
fn after_sigkill_of_the_launcher_nats_ends_too() {
    let course = Course::with_nats();
    let mut launched = course.start(&[]);
    let status = course.status();
    assert!(course.kit(&["break", "nats", "freeze"]).status.success());

    launched.signal(Signal::KILL);
    launched.end();

    course.assert_stopped(&status);
}

#[test]
fn a_tour_with_messages_is_refused_for_a_chapter_without_nats() {
    let course = Course::new();
    let refused = || {
        let output = course.kit(&["tour", "--messages"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()), "{said}");
        assert!(said.contains("chapter 1 has no NATS, so there are no messages: omit --messages"), "{said}");
    };
    refused();
    assert_eq!(course.kit(&["status"]).status.code(), Some(2), "no stage was started for it");
    let _launched = course.start(&[]);
    refused();
}

#[test]
fn a_variable_that_the_launcher_sets_is_refused_as_a_setting() {
    let course = Course::with_nats();
    let other = "[[process]]\nservice = \"other\"\npackage = \"toy\"\nbinary = \"toy\"\nneeds = [\"toy\"]\n";
    let manifest = course.read("chapters/01-toy/chapter.toml");
    course.write("chapters/01-toy/chapter.toml", &format!("{manifest}\n{other}"));
    for name in ["NATS_URL", "TOY_FILE", "TOY_URL"] {
        let (code, said) = course.fails_to_start(&["--set", &format!("{name}=x")]);
        assert_eq!(code, Some(2));
        assert!(said.contains(&format!("{name} is set by the launcher")), "{said}");
        assert!(!said.contains("building"), "the answer needs no build: {said}");
    }
}

#[test]
fn a_fault_on_the_links_of_nats_names_the_services_that_have_links() {
    let course = Course::with_nats();
    let said = |arguments: &[&str]| {
        let output = course.kit(arguments);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let launched = course.start(&["--faults"]);
    let other_end = "error: cannot cut nats: a link belongs to the service that opens it; cut one of: toy\n";
    assert_eq!(said(&["break", "nats", "cut"]), other_end);
    assert!(course.kit(&["break", "toy", "cut"]).status.success());
    drop(launched);

    let _launched = course.start(&[]);
    assert_eq!(said(&["break", "nats", "cut"]), other_end);
    assert!(said(&["break", "toy", "cut"]).contains("no fault proxies; start it with --faults"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healed_nats_has_the_same_port_and_the_stored_messages() {
    let course = tokio::task::spawn_blocking(Course::with_nats).await.unwrap();
    let _launched = course.start(&[]);
    let url = course.status().nats.unwrap().url;
    assert_eq!(messages(&url).await, 0);
    add(&url).await;

    for fault in ["kill", "stop"] {
        assert!(course.kit(&["break", "nats", fault]).status.success());
        assert!(!answers(&url));
        assert_eq!(course.status().processes[1].state, State::Dead);
        assert!(course.kit(&["break", "nats", "heal"]).status.success());
        assert_eq!(messages(&url).await, 1, "after {fault}");
    }
    assert!(course.kit(&["break", "nats", "freeze"]).status.success());
    assert_eq!(course.status().processes[1].state, State::Frozen);
    assert!(course.kit(&["break", "nats", "heal"]).status.success());
    assert_eq!(messages(&url).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_data_keeps_the_streams_too() {
    let course = tokio::task::spawn_blocking(Course::with_nats).await.unwrap();
    let in_a_run = async |more: &[&str]| {
        let _launched = course.start(more);
        let url = course.status().nats.unwrap().url;
        let before = messages(&url).await;
        add(&url).await;
        before
    };
    assert_eq!(in_a_run(&[]).await, 0);
    assert_eq!(in_a_run(&["--keep-data"]).await, 1);
    assert_eq!(in_a_run(&[]).await, 0);
}

#[tokio::test]
async fn without_a_configuration_for_nats_the_error_names_the_missing_file() {
    let course = Course::new();
    let manifest = "number = 1\ntitle = \"T\"\nminutes = { read = 1, build = 1, exercises = 1 }\nnats = true\n\
        [[process]]\nservice = \"toy\"\n";
    course.write("chapters/01-toy/chapter.toml", manifest);
    let chapter = Found::find(course.root()).unwrap().chapter(1).unwrap();
    let run = RunFolder::claim(&course.root().join("private"), 1, KIT.as_ref()).await.unwrap();
    let programs = Programs::built([("toy", KIT.into()), ("nats", KIT.into())]);

    let error = Stage::start(&chapter, &programs, run, Options::default()).await.unwrap_err();

    assert!(matches!(error, StartError::NatsConfig { .. }));
    assert!(error.to_string().contains("chapters/01-toy/nats.conf is missing; write it"), "{error}");
}

#[test]
fn the_doctor_shows_the_server_that_a_stage_would_use_and_those_that_are_too_old() {
    let course = Course::new();
    let found = |path: &OsStr| {
        let doctor = course.command(&["doctor", "--json"]).env("PATH", path).output().unwrap();
        let checks: Vec<serde_json::Value> = serde_json::from_slice(&doctor.stdout).unwrap();
        let check = checks.iter().find(|check| check["name"] == "nats-server 2.10 or newer").unwrap();
        (check["ok"].as_bool().unwrap(), check["found"].as_str().unwrap().to_owned())
    };
    for version in ["2.9.10", "2.10.1"] {
        course.write("server", &format!("#!/bin/sh\necho nats-server: v{version}\n"));
        // A child process writes the program, because a file that this process has open for writing cannot be executed.
        let folder = course.root().join(version);
        fs::create_dir(&folder).unwrap();
        let mut install = Command::new("install");
        install.arg("-m755").arg(course.root().join("server")).arg(folder.join("nats-server"));
        assert!(install.status().unwrap().success());
    }
    let [old, new] = ["2.9.10", "2.10.1"].map(|version| course.root().join(version));

    let (ok, text) = found(old.as_os_str());
    assert!(!ok && text.starts_with("none, and neither curl nor python3"), "{text}");
    assert!(text.contains("2.9.10 at") && text.ends_with("is too old"), "{text}");
    let both = env::join_paths([&old, &new]).unwrap();
    let (ok, text) = found(&both);
    assert!(ok && text.starts_with("2.10.1 at"), "{text}");
    assert!(text.contains("2.9.10 at"), "{text}");
}

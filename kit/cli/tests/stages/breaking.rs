//! Faults on a running stage, from another terminal.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use stage::status::State;

use crate::harness::{Course, answers, until};

/// The body of a response. None if there is no response within half a second.
fn get(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: toy\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

#[test]
fn a_killed_service_stays_dead_until_it_is_healed_on_the_same_port_and_data() {
    let course = Course::new();
    let launched = course.start(&[]);
    let before = course.status().processes[0].clone();

    assert!(course.kit(&["break", "toy", "kill"]).status.success());
    let dead = course.status().processes[0].clone();
    assert_eq!((dead.state, dead.pid), (State::Dead, None));
    assert!(!answers(&before.address));

    assert!(course.kit(&["break", "toy", "heal"]).status.success());
    let healed = course.status().processes[0].clone();
    assert_eq!(get(&before.address), healed.pid.map(|pid| pid.to_string()));
    assert_ne!(healed.pid, before.pid);
    assert_eq!(course.read(".run/data/chapter-1/toy.db").lines().count(), 2);
    assert!(launched.printed().contains("toy-1 exited (signal: 9"), "{}", launched.printed());
}

#[test]
fn while_a_healed_service_is_not_ready_yet_the_status_contains_its_new_process() {
    let course = Course::new();
    let _launched = course.start(&["--set", "TOY_SLEEPS_LATER=60"]);
    assert!(course.kit(&["break", "toy", "kill"]).status.success());
    let mut heal = course.command(&["break", "toy", "heal"]).spawn().unwrap();

    until("the status shows the new process", || {
        let toy = course.status().processes[0].clone();
        toy.state == State::Running && toy.pid.is_some()
    });

    assert!(heal.try_wait().unwrap().is_none(), "it is not ready yet");
    assert!(course.kit(&["stop"]).status.success());
    heal.wait().unwrap();
}

#[test]
fn a_frozen_service_keeps_its_port_and_responds_again_once_it_is_healed() {
    let course = Course::new();
    let _launched = course.start(&[]);
    let address = course.status().routes["/"].clone();

    assert!(course.kit(&["break", "toy", "freeze"]).status.success());
    assert_eq!(course.status().processes[0].state, State::Frozen);
    assert!(answers(&address) && get(&address).is_none());

    assert!(course.kit(&["break", "toy", "heal"]).status.success());
    assert_eq!(course.status().processes[0].state, State::Running);
    assert!(get(&address).is_some());
}

#[test]
fn a_fault_on_an_instance_affects_only_that_and_a_fault_on_a_service_affects_all_instances() {
    let course = Course::new();
    let _launched = course.start(&["--scale", "toy=2"]);
    let states = || course.status().processes.iter().map(|process| process.state).collect::<Vec<_>>();

    assert!(course.kit(&["break", "toy-2", "stop"]).status.success());
    assert_eq!(states(), [State::Running, State::Dead]);
    assert!(course.kit(&["break", "toy", "kill"]).status.success());
    assert_eq!(states(), [State::Dead, State::Dead]);
    assert!(course.kit(&["break", "toy", "heal"]).status.success());
    assert_eq!(states(), [State::Running, State::Running]);
}

#[test]
fn several_instances_have_one_public_address_and_a_dead_instance_is_skipped() {
    let course = Course::new();
    let _launched = course.start(&["--scale", "toy=2"]);
    let status = course.status();
    let public = &status.routes["/"];
    assert_eq!(status.service_at(public), Some("toy"));
    let [one, two] = [0, 1].map(|n| status.processes[n].pid.unwrap().to_string());
    let is_response_of = |pid: &str| get(public).is_some_and(|body| body.contains(pid));
    assert!(is_response_of(&one) && is_response_of(&two));

    assert!(course.kit(&["break", "toy-1", "kill"]).status.success());

    assert!(is_response_of(&two) && is_response_of(&two));
}

#[test]
fn a_fault_that_is_not_applicable_is_refused_with_the_reason() {
    let course = Course::new();
    let refusal = |arguments: &[&str]| {
        let output = course.kit(arguments);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(refusal(&["break", "toy", "kill"]), "error: no stage is running; start one: just chapter 1\n");

    let _launched = course.start(&[]);
    assert_eq!(refusal(&["break", "shop", "kill"]), "error: there is no shop here; the services are toy\n");
    assert_eq!(refusal(&["break", "toy", "heal"]), "error: cannot heal toy-1, which is running\n");
    let no_link =
        "error: cannot cut toy: no service of this stage connects to NATS or to a payment provider\n";
    assert_eq!(refusal(&["break", "toy", "cut"]), no_link);
}

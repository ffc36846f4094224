//! Files of the repository that Cargo does not check.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, path::Path, process::Command};

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_text_file_is_checked_out_with_lf_on_every_machine() {
    let output = stage::environment::git(&root()).args(["ls-files", "--eol"]).output().unwrap();
    assert!(output.status.success());
    let list = String::from_utf8(output.stdout).unwrap();
    // A line is for example "i/lf w/lf attr/text=auto eol=lf\tREADME.md".
    let unprotected: Vec<_> =
        list.lines().filter(|line| !line.contains("eol=lf") && !line.contains("attr/-text")).collect();
    assert!(unprotected.is_empty(), "add them to .gitattributes: {unprotected:#?}");
    assert!(!list.contains("i/crlf") && !list.contains("i/mixed"), "{list}");
}

/// What `just status` prints in a folder with this justfile, with a Cargo that takes so many seconds.
fn printed_by_just(folder: &Path, seconds: u32) -> String {
    let script = folder.join("script");
    fs::write(&script, format!("#!/bin/sh\nsleep {seconds}\n")).unwrap();
    // A child process writes the program, because a file that this process has open for writing cannot be executed.
    let mut install = Command::new("install");
    assert!(install.arg("-m755").arg(&script).arg(folder.join("cargo")).status().unwrap().success());
    let path = std::env::var_os("PATH").unwrap();
    let path =
        std::env::join_paths([folder.to_owned()].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let just = Command::new("just").arg("status").current_dir(folder).env("PATH", path).output().unwrap();
    assert!(just.status.success(), "{just:?}");
    String::from_utf8(just.stderr).unwrap()
}

#[test]
fn just_announces_the_first_build_of_the_kit_at_once_and_a_later_one_if_it_takes_long() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join("justfile"), folder.path().join("justfile")).unwrap();
    let first = "compiling the kit: about two minutes on two cores\n";
    assert_eq!(printed_by_just(folder.path(), 0), first);

    fs::create_dir_all(folder.path().join("target/debug")).unwrap();
    fs::write(folder.path().join("target/debug/kit"), "").unwrap();
    assert_eq!(printed_by_just(folder.path(), 0), "");
    assert_eq!(printed_by_just(folder.path(), 4), "compiling the kit: up to two minutes on two cores\n");
}

#[test]
fn no_recipe_adds_a_message_of_just_to_the_error_of_the_kit() {
    let justfile = fs::read_to_string(root().join("justfile")).unwrap();
    let lines: Vec<_> = justfile.lines().collect();
    let recipes: Vec<_> = lines.windows(2).filter(|pair| pair[1].ends_with(" *ARGS:")).collect();
    assert!(recipes.len() > 20);
    for recipe in recipes {
        assert_eq!(recipe[0], "[no-exit-message]", "before {}", recipe[1]);
    }
}

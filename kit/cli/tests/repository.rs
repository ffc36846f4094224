//! Files of the repository that Cargo does not check.

use std::{fs, path::Path, process::Command};

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_text_file_is_checked_out_with_lf_on_every_machine() {
    let output = Command::new("git").args(["ls-files", "--eol"]).current_dir(root()).output().unwrap();
    assert!(output.status.success());
    let list = String::from_utf8(output.stdout).unwrap();
    // A line is for example "i/lf w/lf attr/text=auto eol=lf\tREADME.md".
    let unprotected: Vec<_> =
        list.lines().filter(|line| !line.contains("eol=lf") && !line.contains("attr/-text")).collect();
    assert!(unprotected.is_empty(), "add them to .gitattributes: {unprotected:#?}");
    assert!(!list.contains("i/crlf") && !list.contains("i/mixed"), "{list}");
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

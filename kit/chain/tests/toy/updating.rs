//! `update` changes the version of a dependency in every workspace. The registry is a local index in the course's folder.

use crate::course::Course;

const STAGES: [&str; 3] = ["chapters/01-one", "chapters/02-two", "services"];

/// A course in which every stage uses `leaf` 1.0.0. The versions 1.1.0 and 2.0.0 exist too.
fn course() -> Course {
    let course = Course::new();
    let checksum = "0".repeat(64);
    let entry = |version| {
        format!(
            "{{\"name\":\"leaf\",\"vers\":\"{version}\",\"deps\":[],\"cksum\":\"{checksum}\",\"features\":{{}},\
            \"yanked\":false}}\n"
        )
    };
    course.write("target/registry/index/le/af/leaf", ["1.0.0", "1.1.0", "2.0.0"].map(entry).concat());
    course.write(
        ".cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"toy\"\n[source.toy]\nlocal-registry = \"target/registry\"\n",
    );
    let source = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    for (stage, number) in STAGES.into_iter().zip(1..) {
        let table = "[workspace.dependencies]\n";
        course.edit(&format!("{stage}/Cargo.toml"), table, &format!("{table}leaf = \"1.0.0\" # why\n"));
        let shop = course.read(&format!("{stage}/shop/Cargo.toml"));
        course.write(&format!("{stage}/shop/Cargo.toml"), shop + "[dependencies]\nleaf.workspace = true\n");
        course.write(&format!("{stage}/shop/src/lib.rs"), "");
        let leaf = format!(
            "[[package]]\nname = \"leaf\"\nversion = \"1.0.0\"\n{source}\nchecksum = \"{checksum}\"\n"
        );
        let shop =
            format!("[[package]]\nname = \"shop\"\nversion = \"0.{number}.0\"\ndependencies = [\"leaf\"]\n");
        course.write(&format!("{stage}/Cargo.lock"), format!("version = 4\n\n{leaf}\n{shop}"));
    }
    course.chain(&["test"]).succeeded();
    course
}

/// The versions of `leaf` in the tables and the lock files of all stages.
fn versions(course: &Course) -> Vec<(String, String)> {
    let version =
        |text: &str, before: &str| text.split(before).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let of = |stage: &str| {
        let table = version(&course.read(&format!("{stage}/Cargo.toml")), "leaf = \"");
        (table, version(&course.read(&format!("{stage}/Cargo.lock")), "name = \"leaf\"\nversion = \""))
    };
    STAGES.map(of).to_vec()
}

fn everywhere(version: &str) -> Vec<(String, String)> {
    vec![(version.to_owned(), version.to_owned()); 3]
}

#[test]
fn a_dependency_is_updated_in_every_table_and_lock_file() {
    let course = course();
    let printed = course.chain(&["update", "leaf", "2.0.0"]).succeeded();
    assert!(printed.starts_with("updated leaf to 2.0.0 in:\n  chapters/01-one/Cargo.toml\n"), "{printed}");
    assert_eq!(versions(&course), everywhere("2.0.0"));
    assert!(course.read("services/Cargo.toml").contains("leaf = \"2.0.0\" # why"));
    course.chain(&["test"]).succeeded();
    assert!(course.chain(&["update", "leaf", "2.0.0"]).succeeded().contains("leaf is already at 2.0.0"));
}

#[test]
fn the_default_version_is_the_newest_compatible_one() {
    let course = course();
    course.chain(&["update", "leaf"]).succeeded();
    assert_eq!(versions(&course), everywhere("1.1.0"));
    assert!(course.chain(&["update", "leaf"]).succeeded().contains("leaf is already at 1.1.0"));
}

#[test]
fn a_failed_update_changes_nothing() {
    let course = course();
    let error = course.chain(&["update", "leaf", "3.0.0"]).failed();
    assert!(error.contains("cargo cannot update leaf@1.0.0 for chapters/01-one/Cargo.toml"), "{error}");
    assert_eq!(versions(&course), everywhere("1.0.0"));
}

#[test]
fn updating_an_unused_crate_is_an_error() {
    assert!(
        course().chain(&["update", "lef", "1.0.0"]).failed().contains("no workspace of the course uses lef")
    );
}

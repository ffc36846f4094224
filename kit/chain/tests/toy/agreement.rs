//! No two packages share a name and a version, and all workspaces use the same dependencies.

use crate::course::Course;

fn violation(course: &Course) -> String {
    let printed = course.chain(&["test"]).failed();
    let violations: Vec<_> = printed.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(violations.len(), 1, "{printed}");
    violations[0].trim().to_owned()
}

/// Writes the line `common` into the manifests of two workspaces, and `other` into that of `services`.
fn disagree(common: &str, other: &str) -> Course {
    let course = Course::new();
    let table = "[workspace.dependencies]\n";
    course.edit("chapters/01-one/Cargo.toml", table, &format!("{table}{common}\n"));
    course.edit("chapters/02-two/Cargo.toml", table, &format!("{table}{common}\n"));
    course.edit("services/Cargo.toml", table, &format!("{table}{other}\n"));
    let changed = "changed = [\"Cargo.toml\"]\nadded = [\"shop/src/relay.rs\"]\n";
    course.declare("03-three", if common == other { "added = [\"shop/src/relay.rs\"]\n" } else { changed });
    course
}

fn lock(course: &Course, place: &str, version: &str) {
    let package = format!("[[package]]\nname = \"leaf\"\nversion = \"{version}\"\nsource = \"registry\"\n");
    course.write(&format!("{place}/Cargo.lock"), format!("version = 4\n{package}"));
}

#[test]
fn the_version_of_a_stage_must_match_its_chapter() {
    let course = Course::new();
    course.edit("services/Cargo.toml", "0.3.0", "0.4.0");
    let expected = "services/Cargo.toml: the version is 0.4.0, but chapter 3 must have version = \"0.3.0\"";
    assert_eq!(violation(&course), expected);
}

#[test]
fn two_packages_with_the_same_name_and_version_are_reported() {
    let course = Course::new();
    course.write("exercises/a/Cargo.toml", "[workspace]\n[package]\nname = \"shop\"\nversion = \"0.3.0\"\n");
    course.write("exercises/a/Cargo.lock", "version = 4\n");
    let expected = "services/shop/Cargo.toml: exercises/a/Cargo.toml also contains shop 0.3.0";
    assert!(violation(&course).starts_with(expected));
    course.edit("exercises/a/Cargo.toml", "0.3.0", "0.3.0-decoy.a");
    course.chain(&["test"]).succeeded();
}

#[test]
fn a_dependency_must_have_one_version_and_one_set_of_features() {
    for (common, other) in [
        ("leaf = \"1.0.0\"", "leaf = \"1.1.0\""),
        ("leaf = \"1.0.0\"", "leaf = { version = \"1.0.0\", features = [\"x\"] }"),
        ("leaf = { version = \"1\", default-features = false }", "leaf = \"1\""),
    ] {
        let violation = violation(&disagree(common, other));
        assert!(
            violation.starts_with("services/Cargo.toml: workspace.dependencies.leaf is {"),
            "{violation}"
        );
        assert!(violation.contains("but in chapters/01-one/Cargo.toml it is {"), "{violation}");
    }
}

#[test]
fn equivalent_declarations_are_equal_and_crates_of_the_stage_are_not_compared() {
    for (common, other) in [
        ("leaf = \"1\"", "leaf = { version = \"1\" }"),
        (
            "leaf = { version = \"1\", features = [\"x\", \"y\"] }",
            "leaf = { features = [\"y\", \"x\"], version = \"1\" }",
        ),
        ("users = { path = \"users\" }", "users = { path = \"services/users\" }"),
    ] {
        disagree(common, other).chain(&["test"]).succeeded();
    }
}

#[test]
fn a_version_outside_of_the_table_of_the_workspace_is_reported() {
    for stray in ["leaf = \"1\"", "leaf = { version = \"1\", features = [] }"] {
        let course = Course::new();
        course.edit(
            "services/shop/Cargo.toml",
            "[package]",
            &format!("[dev-dependencies]\n{stray}\n[package]"),
        );
        course.declare("03-three", "changed = [\"shop/Cargo.toml\"]\nadded = [\"shop/src/relay.rs\"]\n");
        assert!(
            violation(&course).starts_with("services/shop/Cargo.toml: leaf has a version here"),
            "{stray}"
        );
    }
}

#[test]
fn the_table_of_the_root_editions_and_lints_are_compared_too() {
    let course = disagree("leaf = \"1.0.0\"", "leaf = \"1.0.0\"");
    course.write("Cargo.lock", "version = 4\n");
    for (table, violation) in [
        (
            "dependencies]\nleaf = \"2.0.0\"",
            "workspace.dependencies.leaf is { version = \"1.0.0\" }, but in Cargo.toml it is",
        ),
        (
            "package]\nedition = \"2021\"",
            "workspace.package.edition is \"2024\", but in Cargo.toml it is \"2021\"",
        ),
        (
            "lints.rust]\nunsafe_code = \"deny\"",
            "workspace.lints.rust.unsafe_code is \"forbid\", but in Cargo.toml it is",
        ),
    ] {
        course.write("Cargo.toml", format!("[workspace]\n[workspace.{table}\n"));
        let printed = course.chain(&["test"]).failed();
        assert!(printed.contains(violation), "{printed}");
    }
}

#[test]
fn lock_files_must_resolve_a_crate_to_one_version() {
    let course = Course::new();
    lock(&course, "chapters/01-one", "1.0.1");
    lock(&course, "chapters/02-two", "1.0.2");
    lock(&course, "services", "2.0.0");
    let expected = "chapters/01-one/Cargo.lock: locks leaf to 1.0.1, but chapters/02-two/Cargo.lock locks it to 1.0.2; \
        run `just update leaf 1.0.2`";
    assert_eq!(violation(&course), expected);
}

#[test]
fn a_missing_lock_file_is_reported() {
    let course = Course::new();
    course.remove("services/Cargo.lock");
    assert!(violation(&course).starts_with("services/Cargo.lock: is missing"));
}

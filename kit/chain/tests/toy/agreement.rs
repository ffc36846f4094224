//! No two packages can be taken for each other, and all workspaces use the same dependencies.

use crate::course::Course;

fn complaint(course: &Course) -> String {
    let printed = course.chain(&["test"]).failed();
    let complaints: Vec<_> = printed.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(complaints.len(), 1, "{printed}");
    complaints[0].trim().to_owned()
}

/// Puts the same line into two workspaces' manifests, and another in its place into that of `services`.
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
fn a_stages_version_tells_its_chapter() {
    let course = Course::new();
    course.edit("services/Cargo.toml", "0.3.0", "0.4.0");
    let expected = "services/Cargo.toml: the version is 0.4.0; chapter 3 is version = \"0.3.0\"";
    assert_eq!(complaint(&course), expected);
}

#[test]
fn two_workspaces_with_a_package_of_one_name_and_version_are_named() {
    let course = Course::new();
    course.write("exercises/a/Cargo.toml", "[workspace]\n[package]\nname = \"shop\"\nversion = \"0.3.0\"\n");
    course.write("exercises/a/Cargo.lock", "version = 4\n");
    let expected = "services/shop/Cargo.toml: shop 0.3.0 is also in exercises/a/Cargo.toml";
    assert!(complaint(&course).starts_with(expected));
    course.edit("exercises/a/Cargo.toml", "0.3.0", "0.3.0-decoy.a");
    course.chain(&["test"]).succeeded();
}

#[test]
fn a_dependency_has_one_version_and_one_set_of_features() {
    for (common, other) in [
        ("leaf = \"1.0.0\"", "leaf = \"1.1.0\""),
        ("leaf = \"1.0.0\"", "leaf = { version = \"1.0.0\", features = [\"x\"] }"),
        ("leaf = { version = \"1\", default-features = false }", "leaf = \"1\""),
    ] {
        let complaint = complaint(&disagree(common, other));
        assert!(
            complaint.starts_with("services/Cargo.toml: workspace.dependencies.leaf is {"),
            "{complaint}"
        );
        assert!(complaint.contains("and in chapters/01-one/Cargo.toml it is {"), "{complaint}");
    }
}

#[test]
fn the_same_in_other_words_is_the_same_and_crates_of_the_stage_are_its_own() {
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
fn a_dependency_stands_in_the_workspaces_table_and_nowhere_else() {
    for stray in ["leaf = \"1\"", "leaf = { version = \"1\", features = [] }"] {
        let course = Course::new();
        course.edit(
            "services/shop/Cargo.toml",
            "[package]",
            &format!("[dev-dependencies]\n{stray}\n[package]"),
        );
        course.declare("03-three", "changed = [\"shop/Cargo.toml\"]\nadded = [\"shop/src/relay.rs\"]\n");
        assert!(
            complaint(&course).starts_with("services/shop/Cargo.toml: leaf has a version here"),
            "{stray}"
        );
    }
}

#[test]
fn the_roots_table_counts_too_and_so_do_editions_and_lints() {
    let course = disagree("leaf = \"1.0.0\"", "leaf = \"1.0.0\"");
    course.write("Cargo.lock", "version = 4\n");
    for (table, complaint) in [
        (
            "dependencies]\nleaf = \"2.0.0\"",
            "workspace.dependencies.leaf is { version = \"1.0.0\" }, and in Cargo.toml it is",
        ),
        (
            "package]\nedition = \"2021\"",
            "workspace.package.edition is \"2024\", and in Cargo.toml it is \"2021\"",
        ),
        (
            "lints.rust]\nunsafe_code = \"deny\"",
            "workspace.lints.rust.unsafe_code is \"forbid\", and in Cargo.toml it is",
        ),
    ] {
        course.write("Cargo.toml", format!("[workspace]\n[workspace.{table}\n"));
        let printed = course.chain(&["test"]).failed();
        assert!(printed.contains(complaint), "{printed}");
    }
}

#[test]
fn lock_files_resolve_a_crate_to_one_version() {
    let course = Course::new();
    lock(&course, "chapters/01-one", "1.0.1");
    lock(&course, "chapters/02-two", "1.0.2");
    lock(&course, "services", "2.0.0");
    let expected = "chapters/01-one/Cargo.lock: has leaf 1.0.1, and chapters/02-two/Cargo.lock has 1.0.2; \
        `just update leaf 1.0.2` makes them one";
    assert_eq!(complaint(&course), expected);
}

#[test]
fn every_workspace_has_a_lock_file() {
    let course = Course::new();
    course.remove("services/Cargo.lock");
    assert!(complaint(&course).starts_with("services/Cargo.lock: is missing"));
}

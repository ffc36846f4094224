//! A stage may differ from the one before only where its manifest declares it.

use crate::course::Course;

/// Returns the only violation of the declared differences.
fn violation(course: &Course) -> String {
    let printed = course.chain(&["test"]).failed();
    let mut lines = printed.lines();
    assert_eq!(lines.next(), Some("declared differences: FAILED"), "{printed}");
    let violation = lines.next().unwrap().trim().to_owned();
    assert_eq!(lines.next(), Some("unique versions: ok"), "more than one violation: {printed}");
    violation
}

#[test]
fn a_course_that_declares_its_differences_passes_with_and_without_a_git_repository() {
    for course in [Course::new(), Course::committed()] {
        let printed = course.chain(&["test"]).succeeded();
        assert!(!printed.contains("FAILED"), "{printed}");
    }
}

#[test]
fn ignored_files_and_files_specific_to_a_stage_may_differ() {
    let course = Course::new();
    for file in ["target/x", "shop/target/x", "README.md"] {
        course.write(&format!("chapters/02-two/{file}"), "another");
    }
    course.chain(&["test"]).succeeded();
}

#[test]
fn an_undeclared_change_is_reported_with_a_remedy() {
    let course = Course::new();
    course.write("services/shop/src/domain.rs", "pub struct Another;\n");
    assert_eq!(
        violation(&course),
        "services/shop/src/domain.rs: differs from chapters/02-two/shop/src/domain.rs of chapter 2, but \
        chapters/03-three/chapter.toml does not declare it; list it in `changed`, or make both files the same \
        (`just carry 2` carries an uncommitted change forward)"
    );
}

#[test]
fn only_the_version_of_the_workspace_manifest_is_ignored() {
    let course = Course::new();
    course.edit("services/Cargo.toml", "identifies the copy", "another comment");
    assert!(violation(&course).starts_with("services/Cargo.toml: differs"));
}

#[test]
fn new_and_missing_files_must_be_declared() {
    let course = Course::new();
    course.write("chapters/02-two/shop/src/more.rs", "");
    course.write("services/shop/src/more.rs", "");
    let expected = "chapters/02-two/shop/src/more.rs: is new since chapter 1, but chapters/02-two/chapter.toml does not \
        declare it; list it in `added`, or delete it";
    assert_eq!(violation(&course), expected);

    let course = Course::new();
    course.remove("services/shop/src/domain.rs");
    let expected = "services/shop/src/domain.rs: exists in chapter 2, but is missing here, and \
        chapters/03-three/chapter.toml does not declare it; list it in `removed` or `moved`, or copy it from \
        chapters/02-two/shop/src/domain.rs";
    assert_eq!(violation(&course), expected);
}

#[test]
fn a_moved_file_must_be_identical_unless_it_is_also_declared_as_changed() {
    let course = Course::new();
    for stage in ["chapters/02-two", "services"] {
        course.write(&format!("{stage}/users/src/lib.rs"), "pub struct Customer;\n");
    }
    let violation = violation(&course);
    assert!(
        violation
            .starts_with("chapters/02-two/users/src/lib.rs: differs from chapters/01-one/shop/src/users.rs")
    );

    let text = course.read("chapters/02-two/chapter.toml");
    course.write(
        "chapters/02-two/chapter.toml",
        text.replace("changed = [", "changed = [\"users/src/lib.rs\", "),
    );
    course.chain(&["test"]).succeeded();
}

#[test]
fn every_wrong_declaration_is_reported() {
    let delta = "added = [\"shop/src/relay.rs\"]\n";
    for (wrong, violation) in [
        (
            "changed = [\"shop/src/app.rs\"]",
            "`changed` lists \"shop/src/app.rs\", which is byte for byte the same",
        ),
        ("changed = [\"shop/src/ap.rs\"]", "`changed` lists \"shop/src/ap.rs\", which does not exist"),
        ("removed = [\"shop/src/app.rs\"]", "`removed` lists \"shop/src/app.rs\", which still exists"),
        (
            "removed = [\"shop/src/ap.rs\"]",
            "`removed` lists \"shop/src/ap.rs\", which chapter 2 does not contain",
        ),
        (
            "moved = [\"a -> shop/src/app.rs\"]\nremoved = [\"shop/src/app.rs\"]",
            "`moved` lists \"a\", which chapter 2 does not contain",
        ),
        (
            "moved = [\"shop/src/app.rs -> a\"]\nchanged = [\"a\"]",
            "`changed` lists \"a\", which does not exist",
        ),
        ("moved = [\"shop/src/app.rs -> a\"]", "`moved` lists \"shop/src/app.rs\", which still exists"),
    ] {
        let course = Course::new();
        course.declare("03-three", &format!("{delta}{wrong}\n"));
        let printed = course.chain(&["test"]).failed();
        let line = format!("chapters/03-three/chapter.toml: {violation}");
        assert!(printed.contains(&line), "{wrong}: {printed}");
    }
    for (wrong, violation) in [
        (
            "added = [\"shop/src/app.rs\", \"shop/src/relay.rs\"]",
            "`added` lists \"shop/src/app.rs\", which chapter 2 contains too",
        ),
        (
            "changed = [\"shop/src/relay.rs\"]",
            "`changed` lists \"shop/src/relay.rs\", which chapter 2 does not contain",
        ),
    ] {
        let course = Course::new();
        course.declare("03-three", wrong);
        assert!(course.chain(&["test"]).failed().contains(violation), "{wrong}");
    }
}

#[test]
fn the_first_chapter_must_not_declare_changes() {
    let course = Course::new();
    course.declare("01-one", "added = [\"shop/src/app.rs\"]");
    assert!(violation(&course).starts_with("chapters/01-one/chapter.toml: the first chapter has no earlier"));
}

#[test]
fn a_new_file_may_replace_a_moved_file() {
    let course = Course::new();
    for stage in ["chapters/02-two", "services"] {
        course.write(&format!("{stage}/shop/src/users.rs"), "pub use users::*;\n");
    }
    let printed = course.chain(&["test"]).failed();
    assert!(
        printed.contains(
            "`moved` lists \"shop/src/users.rs\", which still exists; delete the file, or declare the copy as `added`"
        ),
        "{printed}"
    );

    course.edit("chapters/02-two/chapter.toml", "added = [", "added = [\"shop/src/users.rs\", ");
    course.chain(&["test"]).succeeded();
}

#[test]
fn a_missing_workspace_is_reported() {
    let course = Course::new();
    course.edit("chapters/03-three/chapter.toml", "../../services", "../../service");
    let error = course.chain(&["test"]).failed();
    assert!(error.contains(
        "chapters/03-three/chapter.toml: `workspace` is \"../../service\", but that folder does not exist"
    ));
}

#[test]
fn declare_prints_the_correct_table() {
    let course = Course::new();
    for stage in ["chapters/02-two", "services"] {
        course.write(&format!("{stage}/users/src/lib.rs"), "pub struct User;\n// and more\n");
    }
    course.write("chapters/01-one/shop/src/users.rs", "pub struct User;\n// a line\n// a line\n// a line\n");
    for stage in ["chapters/02-two", "services"] {
        course.write(
            &format!("{stage}/users/src/lib.rs"),
            "pub struct User;\n// a line\n// a line\n// another\n",
        );
    }
    course.declare("02-two", "");
    let table = course.chain(&["declare", "2"]).succeeded();
    assert_eq!(
        table,
        "[changes]\nchanged = [\n    \"Cargo.toml\",\n    \"shop/src/app.rs\",\n    \"users/src/lib.rs\",\n]\n\
        added = [\n    \"users/Cargo.toml\",\n]\nmoved = [\n    \"shop/src/users.rs -> users/src/lib.rs\",\n]\n"
    );
    course.declare("02-two", table.trim_start_matches("[changes]\n"));
    course.chain(&["test"]).succeeded();
    assert!(course.chain(&["declare", "1"]).failed().contains("chapter 1 is the first one"));
}

//! A stage differs from the one before where it says so, and nowhere else.

use crate::course::Course;

/// The complaint about declared differences, of which there is one.
fn complaint(course: &Course) -> String {
    let printed = course.chain(&["test"]).failed();
    let mut lines = printed.lines();
    assert_eq!(lines.next(), Some("declared differences: FAILED"), "{printed}");
    let complaint = lines.next().unwrap().trim().to_owned();
    assert_eq!(lines.next(), Some("unique versions: ok"), "one complaint only: {printed}");
    complaint
}

#[test]
fn a_course_that_declares_its_differences_passes_in_a_checkout_and_outside() {
    for course in [Course::new(), Course::committed()] {
        let printed = course.chain(&["test"]).succeeded();
        assert!(!printed.contains("FAILED"), "{printed}");
    }
}

#[test]
fn what_git_does_not_track_and_what_is_a_stages_own_may_differ() {
    let course = Course::new();
    for file in ["target/x", "shop/target/x", "README.md"] {
        course.write(&format!("chapters/02-two/{file}"), "another");
    }
    course.chain(&["test"]).succeeded();
}

#[test]
fn a_file_that_differs_undeclared_is_named_with_its_chapter_and_what_to_do() {
    let course = Course::new();
    course.write("services/shop/src/domain.rs", "pub struct Another;\n");
    assert_eq!(
        complaint(&course),
        "services/shop/src/domain.rs: differs from chapters/02-two/shop/src/domain.rs of chapter 2, and \
        chapters/03-three/chapter.toml does not say so; put it into `changed`, or make both the same (`just carry 2` takes \
        an uncommitted change there forward)"
    );
}

#[test]
fn of_the_workspaces_manifest_only_the_version_is_left_out() {
    let course = Course::new();
    course.edit("services/Cargo.toml", "tells the copy", "says which");
    assert!(complaint(&course).starts_with("services/Cargo.toml: differs"));
}

#[test]
fn a_new_file_and_a_missing_one_have_to_be_declared() {
    let course = Course::new();
    course.write("chapters/02-two/shop/src/more.rs", "");
    course.write("services/shop/src/more.rs", "");
    let expected = "chapters/02-two/shop/src/more.rs: is new since chapter 1, and chapters/02-two/chapter.toml does not \
        say so; put it into `added`, or delete it";
    assert_eq!(complaint(&course), expected);

    let course = Course::new();
    course.remove("services/shop/src/domain.rs");
    let expected = "services/shop/src/domain.rs: chapter 2 has it, here it is gone, and chapters/03-three/chapter.toml \
        does not say so; put it into `removed` or `moved`, or copy it from chapters/02-two/shop/src/domain.rs";
    assert_eq!(complaint(&course), expected);
}

#[test]
fn a_moved_file_is_the_same_to_the_byte_unless_it_is_declared_changed_too() {
    let course = Course::new();
    for stage in ["chapters/02-two", "services"] {
        course.write(&format!("{stage}/users/src/lib.rs"), "pub struct Customer;\n");
    }
    let complaint = complaint(&course);
    assert!(
        complaint
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
fn nothing_untrue_can_be_declared() {
    let delta = "added = [\"shop/src/relay.rs\"]\n";
    for (untrue, complaint) in [
        (
            "changed = [\"shop/src/app.rs\"]",
            "`changed` has \"shop/src/app.rs\", which is the same to the byte",
        ),
        ("changed = [\"shop/src/ap.rs\"]", "`changed` has \"shop/src/ap.rs\", which is not there"),
        ("removed = [\"shop/src/app.rs\"]", "`removed` has \"shop/src/app.rs\", which is still there"),
        ("removed = [\"shop/src/ap.rs\"]", "`removed` has \"shop/src/ap.rs\", which chapter 2 does not have"),
        (
            "moved = [\"a -> shop/src/app.rs\"]\nremoved = [\"shop/src/app.rs\"]",
            "`moved` has \"a\", which chapter 2 does not have",
        ),
        ("moved = [\"shop/src/app.rs -> a\"]\nchanged = [\"a\"]", "`changed` has \"a\", which is not there"),
        ("moved = [\"shop/src/app.rs -> a\"]", "`moved` has \"shop/src/app.rs\", which is still there"),
    ] {
        let course = Course::new();
        course.declare("03-three", &format!("{delta}{untrue}\n"));
        let printed = course.chain(&["test"]).failed();
        let line = format!("chapters/03-three/chapter.toml: {complaint}");
        assert!(printed.contains(&line), "{untrue}: {printed}");
    }
    for (untrue, complaint) in [
        (
            "added = [\"shop/src/app.rs\", \"shop/src/relay.rs\"]",
            "`added` has \"shop/src/app.rs\", which chapter 2 has too",
        ),
        (
            "changed = [\"shop/src/relay.rs\"]",
            "`changed` has \"shop/src/relay.rs\", which chapter 2 does not have",
        ),
    ] {
        let course = Course::new();
        course.declare("03-three", untrue);
        assert!(course.chain(&["test"]).failed().contains(complaint), "{untrue}");
    }
}

#[test]
fn the_first_chapter_declares_nothing() {
    let course = Course::new();
    course.declare("01-one", "added = [\"shop/src/app.rs\"]");
    assert!(complaint(&course).starts_with("chapters/01-one/chapter.toml: `changes` of the first chapter"));
}

#[test]
fn another_file_may_come_where_one_was_moved_away() {
    let course = Course::new();
    for stage in ["chapters/02-two", "services"] {
        course.write(&format!("{stage}/shop/src/users.rs"), "pub use users::*;\n");
    }
    let printed = course.chain(&["test"]).failed();
    assert!(
        printed.contains("`moved` has \"shop/src/users.rs\", which is still there; delete it, or declare the copy as `added`"),
        "{printed}"
    );

    course.edit("chapters/02-two/chapter.toml", "added = [", "added = [\"shop/src/users.rs\", ");
    course.chain(&["test"]).succeeded();
}

#[test]
fn a_stage_that_is_nowhere_is_named() {
    let course = Course::new();
    course.edit("chapters/03-three/chapter.toml", "../../services", "../../service");
    let error = course.chain(&["test"]).failed();
    assert!(error.contains(
        "chapters/03-three/chapter.toml: `workspace` is \"../../service\", and there is no such folder"
    ));
}

#[test]
fn declare_prints_the_table_as_it_should_be() {
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
    assert!(course.chain(&["declare", "1"]).failed().contains("chapter 1 is the first"));
}

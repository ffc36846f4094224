//! `carry` merges a fix into every later stage and loses no change.

use crate::course::{APP, Course};

#[test]
fn a_fix_reaches_every_later_stage_and_keeps_their_own_changes() {
    let course = Course::committed();
    course.edit("chapters/01-one/shop/src/app.rs", "first()", "fixed()");
    course.write("chapters/01-one/shop/src/users.rs", "pub struct User;\npub struct Fixed;\n");
    course.write("chapters/01-one/shop/src/new.rs", "// new\n");
    course.remove("chapters/01-one/shop/src/domain.rs");

    let printed = course.chain(&["carry", "1"]).succeeded();

    assert_eq!(
        printed,
        "chapter 2\n  carried      chapters/02-two/shop/src/app.rs\n  deleted      chapters/02-two/shop/src/domain.rs\n  \
        carried      chapters/02-two/shop/src/new.rs\n  carried      chapters/02-two/users/src/lib.rs\n\
        chapter 3\n  carried      services/shop/src/app.rs\n  deleted      services/shop/src/domain.rs\n  \
        carried      services/shop/src/new.rs\n  carried      services/users/src/lib.rs\n"
    );
    let app = APP.replace("first()", "fixed()").replace("last()", "at_last()");
    for stage in ["chapters/02-two", "services"] {
        assert_eq!(course.read(&format!("{stage}/shop/src/app.rs")), app);
        assert_eq!(
            course.read(&format!("{stage}/users/src/lib.rs")),
            "pub struct User;\npub struct Fixed;\n"
        );
        assert!(
            course.has(&format!("{stage}/shop/src/new.rs"))
                && !course.has(&format!("{stage}/shop/src/domain.rs"))
        );
    }
    course.chain(&["test"]).succeeded();
}

#[test]
fn what_a_users_machine_ignores_or_configures_changes_neither_what_is_carried_nor_what_is_compared() {
    let course = Course::committed();
    let diff = ["diff", "1", "2"];
    let on_a_clean_machine = course.chain(&diff).succeeded();
    assert_eq!(course.chain_on_a_machine_of_its_own(&diff).succeeded(), on_a_clean_machine);
    course.edit("chapters/01-one/shop/src/app.rs", "first()", "fixed()");
    course.write("chapters/01-one/shop/src/new.rs", "// new\n");

    let printed = course.chain_on_a_machine_of_its_own(&["carry", "1"]).succeeded();

    for file in
        ["chapters/02-two/shop/src/app.rs", "chapters/02-two/shop/src/new.rs", "services/shop/src/new.rs"]
    {
        assert!(printed.contains(&format!("carried      {file}\n")), "{file} is not in: {printed}");
        assert!(course.has(file));
    }
    course.chain_on_a_machine_of_its_own(&["test"]).succeeded();
}

#[test]
fn carrying_is_idempotent() {
    let course = Course::committed();
    course.edit("chapters/01-one/shop/src/app.rs", "first()", "fixed()");
    course.chain(&["carry", "1"]).succeeded();
    let once = course.read("services/shop/src/app.rs");
    let printed = course.chain(&["carry", "1"]).succeeded();
    assert_eq!(printed.matches("unchanged").count(), 2, "{printed}");
    assert_eq!(course.read("services/shop/src/app.rs"), once);
}

#[test]
fn carry_stops_at_a_conflict_and_continues_after_it_is_resolved() {
    let course = Course::committed();
    course.edit("chapters/01-one/shop/src/app.rs", "last()", "fixed()");
    course.write("chapters/01-one/shop/src/users.rs", "pub struct Fixed;\n");

    let printed = course.chain(&["carry", "1"]).failed();
    assert!(
        printed.contains("CONFLICT     chapters/02-two/shop/src/app.rs: 1 conflicts, marked in the file"),
        "{printed}"
    );
    assert!(
        printed.contains("Stopped at chapter 2") && printed.contains("Then run `just carry 2`"),
        "{printed}"
    );
    let marked = course.read("chapters/02-two/shop/src/app.rs");
    for text in [
        "fn last() {}",
        "fn at_last() {}",
        "fn fixed() {}",
        "<<<<<<< chapter 2",
        ">>>>>>> chapter 1, changed",
    ] {
        assert!(marked.contains(text), "{text} is not in: {marked}");
    }
    assert_eq!(
        course.read("chapters/02-two/users/src/lib.rs"),
        "pub struct Fixed;\n",
        "the chapter with the conflict receives the whole change"
    );
    assert_eq!(
        course.read("services/users/src/lib.rs"),
        "pub struct User;\n",
        "later chapters receive nothing"
    );

    for chapter in ["1", "2"] {
        let error = course.chain(&["carry", chapter]).failed();
        assert!(error.contains("chapters/02-two/shop/src/app.rs still contains conflict markers"), "{error}");
        assert_eq!(course.read("chapters/02-two/shop/src/app.rs"), marked);
    }
    assert!(
        course
            .chain(&["test"])
            .failed()
            .contains("chapters/02-two/shop/src/app.rs: contains conflict markers; resolve")
    );

    course.write("chapters/02-two/shop/src/app.rs", APP.replace("last()", "fixed_at_last()"));
    course.chain(&["carry", "2"]).succeeded();
    assert_eq!(course.read("services/shop/src/app.rs"), APP.replace("last()", "fixed_at_last()"));
    assert_eq!(course.read("services/users/src/lib.rs"), "pub struct Fixed;\n");
    course.chain(&["test"]).succeeded();
}

#[test]
fn uncommitted_changes_of_a_later_stage_are_kept() {
    let course = Course::committed();
    course.edit("chapters/01-one/shop/src/app.rs", "first()", "fixed()");
    course.edit("chapters/02-two/shop/src/app.rs", "at_last()", "in_progress()");
    course.chain(&["carry", "1"]).succeeded();
    let app = APP.replace("first()", "fixed()").replace("last()", "in_progress()");
    assert_eq!(course.read("chapters/02-two/shop/src/app.rs"), app);
    assert_eq!(course.read("services/shop/src/app.rs"), app);
}

#[test]
fn a_file_that_is_deleted_in_one_chapter_and_changed_in_the_next_is_a_conflict() {
    let course = Course::committed();
    course.remove("chapters/01-one/shop/src/app.rs");
    let before = course.read("chapters/02-two/shop/src/app.rs");
    let printed = course.chain(&["carry", "1"]).failed();
    let conflict = "CONFLICT     chapters/02-two/shop/src/app.rs: deleted in the earlier chapter";
    assert!(printed.contains(conflict), "{printed}");
    assert_eq!(course.read("chapters/02-two/shop/src/app.rs"), before);
}

#[test]
fn the_change_of_a_file_ends_at_the_chapter_that_removes_it() {
    let course = Course::new();
    course.remove("services/shop/src/app.rs");
    course.declare("03-three", "added = [\"shop/src/relay.rs\"]\nremoved = [\"shop/src/app.rs\"]\n");
    let course = course.commit();
    course.edit("chapters/01-one/shop/src/app.rs", "first()", "fixed()");
    let printed = course.chain(&["carry", "1"]).succeeded();
    let line = "removed      services/shop/src/app.rs: chapters/03-three/chapter.toml declares it as removed";
    assert!(printed.contains(line), "{printed}");
    assert!(!course.has("services/shop/src/app.rs"));
}

#[test]
fn the_manifest_of_a_workspace_is_carried_and_keeps_its_version() {
    let course = Course::committed();
    course.edit("chapters/01-one/Cargo.toml", "edition = \"2024\"", "edition = \"2024\"\nlicense = \"MIT\"");
    course.edit("chapters/01-one/Cargo.lock", "version = 4", "version = 3");
    let printed = course.chain(&["carry", "1"]).succeeded();
    assert!(
        printed.contains("skipped      chapters/02-two/Cargo.lock: this file is specific to each chapter"),
        "{printed}"
    );
    let manifest = course.read("services/Cargo.toml");
    assert!(manifest.contains("version = \"0.3.0\"") && manifest.contains("license = \"MIT\""), "{manifest}");
}

#[test]
fn carry_fails_without_a_change_or_a_later_chapter() {
    let course = Course::committed();
    assert!(
        course.chain(&["carry", "1"]).failed().contains("chapters/01-one contains no uncommitted change")
    );
    course.write("services/new.rs", "");
    assert!(course.chain(&["carry", "3"]).failed().contains("chapter 3 is the last one"));
}

//! Missing chapters: a chapter after a gap declares its differences from the last chapter before the gap.

use crate::course::Course;

#[test]
fn a_chapter_after_a_gap_is_compared_with_the_last_one_before_it() {
    let course = Course::with_gap();
    course.chain(&["test"]).succeeded();
    course.edit("services/shop/src/domain.rs", "Order", "Basket");
    let violation = course.chain(&["test"]).failed();
    let differs = "services/shop/src/domain.rs: differs from chapters/02-two/shop/src/domain.rs of chapter 2, but \
        chapters/08-eight/chapter.toml does not declare it";
    assert!(violation.contains(differs), "{violation}");
}

#[test]
fn the_version_must_match_the_number_of_the_chapter_not_its_position() {
    let course = Course::with_gap();
    course.edit("services/Cargo.toml", "0.8.0", "0.3.0");
    let violation = course.chain(&["test"]).failed();
    assert!(
        violation.contains(
            "services/Cargo.toml: the version is 0.3.0, but chapter 8 must have version = \"0.8.0\""
        )
    );
}

#[test]
fn diff_and_declare_work_across_a_gap() {
    let course = Course::with_gap();
    let relay = "added                 +1 -0  shop/src/relay.rs\n";
    assert!(course.chain(&["diff", "2", "8", "--stat"]).succeeded().starts_with(relay));
    assert!(course.chain(&["diff", "1", "8", "--stat"]).succeeded().contains(relay));
    let table = course.chain(&["declare", "8"]).succeeded();
    assert_eq!(table, "[changes]\nadded = [\n    \"shop/src/relay.rs\",\n]\n");
    assert!(course.chain(&["diff", "2", "3"]).failed().contains("the existing chapters are 1, 2, 8"));
}

#[test]
fn a_fix_is_carried_across_a_gap() {
    let course = Course::with_gap().commit();
    course.edit("chapters/01-one/shop/src/app.rs", "first()", "fixed()");
    let printed = course.chain(&["carry", "1"]).succeeded();
    assert!(printed.ends_with("chapter 8\n  carried      services/shop/src/app.rs\n"), "{printed}");
    course.chain(&["test"]).succeeded();
}

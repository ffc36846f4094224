//! `diff` shows the differences between two stages.

use crate::course::Course;

#[test]
fn moves_are_followed_and_files_specific_to_a_stage_are_omitted() {
    let course = Course::new();
    assert_eq!(
        course.chain(&["diff", "1", "3", "--stat"]).succeeded(),
        "changed               +1 -1  Cargo.toml\n\
         changed               +1 -1  shop/src/app.rs\n\
         added                 +1 -0  shop/src/relay.rs\n\
         added                 +3 -0  users/Cargo.toml\n\
         moved                 +0 -0  shop/src/users.rs -> users/src/lib.rs\n\
         2 changed, 2 added, 0 removed, 1 moved (0 of them changed): 6 insertions, 2 deletions\n"
    );
    let back = course.chain(&["diff", "3", "1", "--stat"]).succeeded();
    assert!(back.contains("users/src/lib.rs -> shop/src/users.rs\n"), "{back}");
    assert!(back.contains("removed               +0 -1  shop/src/relay.rs\n"), "{back}");
}

#[test]
fn a_changed_file_is_shown_as_a_unified_diff_without_colours_if_the_output_is_not_a_terminal() {
    let course = Course::new();
    assert_eq!(
        course.chain(&["diff", "1", "2", "shop/src"]).succeeded(),
        "changed: shop/src/app.rs\n--- shop/src/app.rs\n+++ shop/src/app.rs\n@@ -5,4 +5,4 @@\n \n \n \n\
        -fn last() {}\n+fn at_last() {}\n\nmoved: shop/src/users.rs -> users/src/lib.rs\n"
    );
}

#[test]
fn changed_words_are_bold_in_a_diff_with_colours() {
    let course = Course::new();
    for (stage, line) in
        [("chapters/01-one", "take one and two and three"), ("chapters/02-two", "take one and 2 and three")]
    {
        course.write(&format!("{stage}/shop/src/app.rs"), format!("{line}\n"));
    }
    let shown = course.coloured(&["diff", "1", "2", "shop/src/app.rs"]);
    let lines: Vec<_> = shown.lines().map(|line| line.replace('\u{1b}', "")).collect();
    assert!(
        lines.contains(&"[31m-[0m[31mtake one and [0m[1m[31mtwo[0m[31m and three[0m".to_owned()),
        "{lines:#?}"
    );
    assert!(
        lines.contains(&"[32m+[0m[32mtake one and [0m[1m[32m2[0m[32m and three[0m".to_owned()),
        "{lines:#?}"
    );
}

#[test]
fn the_diff_of_a_moved_file_shows_only_its_changes() {
    let course = Course::new();
    course.write("chapters/02-two/users/src/lib.rs", "pub struct User;\n// more");
    let shown = course.chain(&["diff", "1", "2", "users/src/lib.rs"]).succeeded();
    assert_eq!(
        shown,
        "moved, changed: shop/src/users.rs -> users/src/lib.rs\n--- shop/src/users.rs\n+++ users/src/lib.rs\n\
        @@ -1 +1,2 @@\n pub struct User;\n+// more\n\\ No newline at end of file\n"
    );
}

#[test]
fn a_binary_file_is_listed_without_a_diff() {
    let course = Course::new();
    course.write("chapters/02-two/shop/logo", b"\xff\xfe");
    assert_eq!(course.chain(&["diff", "1", "2", "shop/logo"]).succeeded(), "added: shop/logo\nnot text\n");
}

#[test]
fn a_path_that_neither_chapter_contains_is_an_error() {
    let course = Course::new();
    for path in ["shop/src/domain.rs", "chapters/02-two/shop/src/domain.rs"] {
        assert_eq!(course.chain(&["diff", "1", "2", path]).succeeded(), "");
    }
    let error = course.chain(&["diff", "1", "2", "shop/sr"]).failed();
    assert!(error.contains("neither chapter 1 nor chapter 2 contains shop/sr"), "{error}");
    assert!(course.chain(&["diff", "1", "9"]).failed().contains("the existing chapters are 1, 2, 3"));
}

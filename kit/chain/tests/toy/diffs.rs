//! Two stages side by side.

use crate::course::Course;

#[test]
fn moves_are_followed_and_what_each_stage_has_of_its_own_is_left_out() {
    let course = Course::new();
    assert_eq!(
        course.chain(&["diff", "1", "3", "--stat"]).succeeded(),
        "changed               +1 -1  Cargo.toml\n\
         changed               +1 -1  shop/src/app.rs\n\
         added                 +1 -0  shop/src/relay.rs\n\
         added                 +3 -0  users/Cargo.toml\n\
         moved                 +0 -0  shop/src/users.rs -> users/src/lib.rs\n\
         2 changed, 2 added, 0 removed, 1 moved (0 of them changed): 6 lines came, 2 went\n"
    );
    let back = course.chain(&["diff", "3", "1", "--stat"]).succeeded();
    assert!(back.contains("users/src/lib.rs -> shop/src/users.rs\n"), "{back}");
    assert!(back.contains("removed               +0 -1  shop/src/relay.rs\n"), "{back}");
}

#[test]
fn a_changed_file_is_shown_as_a_unified_diff_without_colours_where_no_terminal_is() {
    let course = Course::new();
    assert_eq!(
        course.chain(&["diff", "1", "2", "shop/src"]).succeeded(),
        "changed: shop/src/app.rs\n--- shop/src/app.rs\n+++ shop/src/app.rs\n@@ -5,4 +5,4 @@\n \n \n \n\
        -fn last() {}\n+fn at_last() {}\n\nmoved: shop/src/users.rs -> users/src/lib.rs\n"
    );
}

#[test]
fn where_colours_are_asked_for_the_words_that_changed_are_bold() {
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
fn of_a_file_that_moved_and_changed_only_the_change_is_shown() {
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
fn what_is_no_text_is_only_named() {
    let course = Course::new();
    course.write("chapters/02-two/shop/logo", b"\xff\xfe");
    assert_eq!(course.chain(&["diff", "1", "2", "shop/logo"]).succeeded(), "added: shop/logo\nnot text\n");
}

#[test]
fn a_path_that_neither_chapter_has_is_an_error_and_one_without_difference_is_not() {
    let course = Course::new();
    for path in ["shop/src/domain.rs", "chapters/02-two/shop/src/domain.rs"] {
        assert_eq!(course.chain(&["diff", "1", "2", path]).succeeded(), "");
    }
    let error = course.chain(&["diff", "1", "2", "shop/sr"]).failed();
    assert!(error.contains("neither chapter 1 nor chapter 2 has shop/sr"), "{error}");
    assert!(course.chain(&["diff", "1", "9"]).failed().contains("the chapters here are 1, 2, 3"));
}

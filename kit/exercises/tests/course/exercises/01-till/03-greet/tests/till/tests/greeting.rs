//! Tests that the exercise adds.

#[test]
fn a_greeting_is_one_line() {
    assert!(till::greeting().lines().count() < 2);
}

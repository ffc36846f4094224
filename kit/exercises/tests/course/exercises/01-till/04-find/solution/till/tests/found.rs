#[test]
fn the_bug_is_detected() {
    let mut till = till::Till { cents: 5 };
    assert_eq!((till.give(6), till.give(4), till.cents), (None, Some(4), 1));
}

#[test]
fn the_bug_is_detected() {
    let mut till = till::Till { cents: 5 };
    assert_eq!(till.give(4), Some(4));
}

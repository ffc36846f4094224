#[test]
fn the_bug_is_detected() {
    todo!("find the bug")
}

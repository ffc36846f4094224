//! Your test of exercise 1.6.

#[path = "api/harness.rs"]
#[allow(dead_code)] // this test needs only a part of it
mod harness;

#[tokio::test]
async fn the_bug_is_detected() {
    todo!("a test that detects the bug")
}

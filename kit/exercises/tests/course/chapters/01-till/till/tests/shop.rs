//! A till as a shop uses it.

#[test]
fn a_customer_is_greeted() {
    assert_eq!(till::greeting(), "Good morning");
}

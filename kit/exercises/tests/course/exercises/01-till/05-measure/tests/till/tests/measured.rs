#[test]
fn a_receipt_has_as_many_lines_as_measured() {
    let lines = till::receipt(&[100; 30]).lines().count();
    assert_eq!(std::env::var("ANSWERS").unwrap(), format!(r#"{{"lines":{lines}}}"#));
}

#[cfg(test)]
mod keyset {
    use super::*;

    #[test]
    fn a_full_last_page_has_no_next_page() {
        let limit = Limit::parse(Some("2")).unwrap();
        let page = Page::cut(vec![9, 8], limit, |n| *n);
        assert_eq!(page.items, [9, 8]);
        assert_eq!(page.next_cursor, None, "there were two items, and both are on the page");
    }
}

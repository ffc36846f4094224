#[cfg(test)]
mod by_key {
    use super::*;

    #[test]
    fn a_last_page_that_is_full_has_no_next() {
        let limit = Limit::parse(Some("2")).unwrap();
        let page = Page::cut(vec![9, 8], limit, |n| *n);
        assert_eq!(page.items, [9, 8]);
        assert_eq!(page.next_cursor, None, "there were two items, and two are on the page");
    }
}

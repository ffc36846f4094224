impl<T> Page<T> {
    /// Makes a page of items that were read with one more than the limit. The extra item shows that there is a next page.
    pub fn cut<K: Display>(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        todo!("cut the page")
    }
}

impl<K: Display> Cursor<K> {
    fn encode(&self) -> String {
        todo!("encode a cursor")
    }
}

impl<K: FromStr> Cursor<K> {
    /// Parses the `next_cursor` of an earlier page. Without a text, the result is `None`: the first page.
    pub fn parse(text: Option<&str>) -> Result<Option<K>, &'static str> {
        todo!("parse a cursor")
    }

    fn decode(text: &str) -> Option<K> {
        todo!("decode a cursor")
    }
}

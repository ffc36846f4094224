impl<T> Page<T> {
    /// Makes a page of items read with one more than the limit: the one too many tells that there is a next page.
    pub fn cut<K: Display>(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        todo!("cut what is too many")
    }
}

impl<K: Display> Cursor<K> {
    fn encode(&self) -> String {
        todo!("write a cursor")
    }
}

impl<K: FromStr> Cursor<K> {
    /// Accepts what a page gave as its `next_cursor`; none means the beginning.
    pub fn parse(text: Option<&str>) -> Result<Option<K>, &'static str> {
        todo!("read a cursor, or none")
    }

    fn decode(text: &str) -> Option<K> {
        todo!("the key in a cursor, if it is one")
    }
}

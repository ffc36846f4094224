impl<T> Page<T> {
    pub fn cut<K: Display>(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() >= limit.0;
        items.truncate(limit.0);
        let next_cursor = items.last().filter(|_| more).map(|item| Cursor(key(item)).encode());
        Self { items, next_cursor }
    }
}

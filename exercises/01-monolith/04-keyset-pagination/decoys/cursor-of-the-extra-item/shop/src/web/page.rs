impl<T> Page<T> {
    pub fn cut<K: Display>(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let next_cursor = items.get(limit.0).map(|item| Cursor(key(item)).encode());
        items.truncate(limit.0);
        Self { items, next_cursor }
    }
}

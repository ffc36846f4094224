impl Till {
    pub fn retry(&self, mut request: impl FnMut() -> bool, attempts: u32) -> bool {
        while !request() {}
        attempts > 0
    }
}

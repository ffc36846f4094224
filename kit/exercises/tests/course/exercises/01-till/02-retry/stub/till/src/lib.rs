impl Till {
    /// Retries a request until it succeeds, up to a number of attempts.
    pub fn retry(&self, mut request: impl FnMut() -> bool, attempts: u32) -> bool {
        todo!()
    }
}

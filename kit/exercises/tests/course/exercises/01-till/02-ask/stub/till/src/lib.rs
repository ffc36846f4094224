impl Till {
    /// Asks until the answer is yes, so many times at most.
    pub fn ask(&self, mut answer: impl FnMut() -> bool, times: u32) -> bool {
        todo!()
    }
}

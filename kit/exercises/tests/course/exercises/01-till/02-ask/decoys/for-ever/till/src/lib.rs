impl Till {
    pub fn ask(&self, mut answer: impl FnMut() -> bool, times: u32) -> bool {
        while !answer() {}
        times > 0
    }
}

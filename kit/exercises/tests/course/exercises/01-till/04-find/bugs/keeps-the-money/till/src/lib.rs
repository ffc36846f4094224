impl Till {
    pub fn give(&mut self, cents: u32) -> Option<u32> {
        self.cents.checked_sub(cents).map(|_| cents)
    }
}

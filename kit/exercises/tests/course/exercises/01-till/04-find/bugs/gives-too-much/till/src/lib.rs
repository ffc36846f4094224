impl Till {
    pub fn give(&mut self, cents: u32) -> Option<u32> {
        self.cents = self.cents.saturating_sub(cents);
        Some(cents)
    }
}

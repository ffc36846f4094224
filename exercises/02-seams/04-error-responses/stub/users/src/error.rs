impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        todo!("what a client hears of accounts")
    }
}

impl From<AccountError> for Problem {
    fn from(failure: AccountError) -> Self {
        todo!("what a client hears of accounts")
    }
}

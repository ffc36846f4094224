impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let (status, kind, title) = match error {
            AccountError::WrongCredentials => {
                (todo!("choose the status"), "wrong-credentials", "Wrong e-mail address or password")
            }
            AccountError::TooManyGuesses { retry_after } => {
                return Self::too_many_requests("Too many wrong passwords; please retry later", retry_after);
            }
            AccountError::WrongPassword => {
                (todo!("choose the status"), "wrong-password", "Wrong current password")
            }
            AccountError::EmailTaken => {
                (todo!("choose the status"), "email-taken", "E-mail address already registered")
            }
        };
        Self::new(status, kind, title)
    }
}

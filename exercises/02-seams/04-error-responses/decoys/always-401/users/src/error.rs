impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let (status, kind, title) = match error {
            AccountError::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong-credentials", "Wrong e-mail address or password"),
            AccountError::TooManyGuesses { retry_after } => {
                return Self::too_many_requests("Too many wrong passwords; please retry later", retry_after);
            }
            AccountError::WrongPassword => (StatusCode::UNAUTHORIZED, "wrong-password", "Wrong password"),
            AccountError::EmailTaken => (StatusCode::CONFLICT, "email-taken", "E-mail address is taken"),
        };
        Self::new(status, kind, title)
    }
}

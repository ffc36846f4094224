impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let (status, kind, title) = match error {
            AccountError::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong-credentials", "Wrong e-mail address or password"),
            AccountError::WrongPassword => (StatusCode::UNAUTHORIZED, "wrong-password", "Wrong password"),
            AccountError::EmailTaken => (StatusCode::CONFLICT, "email-taken", "E-mail address is taken"),
        };
        Self::new(status, kind, title)
    }
}

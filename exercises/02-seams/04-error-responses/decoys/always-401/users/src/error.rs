impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let (status, kind, title) = match error {
            AccountError::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong-credentials", "Wrong e-mail address or password"),
            AccountError::WrongPassword => (StatusCode::UNAUTHORIZED, "wrong-password", "The current password is wrong"),
            AccountError::EmailTaken => (StatusCode::CONFLICT, "email-taken", "The e-mail address is already registered"),
        };
        Self::new(status, kind, title)
    }
}

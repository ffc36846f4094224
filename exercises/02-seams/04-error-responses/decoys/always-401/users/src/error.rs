impl From<AccountError> for Problem {
    fn from(failure: AccountError) -> Self {
        let (status, kind, title) = match failure {
            AccountError::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong-credentials", "Not logged in"),
            AccountError::WrongPassword => (StatusCode::UNAUTHORIZED, "wrong-password", "Not changed"),
            AccountError::EmailTaken => (StatusCode::CONFLICT, "email-taken", "The e-mail address is taken"),
        };
        Self::new(status, kind, title).detail(failure.to_string())
    }
}

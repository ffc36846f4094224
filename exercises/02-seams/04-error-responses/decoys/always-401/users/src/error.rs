impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let (status, kind, title) = match failure {
            Failure::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong-credentials", "Not logged in"),
            Failure::WrongPassword => (StatusCode::UNAUTHORIZED, "wrong-password", "Not changed"),
            Failure::EmailTaken => (StatusCode::CONFLICT, "email-taken", "The e-mail address is taken"),
        };
        Self::new(status, kind, title).detail(failure.to_string())
    }
}

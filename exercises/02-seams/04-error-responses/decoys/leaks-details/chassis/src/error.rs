impl<E: Into<Problem>> From<Error<E>> for Problem {
    fn from(error: Error<E>) -> Self {
        match error {
            Error::Refused(problem) => problem,
            Error::Domain(error) => error.into(),
            Error::NotFound => Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Error::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "One key, two requests")
                    .detail("the idempotency key was used with another request")
            }
            Error::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Nothing was done; please repeat it")
            }
            Error::Database(error) if is_transient(&error) => Self::from(Error::<Infallible>::Busy),
            Error::Database(error) => Self::internal().detail(error.to_string()),
            Error::Unexpected(error) => Self::internal().detail(error.to_string()),
        }
    }
}

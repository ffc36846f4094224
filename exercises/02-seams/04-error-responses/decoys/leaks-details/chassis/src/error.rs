impl<E: Into<Problem>> From<Error<E>> for Problem {
    fn from(error: Error<E>) -> Self {
        match error {
            Error::Refused(problem) => problem,
            Error::Domain(error) => error.into(),
            Error::NotFound => Self::new(StatusCode::NOT_FOUND, "not-found", "Resource not found"),
            Error::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "Idempotency key reused")
                    .detail("the key was already used for a different request")
            }
            Error::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The service is busy and nothing was changed; please retry")
            }
            Error::Database(error) if is_transient(&error) => Self::from(Error::<Infallible>::Busy),
            Error::Database(error) => Self::internal().detail(error.to_string()),
            Error::Unexpected(error) => Self::internal().detail(error.to_string()),
        }
    }
}

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
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy, nothing was changed; please retry")
            }
            Error::Database(_) | Error::Unexpected(_) => todo!("an internal error"),
        }
    }
}

/// Whether a retry may succeed: the database was busy (5), the disk was full (13), or no connection became free.
fn is_transient(error: &sqlx::Error) -> bool {
    todo!("whether a retry may succeed")
}

impl<E: Into<Problem>> From<Error<E>> for Problem {
    fn from(error: Error<E>) -> Self {
        todo!("what a client hears")
    }
}

/// Whether the database may well do it in a second: it was busy (5), out of disk (13), or had no connection free.
fn is_transient(error: &sqlx::Error) -> bool {
    todo!("whether it passes")
}

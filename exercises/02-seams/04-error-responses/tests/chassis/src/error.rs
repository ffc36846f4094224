#[cfg(test)]
mod transient {
    use std::{borrow::Cow, error, fmt};

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    /// An error of SQLite with this result code.
    #[derive(Debug)]
    struct Code(i32);

    impl fmt::Display for Code {
        fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
            write!(f, "code {}", self.0)
        }
    }

    impl error::Error for Code {}

    impl DatabaseError for Code {
        fn message(&self) -> &str {
            "failed"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.to_string().into())
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }

        fn as_error(&self) -> &(dyn error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn error::Error + Send + Sync + 'static> {
            self
        }
    }

    #[test]
    fn busy_full_and_no_free_connection_are_transient() {
        let code = |code| is_transient(&sqlx::Error::Database(Box::new(Code(code))));
        assert!(code(5) && code(13), "busy and full");
        assert!(code(261) && code(517), "extended codes of busy: the low byte is 5");
        assert!(!code(1) && !code(19) && !code(275), "a bug");
        assert!(is_transient(&sqlx::Error::PoolTimedOut) && !is_transient(&sqlx::Error::RowNotFound));
    }
}

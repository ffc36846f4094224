#[cfg(test)]
mod passing {
    use std::{borrow::Cow, error, fmt};

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    /// What SQLite says, by its code.
    #[derive(Debug)]
    struct Said(i32);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
            write!(f, "code {}", self.0)
        }
    }

    impl error::Error for Said {}

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            "it did not work"
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
    fn a_database_that_is_busy_or_full_or_has_no_connection_free_may_do_it_in_a_second() {
        let said = |code| is_transient(&sqlx::Error::Database(Box::new(Said(code))));
        assert!(said(5) && said(13), "busy and full");
        assert!(said(261) && said(517), "busy, more exactly: the low byte is 5");
        assert!(!said(1) && !said(19) && !said(275), "a bug");
        assert!(is_transient(&sqlx::Error::PoolTimedOut) && !is_transient(&sqlx::Error::RowNotFound));
    }
}

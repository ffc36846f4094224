//! The correlation id: the id of the request that caused a message.
//!
//! It is passed on from the request to the messages in the outbox, from a message to its consumer, and to the messages
//! that the consumer sends. So one id finds every log line of a request, in every service. Work that the clock causes,
//! such as a retry, has no correlation id.

tokio::task_local! {
    static CORRELATION_ID: Option<String>;
}

/// Runs a future whose messages carry this correlation id. Tasks that it spawns do not inherit the id.
pub async fn with<F: Future>(id: Option<String>, future: F) -> F::Output {
    CORRELATION_ID.scope(id, future).await
}

/// The correlation id of the current task.
pub fn current() -> Option<String> {
    CORRELATION_ID.try_with(Clone::clone).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_id_belongs_to_one_task() {
        assert_eq!(current(), None);
        let one = with(Some("one".to_owned()), async {
            tokio::task::yield_now().await;
            current()
        });
        let other = with(None, async { current() });
        assert_eq!(tokio::join!(one, other), (Some("one".to_owned()), None));
    }
}

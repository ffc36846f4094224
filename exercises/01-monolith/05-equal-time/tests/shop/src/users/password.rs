#[cfg(test)]
mod equal_time {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_guess_for_nobody_waits_for_its_turn_and_is_hashed() {
        let hasher = Hasher { permits: Arc::new(Semaphore::new(0)), ..Hasher::new().unwrap() };
        let guess = || hasher.verify(Password::from("correct horse".to_owned()), None);
        let judged = timeout(Duration::from_secs(1), guess()).await;
        assert!(judged.is_err(), "no password can be hashed now, and this one was judged");
        hasher.permits.add_permits(1);
        assert!(!guess().await.unwrap(), "nobody's password is never right");
    }
}

#[cfg(test)]
mod equal_time {
    use std::time::Duration;

    use clap::Parser;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::{App, Config};

    #[tokio::test]
    async fn a_password_without_an_account_waits_for_a_permit_and_is_hashed() {
        let decoy = Hasher::new().unwrap().decoy;
        let hasher = Hasher { permits: Arc::new(Semaphore::new(0)), memory: Arc::default(), decoy };
        let verify = || hasher.verify(Password::from("correct horse".to_owned()), None);
        let verified = timeout(Duration::from_secs(1), verify()).await;
        assert!(verified.is_err(), "there is no permit, but the password was judged");
        hasher.permits.add_permits(1);
        assert!(!verify().await.unwrap(), "without an account no password matches");
        let memory = lock(&hasher.memory).pop().unwrap_or_default();
        assert!(!memory.is_empty(), "it waited for a permit, but hashed nothing");
    }

    #[tokio::test]
    async fn a_log_in_that_waits_to_hash_holds_no_connection() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::parse_from(["shop"]);
        config.database = folder.path().join("shop.db");
        let mut app = App::open(&config).await.unwrap();
        app.hasher.permits = Arc::new(Semaphore::new(0));
        for _ in 0..8 {
            let app = app.clone();
            tokio::spawn(async move { app.log_in("a@b", Password::from("correct horse".to_owned())).await });
        }
        sleep(Duration::from_millis(500)).await;
        let read = timeout(Duration::from_secs(2), app.db.read()).await;
        assert!(read.is_ok(), "eight log-ins wait for a permit, and no other request can read the database");
    }
}

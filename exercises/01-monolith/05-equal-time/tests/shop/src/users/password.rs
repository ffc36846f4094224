#[cfg(test)]
mod equal_time {
    use std::time::Duration;

    use clap::Parser;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::{App, Config};

    #[tokio::test]
    async fn a_guess_for_nobody_waits_for_its_turn_and_is_hashed() {
        let decoy = Hasher::new().unwrap().decoy;
        let hasher = Hasher { permits: Arc::new(Semaphore::new(0)), memory: Arc::default(), decoy };
        let guess = || hasher.verify(Password::from("correct horse".to_owned()), None);
        let judged = timeout(Duration::from_secs(1), guess()).await;
        assert!(judged.is_err(), "no password can be hashed now, and this one was judged");
        hasher.permits.add_permits(1);
        assert!(!guess().await.unwrap(), "nobody's password is never right");
        let hashed_in = lock(&hasher.memory).pop().unwrap_or_default();
        assert!(!hashed_in.is_empty(), "it waited for its turn, and then nothing was hashed");
    }

    #[tokio::test]
    async fn who_waits_for_a_hash_holds_no_connection() {
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
        assert!(read.is_ok(), "eight log-ins wait to be hashed, and nobody else can read the database");
    }
}

#[cfg(test)]
mod bulkhead {
    use std::sync::mpsc;

    use super::*;

    fn with(permits: usize, permit_timeout: Duration) -> Hasher {
        Hasher { permits: Arc::new(Semaphore::new(permits)), permit_timeout, ..Hasher::new().unwrap() }
    }

    #[test]
    fn half_of_the_cores_hash_but_at_least_one() {
        let cores = thread::available_parallelism().unwrap().get();
        assert_eq!(Hasher::new().unwrap().permits.available_permits(), cores.div_ceil(2), "of {cores} cores");
    }

    #[tokio::test]
    async fn the_timeout_covers_waiting_and_not_hashing() {
        let hasher = with(1, Duration::from_millis(20));
        let work = |_: &mut Memory| {
            thread::sleep(Duration::from_millis(200));
            Ok("done")
        };
        assert!(matches!(hasher.run(work).await, Ok("done")), "it had a permit at once");
    }

    #[tokio::test]
    async fn a_disconnected_client_keeps_its_permit_until_the_hash_is_done() {
        let hasher = with(1, Duration::from_secs(5));
        let ((started, has_started), (finish, may_finish)) = (tokio::sync::oneshot::channel(), mpsc::channel());
        let client = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                let work = move |_: &mut Memory| {
                    started.send(()).ok();
                    Ok(may_finish.recv()?)
                };
                hasher.run(work).await
            }
        });
        has_started.await.unwrap();
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled(), "the client has disconnected");
        assert_eq!(hasher.permits.available_permits(), 0, "free permits during the work");
        finish.send(()).unwrap();
        assert!(hasher.permits.acquire().await.is_ok(), "the permit is free after the work");
    }

    #[tokio::test]
    async fn the_working_memory_is_reused() {
        let hasher = with(1, Duration::from_secs(5));
        for _ in 0..2 {
            let blocks = hasher.run(|memory| Ok(memory.len())).await;
            assert_eq!(blocks.ok(), Some(Params::default().block_count()), "blocks that are allocated already");
        }
    }
}

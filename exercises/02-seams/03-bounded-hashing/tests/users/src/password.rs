#[cfg(test)]
mod bulkhead {
    use std::sync::mpsc;

    use super::*;

    fn with(permits: usize, permit_timeout: Duration) -> Hasher {
        Hasher { permits: Arc::new(Semaphore::new(permits)), permit_timeout, ..Hasher::new().unwrap() }
    }

    #[test]
    fn half_of_the_cores_hash_and_one_at_least() {
        let cores = thread::available_parallelism().unwrap().get();
        assert_eq!(Hasher::new().unwrap().permits.available_permits(), cores.div_ceil(2), "of {cores} cores");
    }

    #[tokio::test]
    async fn patience_is_for_the_turn_and_not_for_the_work() {
        let hasher = with(1, Duration::from_millis(20));
        let work = |_: &mut Memory| {
            thread::sleep(Duration::from_millis(200));
            Ok("done")
        };
        assert!(matches!(hasher.run(work).await, Ok("done")), "it had its turn at once");
    }

    #[tokio::test]
    async fn who_hangs_up_keeps_the_turn_until_the_work_is_done() {
        let hasher = with(1, Duration::from_secs(5));
        let ((started, has_started), (go_on, may_go_on)) = (tokio::sync::oneshot::channel(), mpsc::channel());
        let client = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                let work = move |_: &mut Memory| {
                    started.send(()).ok();
                    Ok(may_go_on.recv()?)
                };
                hasher.run(work).await
            }
        });
        has_started.await.unwrap();
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled(), "the client has hung up");
        assert_eq!(hasher.permits.available_permits(), 0, "permits, while the work goes on");
        go_on.send(()).unwrap();
        assert!(hasher.permits.acquire().await.is_ok(), "and then it is the next one's turn");
    }

    #[tokio::test]
    async fn what_was_hashed_in_is_used_again() {
        let hasher = with(1, Duration::from_secs(5));
        for _ in 0..2 {
            let blocks = hasher.run(|memory| Ok(memory.len())).await;
            assert_eq!(blocks.ok(), Some(Params::default().block_count()), "blocks that are there already");
        }
    }
}

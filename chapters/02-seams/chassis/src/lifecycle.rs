//! How the process runs and ends: its background tasks and its shutdown.

use std::{collections::HashMap, future::pending, time::Duration};

use anyhow::{anyhow, ensure};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::{Id, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// How long requests in flight may take after a shutdown is requested. It is longer than a request may take, so that an
/// accepted request gets its response.
const GRACE_PERIOD: Duration = Duration::from_secs(10);

/// The background tasks of the process. They run until the process ends.
#[derive(Default)]
pub struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// Starts a task that never ends by itself. It is aborted when the tasks are dropped.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.running.spawn(task);
        self.names.insert(task.id(), name);
    }

    /// Waits until a task ends, which none of them should before the shutdown, and returns the reason.
    async fn failed(&mut self, shutdown: &CancellationToken) -> anyhow::Error {
        let (id, reason) = match self.running.join_next_with_id().await {
            _ if shutdown.is_cancelled() => return pending().await,
            None => return pending().await,
            Some(Ok((id, ()))) => (id, anyhow!("it returned")),
            Some(Err(error)) => (error.id(), error.into()),
        };
        let name = self.names.get(&id).copied().unwrap_or_default();
        reason.context(format!("the background task `{name}` has ended"))
    }
}

/// A token that SIGTERM or Ctrl-C cancels.
pub fn shutdown_on_signal() -> anyhow::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let mut terminated = signal(SignalKind::terminate())?;
    let token = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        tracing::info!("shutdown requested, finishing the requests in flight");
        token.cancel();
    });
    Ok(shutdown)
}

/// Runs until `shutdown` is cancelled and `serving` has finished the requests in flight, or until the grace period is
/// over.
///
/// If a background task ends before the shutdown, the process ends with an error, so that it is restarted. Otherwise
/// nobody would notice that the work of the task is no longer done.
pub async fn run(
    serving: impl Future<Output = ()>,
    mut tasks: Tasks,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    tokio::select! {
        () = serving => ensure!(shutdown.is_cancelled(), "the server stopped without a shutdown"),
        error = tasks.failed(&shutdown) => return Err(error),
        () = grace_period_over(&shutdown) => tracing::warn!("requests in flight were aborted"),
    }
    Ok(())
}

async fn grace_period_over(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(GRACE_PERIOD).await;
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    /// The error of a process with two background tasks, one of which does this.
    async fn error_of(task: impl Future<Output = ()> + Send + 'static) -> String {
        let mut tasks = Tasks::default();
        tasks.spawn("worker", pending());
        tasks.spawn("pruning", task);
        format!("{:?}", run(pending(), tasks, CancellationToken::new()).await.unwrap_err())
    }

    #[tokio::test]
    async fn a_background_task_that_panics_ends_the_process_with_an_error_that_names_it() {
        let error = error_of(async { panic!("no disk") }).await;
        assert!(error.contains("`pruning`") && error.contains("no disk"), "{error}");
        assert!(!error.contains("worker"), "{error}");
    }

    #[tokio::test]
    async fn a_background_task_that_returns_ends_the_process_with_an_error_that_names_it() {
        let error = error_of(async {}).await;
        assert!(error.contains("`pruning`") && error.contains("returned"), "{error}");
    }

    #[tokio::test]
    async fn a_background_task_may_return_during_the_shutdown() {
        let (mut tasks, shutdown) = (Tasks::default(), CancellationToken::new());
        shutdown.cancel();
        tasks.spawn("worker", ready(()));
        let serving = async {
            for _ in 0..10 {
                tokio::task::yield_now().await; // meanwhile the task has returned
            }
        };
        run(serving, tasks, shutdown).await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_stops_is_an_error_unless_a_shutdown_was_requested() {
        let shutdown = CancellationToken::new();
        assert!(run(ready(()), Tasks::default(), shutdown.clone()).await.is_err());
        shutdown.cancel();
        assert!(run(ready(()), Tasks::default(), shutdown).await.is_ok());
    }
}

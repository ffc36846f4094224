//! One process of a stage: starting it, waiting until it is ready, and stopping it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use tokio::{
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
};

use crate::{
    guard::{GRACE, signal_group},
    log::{self, MergedLog, OutputSink},
    run::RunFolder,
};

/// The description of a process. It does not change when the process is restarted.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) service: String,
    pub(crate) instance: u16,
    /// The name in the merged log.
    pub(crate) source: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Its URL for clients.
    pub(crate) address: String,
    /// A URL that returns 200 once it is ready.
    pub(crate) health: String,
    pub(crate) log: PathBuf,
    /// Its configuration, as environment variables.
    pub(crate) settings: BTreeMap<String, OsString>,
}

impl Spec {
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.service, self.instance)
    }
}

/// A started process. Clones refer to the same process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Its process id, which is also the id of its process group.
    pub(crate) pid: u32,
    exit: watch::Receiver<Option<ExitStatus>>,
}

/// Why a process did not become ready.
#[derive(Debug)]
pub(crate) enum NotReady {
    Died(ExitStatus),
    TimedOut,
}

/// The time limit for reading the remaining output, because a child of the process may hold it open.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

impl Process {
    /// Starts it in its own process group, watched by the guard.
    pub(crate) fn spawn(spec: &Spec, run: &Arc<RunFolder>, merged: &MergedLog) -> io::Result<Self> {
        let file = log::open(&spec.log)?;
        let mut child = Command::new(&spec.program)
            .args(&spec.arguments)
            .env_clear()
            .envs(crate::environment::minimal())
            .envs(&spec.settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the process exited at once"))?;
        run.guard.watch(pid)?;
        let sink = OutputSink { source: spec.source.clone(), file: spec.log.clone(), merged: merged.clone() };
        let mut drains = Vec::new();
        if let Some(output) = child.stdout.take() {
            drains.push(tokio::spawn(sink.clone().drain(output, file.try_clone()?)));
        }
        if let Some(output) = child.stderr.take() {
            drains.push(tokio::spawn(sink.drain(output, file)));
        }
        let (exited, exit) = watch::channel(None);
        tokio::spawn(reap(child, pid, drains, Arc::clone(run), exited));
        Ok(Self { pid, exit })
    }

    /// Its exit status, if it has exited.
    pub(crate) fn exited(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits until it has exited and its output is in the log.
    pub(crate) async fn wait(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            Err(_) => ExitStatus::default(), // the runtime is shutting down
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if self.exited().is_none() {
            signal_group(self.pid, signal);
        }
    }

    /// SIGTERM, followed by SIGKILL after [`GRACE`].
    pub(crate) async fn stop(&self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT); // a stopped process handles SIGTERM only after it is resumed
        match tokio::time::timeout(GRACE, self.wait()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }

    pub(crate) async fn kill(&self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.wait().await
    }

    /// Polls a URL until it returns 200.
    pub(crate) async fn ready(
        &self,
        http: &reqwest::Client,
        url: &str,
        ready_timeout: Duration,
    ) -> Result<(), NotReady> {
        let deadline = Instant::now() + ready_timeout;
        while Instant::now() < deadline {
            if let Some(status) = self.exited() {
                return Err(NotReady::Died(status));
            }
            let response = http.get(url).send().await;
            if response.is_ok_and(|response| response.status() == reqwest::StatusCode::OK) {
                return Ok(());
            }
            tokio::time::timeout(POLL_INTERVAL, self.wait()).await.ok();
        }
        Err(NotReady::TimedOut)
    }
}

/// Waits until a process exits, kills what is left of its group, and publishes the exit status.
async fn reap(
    mut child: Child,
    group: u32,
    drains: Vec<JoinHandle<()>>,
    run: Arc<RunFolder>,
    exited: watch::Sender<Option<ExitStatus>>,
) {
    let status = child.wait().await.unwrap_or_default();
    signal_group(group, Signal::KILL);
    run.guard.unwatch(group);
    for drain in drains {
        tokio::time::timeout(OUTPUT_TIMEOUT, drain).await.ok();
    }
    exited.send_replace(Some(status));
}

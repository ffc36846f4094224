//! One process of a stage: how it is started, and how it lives and ends.

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
    log::{self, MergedLog, Outlet},
    run::RunFolder,
};

/// What stays the same about a process however often it is started.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) service: String,
    pub(crate) instance: u16,
    /// The name in the merged log.
    pub(crate) speaker: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Where it answers, for those who use it.
    pub(crate) address: String,
    /// What answers 200 once it is ready.
    pub(crate) health: String,
    pub(crate) log: PathBuf,
    /// All of its configuration.
    pub(crate) settings: BTreeMap<String, OsString>,
}

impl Spec {
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.service, self.instance)
    }
}

/// A process that was started. Clones are the same process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Its id and, since it leads one, its process group.
    pub(crate) pid: u32,
    exit: watch::Receiver<Option<ExitStatus>>,
}

/// How a wait for readiness ended, when not well.
#[derive(Debug)]
pub(crate) enum NotReady {
    Died(ExitStatus),
    TimedOut,
}

/// Output that a grandchild holds open is not waited for longer.
const LAST_WORDS: Duration = Duration::from_secs(1);
const BETWEEN_ASKS: Duration = Duration::from_millis(10);

impl Process {
    /// Starts it in a process group of its own, under the guard.
    pub(crate) fn spawn(spec: &Spec, run: &Arc<RunFolder>, merged: &MergedLog) -> io::Result<Self> {
        let file = log::open(&spec.log)?;
        let mut child = Command::new(&spec.program)
            .args(&spec.arguments)
            .env_clear()
            .envs(crate::environment::inherited())
            .envs(&spec.settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the process ended before it began"))?;
        run.guard.watch(pid)?;
        let outlet = Outlet { speaker: spec.speaker.clone(), file: spec.log.clone(), merged: merged.clone() };
        let mut drains = Vec::new();
        if let Some(output) = child.stdout.take() {
            drains.push(tokio::spawn(outlet.clone().drain(output, file.try_clone()?)));
        }
        if let Some(output) = child.stderr.take() {
            drains.push(tokio::spawn(outlet.drain(output, file)));
        }
        let (exited, exit) = watch::channel(None);
        tokio::spawn(see_off(child, pid, drains, Arc::clone(run), exited));
        Ok(Self { pid, exit })
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits until it has ended and all it printed is in the log.
    pub(crate) async fn wait(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            Err(_) => ExitStatus::default(), // the runtime is shutting down
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if self.ended().is_none() {
            signal_group(self.pid, signal);
        }
    }

    /// SIGTERM, and SIGKILL for what still runs [`GRACE`] later.
    pub(crate) async fn stop(&self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT); // a frozen process takes SIGTERM only once it goes on
        match tokio::time::timeout(GRACE, self.wait()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }

    pub(crate) async fn kill(&self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.wait().await
    }

    /// Asks until the answer is 200.
    pub(crate) async fn ready(
        &self,
        asker: &reqwest::Client,
        url: &str,
        patience: Duration,
    ) -> Result<(), NotReady> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                return Err(NotReady::Died(status));
            }
            let answer = asker.get(url).send().await;
            if answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::OK) {
                return Ok(());
            }
            tokio::time::timeout(BETWEEN_ASKS, self.wait()).await.ok();
        }
        Err(NotReady::TimedOut)
    }
}

/// Waits for a process's end, ends what it left in its group, and tells everybody.
async fn see_off(
    mut child: Child,
    group: u32,
    drains: Vec<JoinHandle<()>>,
    run: Arc<RunFolder>,
    exited: watch::Sender<Option<ExitStatus>>,
) {
    let status = child.wait().await.unwrap_or_default();
    signal_group(group, Signal::KILL);
    run.guard.forget(group);
    for drain in drains {
        tokio::time::timeout(LAST_WORDS, drain).await.ok();
    }
    exited.send_replace(Some(status));
}

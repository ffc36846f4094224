//! Starts and stops a stage.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use proxy::Balancer;
use tokio::{
    sync::mpsc::Sender,
    task::{AbortHandle, JoinSet},
};

use crate::{
    compile::{BuildError, Profile, Programs},
    control,
    course::{Chapter, Course, CourseError},
    faults::{Fault, FaultError},
    guard::Guard,
    links::Links,
    log::{LAUNCHER, Line, MergedLog},
    manifest::{Manifest, NATS, PAYMENTS},
    plan::{self, Plan},
    process::{Process, Spec},
    run::{self, RunError, RunFolder},
    slot::Slot,
    status::Status,
};

/// How a stage is started. The default is a private one: free ports, new data, no log but the files.
#[derive(Debug, Clone)]
pub struct Options {
    /// How its programs are compiled.
    pub profile: Profile,
    /// Goes on with the data of the last run instead of wiping it.
    pub keep_data: bool,
    /// The first port to try, for the first public process; the others follow. None: any that nobody uses.
    pub first_port: Option<u16>,
    /// Environment variables for every process, for example `ORDER_TTL` to `3s`.
    pub settings: BTreeMap<String, String>,
    /// Instances by service, where they differ from the manifest.
    pub scale: BTreeMap<String, u16>,
    /// Puts a proxy between each service and what it talks to, NATS and the payment provider, for faults on the way there.
    pub links: bool,
    /// Where the merged log goes. A full channel loses lines, it never holds up a process.
    pub log: Option<Sender<Line>>,
    /// How long each process has to become ready.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::Debug,
            keep_data: false,
            first_port: None,
            settings: BTreeMap::new(),
            scale: BTreeMap::new(),
            links: false,
            log: None,
            patience: Duration::from_mins(1),
        }
    }
}

/// Why a stage did not start. Nothing of it runs any more.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `scale` names a service that the stage has not, or wants none of it.
    #[error(
        "cannot start {wanted} of {service}; the services of this stage are {there}, at least one of each"
    )]
    Scale {
        /// The service asked for.
        service: String,
        /// How many of it.
        wanted: u16,
        /// The services there are.
        there: String,
    },
    /// A setting has the name of a variable that the launcher itself sets.
    #[error("{0} is set by the launcher; choose settings of the services, such as ORDER_TTL or RUST_LOG")]
    Setting(String),
    /// The stage needs a NATS server and does not say how that is configured.
    #[error("chapter {chapter} needs NATS, and there is no {}; write it: how JetStream keeps the streams", file.display())]
    NatsConfig {
        /// The chapter's number.
        chapter: u32,
        /// The file that is missing.
        file: PathBuf,
    },
    /// There is no program for a service.
    #[error("no program was built for {0}")]
    NoProgram(String),
    /// A file, folder, port or process cannot be made.
    #[error("{doing}{}", crate::remedy(source))]
    Io {
        /// What was being done, with its path.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A process ended before it was ready.
    #[error("{name} ended before it was ready ({status}); the end of {}:\n{tail}", log.display())]
    Died {
        /// For example `shop-1`.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A process runs, and its `/health/ready` does not answer 200.
    #[error("{name} was not ready after {seconds} s; the end of {}:\n{tail}", log.display())]
    NotReady {
        /// For example `shop-1`.
        name: String,
        /// How long it had.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
}

/// Why [`Stage::launch`] brought no stage up.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No such chapter, or a manifest that cannot be used.
    #[error(transparent)]
    Course(#[from] CourseError),
    /// The run folder cannot be had.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It does not compile.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// It does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No guard program.
    #[error("no stage without a guard over its processes")]
    Guard(#[source] io::Error),
}

/// A running stage. Dropped without [`Stage::stop`], in a panic say, it is ended all the same, by its guard.
#[derive(Debug)]
pub struct Stage {
    inner: Arc<Inner>,
    control: AbortHandle,
    _balancers: Vec<Balancer>, // they serve until dropped
    ports_taken: Vec<u16>,
}

/// What the handle, the control socket and the watchers of processes share.
#[derive(Debug)]
pub(crate) struct Inner {
    run: Arc<RunFolder>,
    /// In the order of the processes in the status.
    pub(crate) slots: Vec<Arc<Slot>>,
    merged: MergedLog,
    asker: reqwest::Client,
    patience: Duration,
    board: Mutex<Board>,
}

/// The status, and whether it is on disk for all to see: from ready to stop.
#[derive(Debug)]
struct Board {
    status: Status,
    is_public: bool,
}

impl Stage {
    /// Claims a run folder, compiles a chapter and starts it: [`RunFolder::claim`], [`Programs::build`] and
    /// [`Stage::start`] in one.
    ///
    /// # Errors
    /// See [`LaunchError`].
    pub async fn launch(
        course: &Course,
        chapter: u32,
        run_dir: &Path,
        options: Options,
    ) -> Result<Self, LaunchError> {
        let chapter = course.chapter(chapter)?;
        let guard = Guard::find_program().map_err(LaunchError::Guard)?;
        let run = RunFolder::claim(run_dir, chapter.manifest.number, &guard).await?;
        let programs = Programs::build(course, &chapter, options.profile, &run).await?;
        Ok(Self::start(&chapter, &programs, run, options).await?)
    }

    /// Starts every process, those first that others need, and returns once all are ready and the status is written.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        chapter: &Chapter,
        programs: &Programs,
        run: RunFolder,
        options: Options,
    ) -> Result<Self, StartError> {
        let plan = Plan::new(chapter, programs, &run, &options)?;
        prepare_folders(&run, chapter.manifest.number, options.keep_data)?;
        let password_file = plan::password_file(&run.data(chapter.manifest.number));
        fs::write(&password_file, &plan.status.staff.password)
            .map_err(io_error("cannot write", &password_file))?;
        let listener =
            control::listen(run.path()).map_err(io_error("cannot open the control socket in", run.path()))?;
        let slots = slots(plan.specs, options.links).await?;
        let balancers = balancers(&plan.status).await?;
        let asker = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(1)).build();
        let inner = Arc::new(Inner {
            run: Arc::new(run),
            slots,
            merged: MergedLog::new(options.log),
            asker: asker.unwrap_or_default(),
            patience: options.patience,
            board: Mutex::new(Board { status: plan.status, is_public: false }),
        });
        let control = tokio::spawn(control::serve(listener, Arc::clone(&inner))).abort_handle();
        // From here on, whatever was started ends with this handle.
        let stage = Self { inner, control, _balancers: balancers, ports_taken: plan.ports_taken };
        match stage.inner.start_in_order(&chapter.manifest).await {
            Ok(()) => Ok(stage),
            Err(error) => {
                stage.stop().await;
                Err(error)
            }
        }
    }

    /// The status at this moment, as `just status --json` prints it.
    pub fn status(&self) -> Status {
        self.inner.board().status.clone()
    }

    /// The file that holds the status, for tools that are processes of their own.
    pub fn status_file(&self) -> PathBuf {
        self.inner.run.status_file()
    }

    /// Ports that were wanted and are somebody else's.
    pub fn ports_taken(&self) -> &[u16] {
        &self.ports_taken
    }

    /// Does a fault to a service (all its instances), to one instance (`products-2`), to the NATS server (`nats`), or
    /// to the sandbox (`payments`).
    /// Returns when it is done: a killed process has ended, a healed one is ready. The answer says what was done.
    ///
    /// # Errors
    /// See [`FaultError`].
    pub async fn apply(&self, fault: Fault, target: &str) -> Result<String, FaultError> {
        self.inner.apply(fault, target).await
    }

    /// Stops every process: SIGTERM, and SIGKILL for what still runs after [`crate::guard::GRACE`]. NATS is last, so that the
    /// services can end what they have begun.
    pub async fn stop(self) {
        self.inner.unpublish();
        let (nats, services): (Vec<_>, Vec<_>) =
            self.inner.slots.iter().partition(|slot| slot.spec.service == NATS);
        for together in [services, nats] {
            let mut stops = JoinSet::new();
            for process in together.into_iter().filter_map(|slot| slot.process()) {
                stops.spawn(async move { process.stop().await });
            }
            stops.join_all().await;
        }
        self.inner.run.release();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.control.abort();
        self.inner.unpublish();
        self.inner.run.guard.end(); // after `stop` it has gone already
    }
}

impl Inner {
    async fn start_in_order(self: &Arc<Self>, manifest: &Manifest) -> Result<(), StartError> {
        self.start_together(&[NATS]).await?; // everybody needs it
        let mut ready = BTreeSet::new();
        // The provider is a third party: nobody waits for it, and it comes up beside the first services.
        let mut wave = vec![PAYMENTS];
        while ready.len() < manifest.processes.len() {
            wave.extend(manifest.startable(&ready).iter().map(|process| process.service.as_str()));
            self.start_together(&wave).await?;
            ready.extend(wave.drain(..).filter(|service| *service != PAYMENTS));
        }
        self.board().is_public = true;
        self.publish().map_err(io_error("cannot write", &self.run.status_file()))
    }

    /// Starts all processes of these services, and returns once they are ready.
    async fn start_together(self: &Arc<Self>, services: &[&str]) -> Result<(), StartError> {
        let mut starts = JoinSet::new();
        for slot in self.slots.iter().filter(|slot| services.contains(&slot.spec.service.as_str())) {
            let process = self.spawn(slot)?;
            let (stage, slot) = (Arc::clone(self), Arc::clone(slot));
            starts.spawn(async move { stage.wait_ready(&slot, &process).await });
        }
        while let Some(started) = starts.join_next().await {
            started.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        }
        Ok(())
    }

    /// Starts a process in its place. Its end, whoever brings it, is said in the log and in the status; the launcher
    /// never starts it again unasked.
    pub(crate) fn spawn(self: &Arc<Self>, slot: &Slot) -> Result<Process, StartError> {
        let process = slot.spawn(&self.run, &self.merged)?;
        let (stage, ending, name) = (Arc::clone(self), process.clone(), slot.spec.name());
        tokio::spawn(async move {
            let status = ending.wait().await;
            stage.remark(format!("{name} ended ({status})"));
            stage.republish();
        });
        Ok(process)
    }

    pub(crate) async fn wait_ready(&self, slot: &Slot, process: &Process) -> Result<(), StartError> {
        slot.ready(process, &self.asker, self.patience).await
    }

    /// A line of the launcher's own in the merged log.
    pub(crate) fn remark(&self, text: String) {
        self.merged.say(LAUNCHER, text);
    }

    /// Brings the status up to date, on disk too while it is public. A failure is said in the log.
    pub(crate) fn republish(&self) {
        if let Err(error) = self.publish() {
            self.remark(format!("cannot write the status{}: {error}", crate::remedy(&error)));
        }
    }

    fn publish(&self) -> io::Result<()> {
        let mut board = self.board();
        for (process, slot) in board.status.processes.iter_mut().zip(&self.slots) {
            (process.state, process.pid) = slot.state();
        }
        if board.is_public { board.status.write(&self.run.status_file()) } else { Ok(()) }
    }

    fn unpublish(&self) {
        let mut board = self.board();
        board.is_public = false;
        // One that stays is cleared by the next stage, and tools look at the lock first.
        run::remove(&self.run.status_file()).ok();
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for each process, with links where they were asked for.
async fn slots(specs: Vec<Spec>, linked: bool) -> Result<Vec<Arc<Slot>>, StartError> {
    let mut slots = Vec::new();
    for mut spec in specs {
        let links = if linked { Links::open(&mut spec).await } else { Ok(Links::default()) };
        let links = links.map_err(io_error("cannot open the links of", Path::new(&spec.service)))?;
        slots.push(Arc::new(Slot::new(spec, links)));
    }
    Ok(slots)
}

async fn balancers(status: &Status) -> Result<Vec<Balancer>, StartError> {
    let mut balancers = Vec::new();
    for (service, url) in &status.balancers {
        let instances = status.processes.iter().filter(|process| process.service == *service);
        let instances = instances.map(|process| authority(&process.address).to_owned()).collect();
        let balancer = Balancer::open(authority(url), instances).await;
        balancers.push(balancer.map_err(io_error("cannot open the balancer at", Path::new(url)))?);
    }
    Ok(balancers)
}

fn authority(url: &str) -> &str {
    url.trim_start_matches("http://")
}

fn prepare_folders(run: &RunFolder, chapter: u32, keep_data: bool) -> Result<(), StartError> {
    let (data, logs) = (run.data(chapter), run.logs());
    let stale = if keep_data { vec![&logs] } else { vec![&logs, &data] };
    for folder in stale {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("cannot clear", folder)(error));
            }
            _ => {}
        }
    }
    fs::create_dir_all(&data).map_err(io_error("cannot create", &data))?;
    fs::create_dir_all(&logs).map_err(io_error("cannot create", &logs))
}

/// An input/output error with what was being done to which file.
pub(crate) fn io_error(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> StartError + use<> {
    let doing = format!("{doing} {}", path.display());
    move |source| StartError::Io { doing, source }
}

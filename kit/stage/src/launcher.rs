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
    manifest::{Manifest, NATS, PAYMENTS, RESERVED},
    plan::{self, Plan},
    process::{Process, Spec},
    run::{self, Phase, RunError, RunFolder},
    slot::Slot,
    status::Status,
};

/// Options for starting a stage. The defaults suit a test: free ports, new data, and no merged log.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Cargo profile.
    pub profile: Profile,
    /// Keeps the data of the last run instead of deleting it.
    pub keep_data: bool,
    /// The first port to try, for the first public process; the other ports follow. None: free ports from a private range.
    pub first_port: Option<u16>,
    /// Environment variables for every process, for example `ORDER_TTL` to `3s`.
    pub settings: BTreeMap<String, String>,
    /// The number of instances by service, where it differs from the manifest.
    pub scale: BTreeMap<String, u16>,
    /// Opens a fault proxy between each service and NATS, and between each service and the payment provider.
    pub fault_proxies: bool,
    /// The CPU cores on which the processes run. Empty: any core. It has an effect on Linux only.
    pub cores: Vec<usize>,
    /// The receiver of the merged log. When the channel is full, lines are dropped, and no process blocks.
    pub log: Option<Sender<Line>>,
    /// The time limit for a process to become ready.
    pub ready_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::Debug,
            keep_data: false,
            first_port: None,
            settings: BTreeMap::new(),
            scale: BTreeMap::new(),
            fault_proxies: false,
            cores: Vec::new(),
            log: None,
            ready_timeout: Duration::from_mins(1),
        }
    }
}

impl Options {
    /// Checks the options against the manifest of a stage. [`Stage::start`] does so too, but after the stage was built.
    ///
    /// # Errors
    /// [`StartError::Scale`] or [`StartError::Setting`].
    pub fn check(&self, manifest: &Manifest) -> Result<(), StartError> {
        let processes = || manifest.processes.iter();
        for (service, &instances) in &self.scale {
            if instances == 0 || !processes().any(|process| process.service == *service) {
                let services = processes().map(|process| process.service.as_str()).collect::<Vec<_>>();
                let (service, services) = (service.clone(), services.join(", "));
                return Err(StartError::Scale { service, instances, services });
            }
        }
        // The launcher would override a setting with such a name.
        let of_a_file = |name: &str| processes().any(|process| process.files.contains_key(name));
        let of_a_need = |name: &str| {
            processes().flat_map(|process| &process.needs).any(|need| plan::url_of(need) == name)
        };
        let is_set = |name: &str| RESERVED.contains(&name) || of_a_file(name) || of_a_need(name);
        match self.settings.keys().find(|name| is_set(name)) {
            Some(name) => Err(StartError::Setting(name.clone())),
            None => Ok(()),
        }
    }
}

/// Why a stage did not start. All of its processes have been stopped.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `scale` contains an unknown service or zero instances.
    #[error(
        "cannot start {instances} instances of {service}; the services of this stage are {services}, with at least one instance each"
    )]
    Scale {
        /// The requested service.
        service: String,
        /// The requested number of instances.
        instances: u16,
        /// The services of the stage.
        services: String,
    },
    /// A setting has the name of a variable that the launcher sets itself.
    #[error("{0} is set by the launcher; choose a setting of the services, such as ORDER_TTL or RUST_LOG")]
    Setting(String),
    /// The stage needs a NATS server, but its workspace contains no configuration for one.
    #[error("chapter {chapter} needs NATS, but {} is missing; write it: it configures JetStream", file.display())]
    NatsConfig {
        /// The chapter's number.
        chapter: u32,
        /// The missing file.
        file: PathBuf,
    },
    /// There is no program for a service.
    #[error("no program was built for {0}")]
    NoProgram(String),
    /// A file, folder, port or process could not be created.
    #[error("{doing}{}", crate::remedy(source))]
    Io {
        /// The operation, with its path.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A process exited before it was ready.
    #[error("{name} exited before it was ready ({status}); the end of {}:\n{tail}", log.display())]
    Died {
        /// For example `shop-1`.
        name: String,
        /// Its exit status.
        status: ExitStatus,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A process runs, but `/health/ready` did not return 200 in time.
    #[error("{name} was not ready after {seconds} s; the end of {}:\n{tail}", log.display())]
    NotReady {
        /// For example `shop-1`.
        name: String,
        /// The time limit.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
}

/// Why [`Stage::launch`] failed.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No such chapter, or an invalid manifest.
    #[error(transparent)]
    Course(#[from] CourseError),
    /// The run folder could not be claimed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The stage does not compile.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The stage does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The guard program was not found.
    #[error("cannot start a stage without a guard for its processes")]
    Guard(#[source] io::Error),
}

/// A running stage. If it is dropped without [`Stage::stop`], for example in a panic, the guard ends its processes.
#[derive(Debug)]
pub struct Stage {
    inner: Arc<Inner>,
    control: AbortHandle,
    _balancers: Vec<Balancer>, // serve until they are dropped
    ports_taken: Vec<u16>,
}

/// State shared by the handle, the control socket and the tasks that watch the processes.
#[derive(Debug)]
pub(crate) struct Inner {
    run: Arc<RunFolder>,
    /// In the same order as the processes in the status.
    pub(crate) slots: Vec<Arc<Slot>>,
    merged: MergedLog,
    http: reqwest::Client,
    ready_timeout: Duration,
    cores: Vec<usize>,
    published: Mutex<Published>,
}

/// The status, and whether the status file exists. It exists from the moment the stage is ready until it is stopped.
#[derive(Debug)]
struct Published {
    status: Status,
    on_disk: bool,
}

impl Stage {
    /// Claims a run folder, compiles a chapter and starts it: [`RunFolder::claim`], [`Programs::build`] and
    /// [`Stage::start`] in one call.
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

    /// Starts every process in the order of their dependencies. Returns once all are ready and the status file is written.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        chapter: &Chapter,
        programs: &Programs,
        run: RunFolder,
        options: Options,
    ) -> Result<Self, StartError> {
        run.set_phase(Phase::Starting);
        let plan = Plan::new(chapter, programs, &run, &options)?;
        prepare_folders(&run, chapter.manifest.number, options.keep_data)?;
        let password_file = plan::password_file(&run.data(chapter.manifest.number));
        run::write_private(&password_file, plan.status.staff.password.as_bytes())
            .map_err(io_error("cannot write", &password_file))?;
        let listener =
            control::listen(run.path()).map_err(io_error("cannot open the control socket in", run.path()))?;
        let slots = slots(plan.specs, options.fault_proxies).await?;
        let balancers = balancers(&plan.status).await?;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(1)).build();
        let inner = Arc::new(Inner {
            run: Arc::new(run),
            slots,
            merged: MergedLog::new(options.log),
            http: http.unwrap_or_default(),
            ready_timeout: options.ready_timeout,
            cores: options.cores,
            published: Mutex::new(Published { status: plan.status, on_disk: false }),
        });
        let control = tokio::spawn(control::serve(listener, Arc::clone(&inner))).abort_handle();
        // From here on, dropping this handle ends every process.
        let stage = Self { inner, control, _balancers: balancers, ports_taken: plan.ports_taken };
        match stage.inner.start_in_order(&chapter.manifest).await {
            Ok(()) => Ok(stage),
            Err(error) => {
                stage.stop().await;
                Err(error)
            }
        }
    }

    /// The current status, as `just status --json` prints it.
    pub fn status(&self) -> Status {
        self.inner.published().status.clone()
    }

    /// The path of the status file, for tools in other processes.
    pub fn status_file(&self) -> PathBuf {
        self.inner.run.status_file()
    }

    /// Ports that were skipped because another program listens on them.
    pub fn ports_taken(&self) -> &[u16] {
        &self.ports_taken
    }

    /// Injects a fault into a service (all its instances), one instance (`products-2`), the NATS server (`nats`) or the payment
    /// sandbox (`payments`). Returns when a killed process has exited or a healed one is ready, with a description for people.
    ///
    /// # Errors
    /// See [`FaultError`].
    pub async fn apply(&self, fault: Fault, target: &str) -> Result<String, FaultError> {
        self.inner.apply(fault, target).await
    }

    /// Stops every process with SIGTERM, and with SIGKILL after [`crate::guard::GRACE`]. NATS is stopped last, because the services
    /// need it to finish the requests in flight.
    pub async fn stop(self) {
        self.inner.run.set_phase(Phase::Stopping);
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
        self.inner.run.guard.close(); // after `stop`, the guard has already exited
    }
}

impl Inner {
    async fn start_in_order(self: &Arc<Self>, manifest: &Manifest) -> Result<(), StartError> {
        self.start_together(&[NATS]).await?; // every service needs it
        let mut ready = BTreeSet::new();
        // The payment provider is a third party: no service waits for it, so it starts together with the first services.
        let mut wave = vec![PAYMENTS];
        while ready.len() < manifest.processes.len() {
            wave.extend(manifest.startable(&ready).iter().map(|process| process.service.as_str()));
            self.start_together(&wave).await?;
            ready.extend(wave.drain(..).filter(|service| *service != PAYMENTS));
        }
        self.published().on_disk = true;
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

    /// Starts the process of a slot. When it exits, for whatever reason, the launcher logs this and updates the status. It never
    /// restarts a process by itself.
    pub(crate) fn spawn(self: &Arc<Self>, slot: &Slot) -> Result<Process, StartError> {
        let process = slot.spawn(&self.run, &self.merged, &self.cores)?;
        self.republish(); // it runs, although it may not be ready for some time
        let (stage, ending, name) = (Arc::clone(self), process.clone(), slot.spec.name());
        tokio::spawn(async move {
            let status = ending.wait().await;
            stage.log(format!("{name} exited ({status})"));
            stage.republish();
        });
        Ok(process)
    }

    pub(crate) async fn wait_ready(&self, slot: &Slot, process: &Process) -> Result<(), StartError> {
        slot.ready(process, &self.http, self.ready_timeout).await
    }

    /// Adds a line of the launcher to the merged log.
    pub(crate) fn log(&self, text: String) {
        self.merged.push(LAUNCHER, text);
    }

    /// Updates the status, and the status file if it exists. A failure is logged.
    pub(crate) fn republish(&self) {
        if let Err(error) = self.publish() {
            self.log(format!("cannot write the status{}: {error}", crate::remedy(&error)));
        }
    }

    fn publish(&self) -> io::Result<()> {
        let mut published = self.published();
        for (process, slot) in published.status.processes.iter_mut().zip(&self.slots) {
            (process.state, process.pid) = slot.state();
        }
        if published.on_disk { published.status.write(&self.run.status_file()) } else { Ok(()) }
    }

    fn unpublish(&self) {
        let mut published = self.published();
        published.on_disk = false;
        // If this fails, the next stage removes the file. Tools check the lock first.
        run::remove(&self.run.status_file()).ok();
    }

    fn published(&self) -> MutexGuard<'_, Published> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot for each process, with fault proxies if requested.
async fn slots(specs: Vec<Spec>, fault_proxies: bool) -> Result<Vec<Arc<Slot>>, StartError> {
    let mut slots = Vec::new();
    for mut spec in specs {
        let links = if fault_proxies { Links::open(&mut spec).await } else { Ok(Links::default()) };
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

/// Wraps an I/O error with the failed operation and its path.
pub(crate) fn io_error(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> StartError + use<> {
    let doing = format!("{doing} {}", path.display());
    move |source| StartError::Io { doing, source }
}

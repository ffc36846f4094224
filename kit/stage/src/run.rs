//! The run folder of a stage, with its lock, status, logs and data. One stage at a time runs in a run folder.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};

use crate::{
    control,
    guard::{GRACE, Guard},
};

/// A run folder that this process has locked, with its guard.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    pub(crate) guard: Guard,
    lock: File,
}

/// The holder of a run folder: the content of its lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The chapter that is running or starting.
    pub chapter: u32,
    /// The launcher's process id.
    pub pid: u32,
}

/// Why a run folder could not be claimed or released.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A stage is running in it already.
    #[error("chapter {} is running already (launcher {}); stop it first: just stop", .0.chapter, .0.pid)]
    AlreadyRunning(Holder),
    /// The launcher was killed, but its guard still holds the lock.
    #[error("{0} is still locked, although its launcher has ended; try again in a few seconds")]
    StillLocked(PathBuf),
    /// The launcher did not stop in time.
    #[error("the launcher {} of chapter {} does not stop; kill it: kill -9 {}", .0.pid, .0.chapter, .0.pid)]
    DoesNotStop(Holder),
    /// An I/O error with the folder, its lock or the guard.
    #[error("{doing}{}", crate::remedy(source))]
    Io {
        /// The operation, with its path.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

/// The time limit for the processes of a launcher to end after it was stopped or killed.
const STOP_TIMEOUT: Duration = GRACE.saturating_mul(2);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

impl RunFolder {
    /// Claims a run folder for a chapter, and creates it if necessary. Removes the status file of a killed launcher.
    ///
    /// # Errors
    /// [`RunError::AlreadyRunning`] if a stage is running in it.
    pub async fn claim(path: &Path, chapter: u32, guard_program: &Path) -> Result<Self, RunError> {
        let failed = |doing: &str| {
            let doing = format!("{doing} {}", path.display());
            move |source| RunError::Io { doing, source }
        };
        fs::create_dir_all(path).map_err(failed("cannot create the run folder"))?;
        let path = &path.canonicalize().map_err(failed("cannot find the run folder"))?;
        let mut lock = open_lock(path).map_err(failed("cannot open the lock in"))?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while let Err(error) = lock.try_lock() {
            match (error, read_holder(&mut lock)) {
                (TryLockError::Error(source), _) => return Err(failed("cannot lock")(source)),
                (_, Some(holder)) if holder.is_alive() => return Err(RunError::AlreadyRunning(holder)),
                _ if Instant::now() > deadline => return Err(RunError::StillLocked(path.to_owned())),
                _ => tokio::time::sleep(POLL_INTERVAL).await,
            }
        }
        write_holder(&mut lock, chapter).map_err(failed("cannot write the lock in"))?;
        let guard = lock.try_clone().and_then(|lock| Guard::spawn(guard_program, lock));
        let guard = guard.map_err(|source| RunError::Io {
            doing: format!("cannot start the guard {}", guard_program.display()),
            source,
        })?;
        let run = Self { path: path.to_owned(), guard, lock };
        remove(&status_file(path)).map_err(failed("cannot clear the old status in"))?;
        Ok(run)
    }

    /// The holder of a run folder, or None if it is free.
    pub fn holder(path: &Path) -> Option<Holder> {
        let mut lock = File::open(path.join("lock")).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => read_holder(&mut lock),
            _ => None,
        }
    }

    /// Stops the holder of a run folder, and returns once all of its processes have ended. None if the folder is free.
    ///
    /// # Errors
    /// [`RunError::DoesNotStop`].
    pub async fn stop_holder(path: &Path) -> Result<Option<Holder>, RunError> {
        let Some(holder) = Self::holder(path) else {
            return Ok(None);
        };
        if let Some(pid) = holder.raw_pid() {
            kill_process(pid, Signal::TERM).ok(); // fails if the launcher was killed: then its guard ends the processes
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Self::holder(path) == Some(holder) {
            if Instant::now() > deadline {
                return Err(RunError::DoesNotStop(holder));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(Some(holder))
    }

    /// The status file. It exists while the stage is ready.
    pub fn status_file(&self) -> PathBuf {
        status_file(&self.path)
    }

    /// The folder of the log files.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The folder of a chapter's databases.
    pub fn data(&self, chapter: u32) -> PathBuf {
        self.path.join("data").join(format!("chapter-{chapter}"))
    }

    /// Releases the folder and its guard, after all processes have ended.
    pub(crate) fn release(&self) {
        self.guard.release();
        remove(&control::socket(&self.path)).ok(); // the next stage replaces it anyway
        self.lock.unlock().ok(); // otherwise the lock would last until the last clone of this handle is dropped
    }

    /// The folder itself, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The status file in a run folder.
pub fn status_file(run_dir: &Path) -> PathBuf {
    run_dir.join("status.json")
}

/// Removes a file. A missing file is not an error.
pub(crate) fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Holder {
    fn raw_pid(self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.pid).ok()?)
    }

    fn is_alive(self) -> bool {
        self.raw_pid().is_some_and(|pid| test_kill_process(pid).is_ok())
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path.join("lock"))
}

fn read_holder(lock: &mut File) -> Option<Holder> {
    let mut text = Vec::new();
    lock.rewind().ok()?;
    lock.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn write_holder(lock: &mut File, chapter: u32) -> io::Result<()> {
    let holder = Holder { chapter, pid: std::process::id() };
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(&serde_json::to_vec(&holder)?)
}

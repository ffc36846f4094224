//! The run folder of a stage: its lock, its status, its logs and its data. One stage runs in it at a time.

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

/// A run folder that this process holds, with the guard that outlives it.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    pub(crate) guard: Guard,
    lock: File,
}

/// Who holds a run folder: the content of its lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The chapter that runs, or is about to.
    pub chapter: u32,
    /// The launcher's process id.
    pub pid: u32,
}

/// Why a run folder cannot be had, or not be freed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another stage runs in it.
    #[error("chapter {} is running already (launcher {}); stop it first: just stop", .0.chapter, .0.pid)]
    Taken(Holder),
    /// What a killed launcher left behind does not go away.
    #[error("{0} stays locked though its launcher is gone; try again in a few seconds")]
    Stuck(PathBuf),
    /// The launcher was asked to stop, and has not.
    #[error("the launcher {} of chapter {} does not stop; end it: kill -9 {}", .0.pid, .0.chapter, .0.pid)]
    Unstoppable(Holder),
    /// The folder, its lock or the guard cannot be used.
    #[error("{doing}{}", crate::remedy(source))]
    Io {
        /// What was being done, with its path.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

/// How long the processes of a launcher may take to go once it is asked, or gone.
const LEAVE: Duration = GRACE.saturating_mul(2);
const GLANCE: Duration = Duration::from_millis(20);

impl RunFolder {
    /// Takes a run folder for a chapter, creating it where there is none. What a killed launcher left in it is cleared.
    ///
    /// # Errors
    /// [`RunError::Taken`] while another stage runs in it.
    pub async fn claim(path: &Path, chapter: u32, guard_program: &Path) -> Result<Self, RunError> {
        let failed = |doing: &str| {
            let doing = format!("{doing} {}", path.display());
            move |source| RunError::Io { doing, source }
        };
        fs::create_dir_all(path).map_err(failed("cannot create the run folder"))?;
        let path = &path.canonicalize().map_err(failed("cannot find the run folder"))?;
        let mut lock = open_lock(path).map_err(failed("cannot open the lock in"))?;
        let deadline = Instant::now() + LEAVE;
        while let Err(error) = lock.try_lock() {
            match (error, read_holder(&mut lock)) {
                (TryLockError::Error(source), _) => return Err(failed("cannot lock")(source)),
                (_, Some(holder)) if holder.is_alive() => return Err(RunError::Taken(holder)),
                _ if Instant::now() > deadline => return Err(RunError::Stuck(path.to_owned())),
                _ => tokio::time::sleep(GLANCE).await,
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

    /// Who holds a run folder, if somebody does.
    pub fn holder(path: &Path) -> Option<Holder> {
        let mut lock = File::open(path.join("lock")).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => read_holder(&mut lock),
            _ => None,
        }
    }

    /// Asks whoever holds a run folder to stop, and returns once nothing of it is left. None when nobody does.
    ///
    /// # Errors
    /// [`RunError::Unstoppable`].
    pub async fn stop_holder(path: &Path) -> Result<Option<Holder>, RunError> {
        let Some(holder) = Self::holder(path) else {
            return Ok(None);
        };
        if let Some(pid) = holder.raw_pid() {
            kill_process(pid, Signal::TERM).ok(); // gone already: its guard is at work
        }
        let deadline = Instant::now() + LEAVE;
        while Self::holder(path) == Some(holder) {
            if Instant::now() > deadline {
                return Err(RunError::Unstoppable(holder));
            }
            tokio::time::sleep(GLANCE).await;
        }
        Ok(Some(holder))
    }

    /// The status file: there while the stage is ready.
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

    /// Lets the folder and its guard go: everything that was started has ended.
    pub(crate) fn release(&self) {
        self.guard.release();
        remove(&control::socket(&self.path)).ok(); // the next stage clears it too
        self.lock.unlock().ok(); // else it lasts until the last clone of this folder is dropped
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

/// Removes a file; one that is not there is no error.
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

//! The run folder of a stage, with its lock, status, logs and data. One stage at a time runs in a run folder.

use std::{
    fmt,
    fs::{self, File, Permissions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
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

/// What a launcher does while its stage is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It compiles the programs, or fetches the NATS server.
    Compiling,
    /// It starts the processes.
    Starting,
    /// It stops the processes.
    Stopping,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compiling => "being compiled",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
        })
    }
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
        run.set_phase(Phase::Compiling);
        Ok(run)
    }

    /// The chapter that was started last in a run folder, whether or not it is still running.
    pub fn last_chapter(path: &Path) -> Option<u32> {
        Some(read_holder(&mut File::open(path.join("lock")).ok()?)?.chapter)
    }

    /// What the holder of a run folder does while its stage is not ready.
    pub fn phase(path: &Path) -> Phase {
        let phase = fs::read(path.join(PHASE)).ok().and_then(|text| serde_json::from_slice(&text).ok());
        phase.unwrap_or(Phase::Starting)
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        // The phase is only shown to people, so an error does not matter.
        let text = serde_json::to_vec(&phase).unwrap_or_default();
        write_private(&self.path.join(PHASE), &text).ok();
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
        data_folder(&self.path, chapter)
    }

    /// Releases the folder and its guard, after all processes have ended.
    pub(crate) fn release(&self) {
        self.guard.release();
        remove(&control::socket(&self.path)).ok(); // the next stage replaces it anyway
        remove(&self.path.join(PHASE)).ok();
        self.lock.unlock().ok(); // otherwise the lock would last until the last clone of this handle is dropped
    }

    /// The folder itself, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The file in a run folder with the [`Phase`] of its holder.
const PHASE: &str = "phase.json";

/// The status file in a run folder.
pub fn status_file(run_dir: &Path) -> PathBuf {
    run_dir.join("status.json")
}

/// The folder of a chapter's databases in a run folder. It is deleted when the chapter is started with new data.
pub fn data_folder(run_dir: &Path, chapter: u32) -> PathBuf {
    run_dir.join("data").join(format!("chapter-{chapter}"))
}

/// Replaces a file atomically. Only its owner can read it.
///
/// # Errors
/// The file cannot be written.
pub fn write_private(file: &Path, content: &[u8]) -> io::Result<()> {
    let draft = file.with_extension("new");
    let mut output = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    output.set_permissions(Permissions::from_mode(0o600))?; // a draft may have been left with other permissions
    output.write_all(content)?;
    fs::rename(draft, file)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_readable_by_its_owner_alone_even_if_the_old_one_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("status.json");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();

        write_private(&file, b"new").unwrap();

        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

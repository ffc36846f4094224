//! No orphan ever, not even after `kill -9` of the launcher.
//!
//! The guard is a tiny process of its own. It reads on its standard input which process groups live, and ends them all
//! when that input closes before the word `done`: the kernel closes it however the launcher dies.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long a process has between SIGTERM and SIGKILL.
pub const GRACE: Duration = Duration::from_secs(5);

/// The launcher's end of a guard. Dropped without `release`, it ends every group that is still watched.
#[derive(Debug)]
pub struct Guard {
    process: Mutex<Option<Child>>,
}

impl Guard {
    /// Starts `program guard`. Until it exits it keeps `lock` open, so a run folder stays locked until the last process
    /// of a killed launcher is gone.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn spawn(program: &Path, lock: File) -> io::Result<Self> {
        let process = Command::new(program)
            .arg("guard")
            .process_group(0) // out of reach of the terminal's Ctrl-C
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { process: Mutex::new(Some(process)) })
    }

    /// The `kit` program near the one that runs: itself, or in a `target/<profile>` above it, as seen from a test.
    ///
    /// # Errors
    /// `NotFound`, with the command that builds it.
    pub fn find_program() -> io::Result<PathBuf> {
        let here = std::env::current_exe()?;
        let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
        here.ancestors()
            .skip(1)
            .flat_map(|folder| [folder.join("kit"), folder.join(profile).join("kit")])
            .find(|program| program.is_file())
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    "no `kit` program found; build it: cargo build -p kit",
                )
            })
    }

    /// Tells the guard that a process group lives.
    pub(crate) fn watch(&self, group: u32) -> io::Result<()> {
        self.tell(&format!("+{group}"))
    }

    /// Tells the guard that a process group has ended, so that it never signals a stranger who got its number.
    pub(crate) fn forget(&self, group: u32) {
        // A guard that is gone has nothing to forget.
        self.tell(&format!("-{group}")).ok();
    }

    fn tell(&self, word: &str) -> io::Result<()> {
        let mut process = self.lock();
        let Some(input) = process.as_mut().and_then(|process| process.stdin.as_mut()) else {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the stage is stopped already"));
        };
        input.write_all(format!("{word}\n").as_bytes())
    }

    /// Lets the guard go: everything has ended in order.
    pub fn release(&self) {
        self.tell("done").ok();
        self.end();
    }

    /// Closes the guard's input and waits until it has done its work.
    pub(crate) fn end(&self) {
        let process = self.lock().take();
        if let Some(mut process) = process {
            drop(process.stdin.take());
            process.wait().ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// The whole of `kit guard`: follows the launcher's words and, when they break off, ends the groups that are left.
///
/// # Errors
/// Input that cannot be read counts as the launcher's death: the groups are ended first.
pub fn stand(input: impl BufRead) -> io::Result<()> {
    let mut groups = HashSet::new();
    let mut read = Ok(());
    for word in input.lines() {
        match word.as_deref() {
            Ok("done") => return Ok(()),
            Ok(word) => follow(word, &mut groups),
            Err(_) => {
                read = word.map(drop);
                break;
            }
        }
    }
    end_groups(&groups);
    read
}

fn follow(word: &str, groups: &mut HashSet<Pid>) {
    let group = |digits: &str| Pid::from_raw(digits.parse().ok()?);
    if let Some(group) = word.strip_prefix('+').and_then(group) {
        groups.insert(group);
    } else if let Some(group) = word.strip_prefix('-').and_then(group) {
        groups.remove(&group);
    }
}

fn end_groups(groups: &HashSet<Pid>) {
    let signal = |signal| {
        for group in groups {
            kill_process_group(*group, signal).ok(); // it may just have ended
        }
    };
    signal(Signal::TERM);
    signal(Signal::CONT); // a frozen process takes SIGTERM only once it goes on
    let deadline = Instant::now() + GRACE;
    while groups.iter().any(|group| test_kill_process_group(*group).is_ok()) {
        if Instant::now() > deadline {
            return signal(Signal::KILL);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal to a process group; one that has ended is no error.
pub(crate) fn signal_group(group: u32, signal: Signal) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        kill_process_group(group, signal).ok();
    }
}

/// A process group that ends when this is dropped: SIGTERM, which is nothing to one that has ended already.
#[derive(Debug)]
pub struct Group<'a> {
    id: Option<u32>,
    guard: Option<&'a Guard>,
}

impl Group<'static> {
    /// The group that a child process leads, by its id.
    pub fn led_by(id: Option<u32>) -> Self {
        Self { id, guard: None }
    }
}

impl<'a> Group<'a> {
    /// The same, and if this process is killed before the drop, the guard does it.
    pub fn watched(id: Option<u32>, guard: &'a Guard) -> Self {
        if let Some(id) = id {
            guard.watch(id).ok(); // a build that nobody waits for ends by itself
        }
        Self { id, guard: Some(guard) }
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        signal_group(id, Signal::TERM);
        if let Some(guard) = self.guard {
            guard.forget(id);
        }
    }
}

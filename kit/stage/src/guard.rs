//! The guard ends all processes of a stage when its launcher dies, even after `kill -9`.
//!
//! The guard is a small process of its own. It reads on standard input which process groups are running. When its input is
//! closed before the line `done`, it ends all of them. The kernel closes that input however the launcher dies.

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

/// The time between SIGTERM and SIGKILL. A process of the shop may take 10 seconds to finish the requests in flight.
pub const GRACE: Duration = Duration::from_secs(12);

/// The launcher's handle of a guard. When it is dropped without [`Guard::release`], the guard ends every watched group.
#[derive(Debug)]
pub struct Guard {
    process: Mutex<Option<Child>>,
}

impl Guard {
    /// Starts `program guard`. The guard keeps `lock` open until it exits, so a run folder stays locked until the last process
    /// of a killed launcher has ended.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn spawn(program: &Path, lock: File) -> io::Result<Self> {
        let process = Command::new(program)
            .arg("guard")
            .process_group(0) // so that Ctrl-C in the terminal does not reach it
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { process: Mutex::new(Some(process)) })
    }

    /// Finds the `kit` program near the running one: in the same folder, or in a `target/<profile>` above it, as in a test.
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

    /// Adds a running process group.
    pub(crate) fn watch(&self, group: u32) -> io::Result<()> {
        self.send(&format!("+{group}"))
    }

    /// Removes a process group that has ended, because the system may give its id to another process.
    pub(crate) fn unwatch(&self, group: u32) {
        // If the guard has exited, no group is watched any more.
        self.send(&format!("-{group}")).ok();
    }

    fn send(&self, line: &str) -> io::Result<()> {
        let mut process = self.lock();
        let Some(input) = process.as_mut().and_then(|process| process.stdin.as_mut()) else {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the stage is stopped already"));
        };
        input.write_all(format!("{line}\n").as_bytes())
    }

    /// Ends the guard after a regular stop, when nothing is left to end.
    pub fn release(&self) {
        self.send("done").ok();
        self.close();
    }

    /// Closes the guard's input and waits until it has ended the watched groups.
    pub(crate) fn close(&self) {
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
        self.close();
    }
}

/// The `kit guard` command: reads the launcher's lines and ends the remaining groups when its input is closed.
///
/// # Errors
/// A read error is treated like the death of the launcher: the groups are ended before it is returned.
pub fn run(input: impl BufRead) -> io::Result<()> {
    let mut groups = HashSet::new();
    let mut read = Ok(());
    for line in input.lines() {
        match line.as_deref() {
            Ok("done") => return Ok(()),
            Ok(line) => update(&mut groups, line),
            Err(_) => {
                read = line.map(drop);
                break;
            }
        }
    }
    end_groups(&groups);
    read
}

fn update(groups: &mut HashSet<Pid>, line: &str) {
    let group = |digits: &str| Pid::from_raw(digits.parse().ok()?);
    if let Some(group) = line.strip_prefix('+').and_then(group) {
        groups.insert(group);
    } else if let Some(group) = line.strip_prefix('-').and_then(group) {
        groups.remove(&group);
    }
}

fn end_groups(groups: &HashSet<Pid>) {
    let signal = |signal| {
        for group in groups {
            kill_process_group(*group, signal).ok(); // fails if the group has just ended
        }
    };
    signal(Signal::TERM);
    signal(Signal::CONT); // a stopped process handles SIGTERM only after it is resumed
    let deadline = Instant::now() + GRACE;
    while groups.iter().any(|group| test_kill_process_group(*group).is_ok()) {
        if Instant::now() > deadline {
            return signal(Signal::KILL);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal to a process group. A group that has already ended is not an error.
pub(crate) fn signal_group(group: u32, signal: Signal) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        kill_process_group(group, signal).ok();
    }
}

/// A process group that gets SIGTERM when this handle is dropped.
#[derive(Debug)]
pub struct ProcessGroup<'a> {
    id: Option<u32>,
    guard: Option<&'a Guard>,
}

impl ProcessGroup<'static> {
    /// The group that a child process leads, by the process id of the child.
    pub fn led_by(id: Option<u32>) -> Self {
        Self { id, guard: None }
    }
}

impl<'a> ProcessGroup<'a> {
    /// The same, but the guard ends the group if this process is killed before the drop.
    pub fn watched(id: Option<u32>, guard: &'a Guard) -> Self {
        if let Some(id) = id {
            guard.watch(id).ok(); // without the guard, the group still ends by itself
        }
        Self { id, guard: Some(guard) }
    }
}

impl Drop for ProcessGroup<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        signal_group(id, Signal::TERM);
        if let Some(guard) = self.guard {
            guard.unwatch(id);
        }
    }
}

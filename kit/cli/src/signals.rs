//! The signals that end this process.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::Duration,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT, SIGTERM, and the closing of the terminal. Once this value exists, none of them ends the process by itself.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    has_terminal: bool,
}

/// The exit code after Ctrl-C: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;
/// The interval for checking whether the terminal still exists.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            has_terminal: io::stdin().is_terminal(),
        })
    }

    /// Waits for one of them, and returns the exit code of a command that runs until it is stopped: 130 after Ctrl-C, as in a shell,
    /// and 0 otherwise. After Ctrl-C, `just` would print an error of its own if a recipe returned 0.
    pub(crate) async fn next(&mut self) -> ExitCode {
        tokio::select! {
            _ = self.interrupt.recv() => ExitCode::from(INTERRUPTED),
            _ = self.terminate.recv() => ExitCode::SUCCESS,
            _ = self.hangup.recv() => ExitCode::SUCCESS,
            () = terminal_is_gone(), if self.has_terminal => ExitCode::SUCCESS,
        }
    }
}

/// Polls the terminal. When it closes, the kernel sends SIGHUP only to the leader of the session. That may be `just`, which does not
/// forward it.
async fn terminal_is_gone() {
    while io::stdin().is_terminal() {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

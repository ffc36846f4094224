//! The signals that end this process.

use std::{
    io::{self, IsTerminal},
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

    /// Waits for one of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
            () = terminal_is_gone(), if self.has_terminal => {}
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

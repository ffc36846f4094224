//! The signals that ask this process to end.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, `kill`, and the terminal's going away. From its making on, none of them ends the process by itself.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    has_terminal: bool,
}

/// How often the terminal is looked at.
const GLANCE: Duration = Duration::from_millis(500);

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

/// A terminal that closes tells the leader of its session only; that may be `just`, which does not pass it on.
async fn terminal_is_gone() {
    while io::stdin().is_terminal() {
        tokio::time::sleep(GLANCE).await;
    }
}

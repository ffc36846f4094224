//! Ports for the processes of a stage. None is fixed: a taken one is stepped over.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

/// Private stages take their ports here: below the range from which systems give outgoing connections theirs
/// (32768 up on Linux), or one of those could sit on a dead service's port when it is healed.
const PRIVATE: std::ops::Range<u16> = 20_000..32_000;

/// Hands out free ports of 127.0.0.1, upwards.
#[derive(Debug)]
pub(crate) struct Ports {
    next: u16,
    /// Ports that were wanted and are somebody else's.
    pub(crate) taken: Vec<u16>,
}

impl Ports {
    /// From a port that people know by heart.
    pub(crate) fn from(first: u16) -> Self {
        Self { next: first, taken: Vec::new() }
    }

    /// For a stage that only its own test uses, away from those of other tests at this moment.
    pub(crate) fn private() -> Self {
        static STAGES: AtomicU16 = AtomicU16::new(0);
        let here = STAGES.fetch_add(20, Ordering::Relaxed);
        let process = (std::process::id() % 600) as u16 * 20;
        Self::from(PRIVATE.start + process.wrapping_add(here) % (PRIVATE.end - PRIVATE.start))
    }

    /// The next free port.
    pub(crate) fn take(&mut self) -> io::Result<u16> {
        loop {
            let port = self.next;
            self.next = port.checked_add(1).ok_or_else(|| io::Error::other("no free port is left"))?;
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(_) => return Ok(port),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => self.taken.push(port),
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_stepped_over_and_named() {
        let somebody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let first = somebody.local_addr().unwrap().port();

        let mut ports = Ports::from(first);
        assert!(ports.take().unwrap() > first);
        assert_eq!(ports.taken[0], first);
    }
}

//! Ports for the processes of a stage. No port is fixed: a port in use is skipped.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

/// The port range of private stages. It is below the ephemeral range (from 32768 on Linux), because an outgoing connection
/// could otherwise occupy the port of a dead service before that is healed.
const PRIVATE: std::ops::Range<u16> = 20_000..32_000;

/// Allocates free ports of 127.0.0.1 in ascending order.
#[derive(Debug)]
pub(crate) struct Ports {
    next: u16,
    /// Ports that were skipped because they are in use.
    pub(crate) taken: Vec<u16>,
}

impl Ports {
    /// Starts at a well-known port.
    pub(crate) fn from(first: u16) -> Self {
        Self { next: first, taken: Vec::new() }
    }

    /// Starts at a port of the private range that depends on the process, so that parallel tests rarely compete for a port.
    pub(crate) fn private() -> Self {
        static STAGES: AtomicU16 = AtomicU16::new(0);
        let stage = STAGES.fetch_add(20, Ordering::Relaxed);
        let process = (std::process::id() % 600) as u16 * 20;
        Self::from(PRIVATE.start + process.wrapping_add(stage) % (PRIVATE.end - PRIVATE.start))
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
    fn a_port_in_use_is_skipped_and_reported() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let first = other.local_addr().unwrap().port();

        let mut ports = Ports::from(first);
        assert!(ports.take().unwrap() > first);
        assert_eq!(ports.taken[0], first);
    }
}

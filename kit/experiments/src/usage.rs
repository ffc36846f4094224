//! What a stage takes of the machine while it is measured: resident memory and time of cores. Linux tells; others do not.

use std::{collections::HashMap, fs, time::Duration};

use stage::{Stage, Status, manifest::PAYMENTS};

/// Of all processes of a stage but the payment provider, which is a third party.
#[derive(Debug, Default)]
pub struct Usage {
    last: HashMap<u32, Duration>,
    /// Time of cores that they took together while they were watched.
    pub core_time: Duration,
    /// The most memory that they had together, in bytes. None: the system does not tell.
    pub memory: Option<u64>,
    /// The most processes there were.
    pub processes: usize,
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// Linux counts the time of processes in hundredths of a second, whatever its kernel does.
const TICK: Duration = Duration::from_millis(10);

impl Usage {
    /// Looks again and again until dropped.
    pub async fn watch(&mut self, stage: &Stage) {
        loop {
            self.look(&stage.status());
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Adds what they took since the last look. What a process took after it and before its end is missed.
    pub fn look(&mut self, status: &Status) {
        let processes = status.processes.iter().filter(|process| process.service != PAYMENTS);
        let pids: Vec<u32> = processes.filter_map(|process| process.pid).collect();
        self.processes = self.processes.max(pids.len());
        let memory = pids.iter().map(|pid| resident_memory(*pid)).sum::<Option<u64>>();
        self.memory = self.memory.max(memory);
        for pid in pids {
            let Some(now) = core_time(pid) else { continue };
            let before = self.last.insert(pid, now);
            // The first look at a process: it began before it was watched, or just now; both count from here.
            self.core_time += now.saturating_sub(before.unwrap_or(now));
        }
    }
}

fn resident_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(resident.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

fn core_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in brackets, may have spaces; the 12th and 13th field after it are user and system time.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
    Some(TICK * ticks)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_takes_time() {
        let me = std::process::id();
        assert!(resident_memory(me).unwrap() > 100_000);
        let before = core_time(me).unwrap();
        while core_time(me).unwrap() == before {
            std::hint::black_box(vec![0; 1000]);
        }
    }
}

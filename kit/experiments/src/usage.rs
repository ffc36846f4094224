//! The resident memory and CPU time of a stage while it is measured. Available on Linux only.

use std::{collections::HashMap, fs, time::Duration};

use stage::{Stage, Status, manifest::PAYMENTS};

/// The usage of all processes of a stage, without the payment provider, which is a third party.
#[derive(Debug, Default)]
pub struct Usage {
    last: HashMap<u32, Duration>,
    /// The CPU time that they used together while they were watched.
    pub cpu_time: Duration,
    /// The most memory that they used together, in bytes. None if the system does not provide it.
    pub memory: Option<u64>,
    /// The largest number of processes.
    pub processes: usize,
}

const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);
/// Linux reports the CPU time of processes in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

impl Usage {
    /// Samples the usage until it is dropped.
    pub async fn watch(&mut self, stage: &Stage) {
        loop {
            self.sample(&stage.status());
            tokio::time::sleep(SAMPLE_INTERVAL).await;
        }
    }

    /// Adds the usage since the last sample. CPU time that a process uses between its last sample and its end is missed.
    pub fn sample(&mut self, status: &Status) {
        let processes = status.processes.iter().filter(|process| process.service != PAYMENTS);
        let pids: Vec<u32> = processes.filter_map(|process| process.pid).collect();
        self.processes = self.processes.max(pids.len());
        let memory = pids.iter().map(|pid| resident_memory(*pid)).sum::<Option<u64>>();
        self.memory = self.memory.max(memory);
        for pid in pids {
            let Some(now) = cpu_time(pid) else { continue };
            let before = self.last.insert(pid, now);
            // A process that is new counts from its first sample.
            self.cpu_time += now.saturating_sub(before.unwrap_or(now));
        }
    }
}

fn resident_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(resident.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in brackets, may contain spaces. The 12th and 13th field after it are user and system time.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
    Some(TICK * ticks)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_cpu_time() {
        let me = std::process::id();
        assert!(resident_memory(me).unwrap() > 100_000);
        let before = cpu_time(me).unwrap();
        while cpu_time(me).unwrap() == before {
            std::hint::black_box(vec![0; 1000]);
        }
    }
}

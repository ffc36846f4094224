//! The status of a running stage: the one interface between the launcher and every tool that uses a stage.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// What `just status --json` prints and `.run/status.json` holds, from the moment a stage is ready until it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The chapter's number.
    pub chapter: u32,
    /// Base URL for each path prefix of the public API, for example `"/" -> "http://127.0.0.1:8080"`.
    /// The longest prefix that matches whole segments wins.
    pub routes: BTreeMap<String, String>,
    /// The base URL by service, where several instances of one that clients talk to stand behind a balancer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub balancers: BTreeMap<String, String>,
    /// The staff account, made anew for every run.
    pub staff: Staff,
    /// The payment sandbox, where the chapter needs one.
    pub payments: Option<Address>,
    /// The NATS server, where the chapter needs one.
    pub nats: Option<Address>,
    /// The Cargo workspace of its processes: what only their databases tell, its `audit.toml` asks.
    pub workspace: PathBuf,
    /// Every process of the stage, in the order of the manifest, then the NATS server, the payment sandbox last.
    pub processes: Vec<ProcessStatus>,
    /// SQLite files of the services, absolute.
    pub databases: Vec<PathBuf>,
    /// What was set with `--set NAME=VALUE`.
    pub settings: BTreeMap<String, String>,
}

/// The log-in of the staff account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// E-mail address.
    pub email: String,
    /// Password, in clear: it lives as long as the run.
    pub password: String,
}

/// Where something that is not a process of the shop answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// For example `http://127.0.0.1:8081` or `nats://127.0.0.1:8085`.
    pub url: String,
}

/// One process of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// The service, as the manifest names it.
    pub service: String,
    /// 1, 2, … within the service.
    pub instance: u16,
    /// The process id, which is its group's too; none while it is dead.
    pub pid: Option<u32>,
    /// Whether it runs.
    pub state: State,
    /// Where it answers, `http://` or `nats://`: the same for as long as the stage lives.
    pub address: String,
    /// The file that has all it printed.
    pub log: PathBuf,
}

/// Whether a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It runs.
    Running,
    /// It exists and does nothing (SIGSTOP), until it is healed.
    Frozen,
    /// It has ended, until it is healed.
    Dead,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Frozen => "frozen",
            Self::Dead => "dead",
        })
    }
}

impl Status {
    /// Reads a status file.
    ///
    /// # Errors
    /// `NotFound` when there is none: no stage is ready. `InvalidData` when the file is no status.
    pub fn read(path: &Path) -> io::Result<Self> {
        serde_json::from_slice(&std::fs::read(path)?).map_err(io::Error::from)
    }

    /// Replaces a status file in one step, so that no reader ever sees half of one.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("json.new");
        std::fs::write(&draft, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(draft, path)
    }

    /// The base URL that answers for a path of the public API, or none when no route covers it.
    pub fn base_url(&self, path: &str) -> Option<&str> {
        let covers = |prefix: &str| {
            let prefix = prefix.trim_end_matches('/');
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let route =
            self.routes.iter().filter(|(prefix, _)| covers(prefix)).max_by_key(|(prefix, _)| prefix.len());
        route.map(|(_, url)| url.as_str())
    }

    /// The service at a base URL: its only instance, or all of them behind a balancer.
    pub fn service_at(&self, url: &str) -> Option<&str> {
        let instances = self.processes.iter().map(|process| (&process.service, &process.address));
        let mut all = instances.chain(&self.balancers);
        all.find(|(_, address)| *address == url).map(|(service, _)| service.as_str())
    }
}

impl ProcessStatus {
    /// The name that `just break` and the log files use, for example `products-2`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.service, self.instance)
    }
}

//! The status of a running stage. This is the only interface between the launcher and the tools that use a stage.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::run;

/// The content of `.run/status.json`, which `just status --json` prints. The file exists from the moment a stage is ready until
/// it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The chapter's number.
    pub chapter: u32,
    /// The base URL for each path prefix of the public API, for example `"/" -> "http://127.0.0.1:8080"`.
    /// The longest prefix that matches whole segments wins.
    pub routes: BTreeMap<String, String>,
    /// The base URL of the balancer, for each public service with several instances.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub balancers: BTreeMap<String, String>,
    /// The staff account. Its password is new for every run that starts with new data.
    pub staff: Staff,
    /// The payment sandbox, if the chapter needs one.
    pub payments: Option<Address>,
    /// The NATS server, if the chapter needs one.
    pub nats: Option<Address>,
    /// The Cargo workspace of the services. It contains `audit.toml`, the audit's queries for their databases.
    pub workspace: PathBuf,
    /// Every process of the stage: services in the order of the manifest, then the NATS server and the payment sandbox.
    pub processes: Vec<ProcessStatus>,
    /// The SQLite files of the services, absolute.
    pub databases: Vec<PathBuf>,
    /// The settings given with `--set NAME=VALUE`.
    pub settings: BTreeMap<String, String>,
}

/// The credentials of the staff account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// E-mail address.
    pub email: String,
    /// Password in plain text. It is valid only for this run.
    pub password: String,
}

/// The address of a third party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// For example `http://127.0.0.1:8081` or `nats://127.0.0.1:8085`.
    pub url: String,
}

/// One process of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// The service's name in the manifest.
    pub service: String,
    /// 1, 2, … within the service.
    pub instance: u16,
    /// The process id, which is also its process group's. None while the process is dead.
    pub pid: Option<u32>,
    /// Whether it is running.
    pub state: State,
    /// Its URL, `http://` or `nats://`. It does not change while the stage is running.
    pub address: String,
    /// The file with its output.
    pub log: PathBuf,
}

/// The state of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is running.
    Running,
    /// It was stopped with SIGSTOP. Healing resumes it.
    Frozen,
    /// It has exited. Healing restarts it.
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
    /// `NotFound` if the file does not exist, which means that no stage is ready. `InvalidData` if it is not a valid status.
    pub fn read(path: &Path) -> io::Result<Self> {
        serde_json::from_slice(&std::fs::read(path)?).map_err(io::Error::from)
    }

    /// Replaces a status file atomically, so that no reader sees a partial file. It contains the staff's password, so only its owner
    /// can read it.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        run::write_private(path, &serde_json::to_vec_pretty(self)?)
    }

    /// The base URL for a path of the public API. None if no route covers it.
    pub fn base_url(&self, path: &str) -> Option<&str> {
        let covers = |prefix: &str| {
            let prefix = prefix.trim_end_matches('/');
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let route =
            self.routes.iter().filter(|(prefix, _)| covers(prefix)).max_by_key(|(prefix, _)| prefix.len());
        route.map(|(_, url)| url.as_str())
    }

    /// The service with this base URL, which is either an instance or a balancer.
    pub fn service_at(&self, url: &str) -> Option<&str> {
        let instances = self.processes.iter().map(|process| (&process.service, &process.address));
        let mut all = instances.chain(&self.balancers);
        all.find(|(_, address)| *address == url).map(|(service, _)| service.as_str())
    }
}

impl ProcessStatus {
    /// The name of the instance, for example `products-2`, as in `just break` and the log files.
    pub fn name(&self) -> String {
        format!("{}-{}", self.service, self.instance)
    }
}

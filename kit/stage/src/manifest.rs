//! `chapter.toml`, the manifest of a stage. Everything that the kit knows about a stage comes from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;

use crate::changes::Changes;

/// A parsed and validated `chapter.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The chapter's number. The folder's name starts with the same number.
    pub number: u32,
    /// The title, as printed in the book.
    pub title: String,
    /// The time that the chapter takes.
    pub minutes: Minutes,
    /// Whether the stage needs the payment sandbox.
    #[serde(default)]
    pub payments: bool,
    /// Whether the stage needs a NATS server.
    #[serde(default)]
    pub nats: bool,
    /// The Cargo workspace of the processes, relative to the chapter's folder. The default is that folder.
    #[serde(default = "own_folder")]
    pub workspace: String,
    /// The processes, in the order of the tables that show them.
    #[serde(rename = "process")]
    pub processes: Vec<Process>,
    /// Invariants that this stage is expected to violate, each under a fault.
    #[serde(default)]
    pub breaks: Vec<Break>,
    /// The files in which it differs from the previous stage.
    #[serde(default)]
    pub changes: Changes,
}

/// Minutes a reader needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minutes {
    /// To read the chapter.
    pub read: u32,
    /// To build the stage on two cores without a cache.
    pub build: u32,
    /// To do its exercises.
    pub exercises: u32,
}

/// A service of the stage: one program with one or more instances.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its name: lower case letters, digits and hyphens.
    pub service: String,
    /// The Cargo package. The default is the service's name.
    package: Option<String>,
    /// The binary. The default is the service's name.
    binary: Option<String>,
    /// Path prefixes of the public API that it serves.
    #[serde(default)]
    pub routes: Vec<String>,
    /// The number of instances.
    #[serde(default = "one")]
    pub instances: u16,
    /// Services that must be ready before it starts.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The file name of its SQLite database, shared by its instances.
    pub database: Option<String>,
    /// Environment variables with the paths of files in the stage's data folder, shared by its instances:
    /// `{ JWKS_FILE = "jwks.json" }`.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// An invariant of the audit that a stage is expected to violate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// The invariant's name, for example `holds-match`.
    pub invariant: String,
    /// The fault under which it is violated.
    pub fault: String,
}

/// The name of the payment sandbox among the processes of a stage.
pub const PAYMENTS: &str = "payments";
/// The name of the NATS server among them.
pub const NATS: &str = "nats";

/// Environment variables that only the launcher sets.
pub(crate) const RESERVED: [&str; 7] =
    ["LISTEN", "DATABASE", "LEDGER", "PAYMENTS_URL", "NATS_URL", "STAFF_EMAIL", "STAFF_PASSWORD"];

const KEYS: &str = "the keys of a chapter: number, title, minutes { read, build, exercises }, payments, nats, workspace, \
    [[process]] (service, package, binary, routes, instances, needs, database, \
    files), [[breaks]] (invariant, fault), \
    [changes] (changed, added, removed, moved)";

fn own_folder() -> String {
    ".".to_owned()
}

fn one() -> u16 {
    1
}

impl Process {
    /// The Cargo package that contains the program.
    pub fn package(&self) -> &str {
        self.package.as_deref().unwrap_or(&self.service)
    }

    /// The program's name.
    pub fn binary(&self) -> &str {
        self.binary.as_deref().unwrap_or(&self.service)
    }

    /// Checks that each key of `files` is a free variable name and each value is a plain file name.
    fn check_files(&self) -> Result<(), (&'static str, String)> {
        for (name, file) in &self.files {
            let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
            if !is_name {
                let reason = "is not a variable name; use upper case letters, digits and underscores";
                return Err(("files", format!("contains {name}, which {reason}")));
            }
            if RESERVED.contains(&name.as_str()) {
                return Err((
                    "files",
                    format!("contains {name}, which the launcher sets; choose another name"),
                ));
            }
            if file.is_empty() || file.contains(['/', '\\']) || matches!(file.as_str(), "." | "..") {
                let reason = "which is not a file name; the file is created in the stage's data folder";
                return Err(("files", format!("contains {name} = \"{file}\", {reason}")));
            }
        }
        Ok(())
    }
}

/// Why a `chapter.toml` is invalid. The message contains the file, the key and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file could not be read.
    #[error("cannot read {file}; every chapter folder contains one")]
    Unreadable {
        /// Path of the file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, a missing key, or a value of the wrong type.
    #[error("{file}: {reason}\n{KEYS}")]
    Malformed {
        /// Path of the file.
        file: String,
        /// The parser's message, with the line.
        reason: String,
    },
    /// A value has the right type but is not allowed.
    #[error("{file}: `{key}` {reason}")]
    Invalid {
        /// Path of the file.
        file: String,
        /// The key.
        key: &'static str,
        /// What is wrong, and what to write instead.
        reason: String,
    },
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let file = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(source) => return Err(ManifestError::Unreadable { file, source }),
        };
        Self::parse(&text, &file)
    }

    fn parse(text: &str, file: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text)
            .map_err(|error| ManifestError::Malformed { file: file.to_owned(), reason: error.to_string() })?;
        match manifest.check() {
            Ok(()) => Ok(manifest),
            Err((key, reason)) => Err(ManifestError::Invalid { file: file.to_owned(), key, reason }),
        }
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.processes.is_empty() {
            return Err(("process", "is empty; a stage has at least one process".to_owned()));
        }
        let mut services = BTreeSet::from([PAYMENTS, NATS]);
        for process in &self.processes {
            let service = process.service.as_str();
            if service.is_empty() || !service.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
                return Err((
                    "service",
                    format!("\"{service}\" is not a name; use lower case letters, digits and hyphens"),
                ));
            }
            if !services.insert(service) {
                return Err(("service", format!("\"{service}\" is taken; give each service a unique name")));
            }
            if process.instances == 0 {
                return Err(("instances", format!("of \"{service}\" is 0; start at least one")));
            }
            if let Some(route) = process.routes.iter().find(|route| !route.starts_with('/')) {
                return Err((
                    "routes",
                    format!("contains \"{route}\"; a route is a path prefix and starts with /"),
                ));
            }
            process.check_files()?;
        }
        self.check_needs()?;
        self.changes.check()
    }

    /// Checks that every need is a service of the stage and that the needs form no cycle.
    fn check_needs(&self) -> Result<(), (&'static str, String)> {
        let mut ready = BTreeSet::new();
        while ready.len() < self.processes.len() {
            let wave = self.startable(&ready);
            if wave.is_empty() {
                let waiting: Vec<_> = self
                    .processes
                    .iter()
                    .map(|p| p.service.as_str())
                    .filter(|s| !ready.contains(s))
                    .collect();
                let reason = "cannot be satisfied: name only services of this stage, without a cycle";
                return Err(("needs", format!("of {} {reason}", waiting.join(", "))));
            }
            ready.extend(wave.iter().map(|process| process.service.as_str()));
        }
        Ok(())
    }

    /// The processes that are not ready yet and need only services that are.
    pub(crate) fn startable(&self, ready: &BTreeSet<&str>) -> Vec<&Process> {
        let satisfied = |process: &&Process| process.needs.iter().all(|need| ready.contains(need.as_str()));
        self.processes
            .iter()
            .filter(|process| !ready.contains(process.service.as_str()))
            .filter(satisfied)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "number = 4\ntitle = \"Four\"\nminutes = { read = 1, build = 2, exercises = 3 }\n";

    fn error_of(rest: &str) -> String {
        Manifest::parse(&format!("{HEAD}{rest}"), "chapter.toml").unwrap_err().to_string()
    }

    #[test]
    fn package_and_binary_default_to_the_service() {
        let manifest =
            Manifest::parse(&format!("{HEAD}[[process]]\nservice = \"users\"\n"), "chapter.toml").unwrap();
        let users = &manifest.processes[0];
        assert_eq!((users.package(), users.binary(), users.instances), ("users", "users", 1));
        assert_eq!(manifest.workspace, ".");
    }

    #[test]
    fn an_unknown_key_is_an_error_with_the_file_and_the_valid_keys() {
        let error = error_of("[[process]]\nservice = \"users\"\nport = 1\n");
        for part in ["chapter.toml", "`port`", "line 6", "instances, needs, database"] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }

    #[test]
    fn an_invalid_declaration_of_changes_is_an_error_with_the_file_and_the_remedy() {
        let process = "[[process]]\nservice = \"a\"\n[changes]\n";
        let error = error_of(&format!("{process}chagned = []\n"));
        assert!(error.contains("`chagned`") && error.contains("(changed, added, removed, moved)"), "{error}");
        let error = error_of(&format!("{process}added = [\"x\"]\nchanged = [\"x\"]\n"));
        assert!(
            error.starts_with("chapter.toml: `changes` declares \"x\" twice; declare each file once"),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_need_and_a_cycle_of_needs_are_refused() {
        assert!(
            error_of("[[process]]\nservice = \"orders\"\nneeds = [\"users\"]\n")
                .contains("`needs` of orders")
        );
        let cycle =
            "[[process]]\nservice = \"a\"\nneeds = [\"b\"]\n[[process]]\nservice = \"b\"\nneeds = [\"a\"]\n";
        assert!(error_of(cycle).contains("`needs` of a, b"));
    }

    #[test]
    fn two_services_with_the_same_name_are_refused() {
        assert!(
            error_of("[[process]]\nservice = \"a\"\n[[process]]\nservice = \"a\"\n")
                .contains("\"a\" is taken")
        );
        for service in [PAYMENTS, NATS] {
            let error = error_of(&format!("[[process]]\nservice = \"{service}\"\n"));
            assert!(error.contains(&format!("\"{service}\" is taken")), "{error}");
        }
    }

    #[test]
    fn a_file_of_a_process_needs_a_free_variable_and_a_plain_file_name() {
        let with = |files: &str| format!("[[process]]\nservice = \"a\"\nfiles = {{ {files} }}\n");
        let manifest =
            Manifest::parse(&format!("{HEAD}{}", with("JWKS_FILE = \"jwks.json\"")), "chapter.toml");
        assert_eq!(manifest.unwrap().processes[0].files["JWKS_FILE"], "jwks.json");
        for (files, expected) in [
            ("jwks = \"x\"", "`files` contains jwks, which is not a variable name"),
            ("NATS_URL = \"x\"", "`files` contains NATS_URL, which the launcher sets"),
            ("X = \"../x\"", "`files` contains X = \"../x\", which is not a file name"),
            ("X = \"\"", "`files` contains X = \"\", which is not a file name"),
        ] {
            let error = error_of(&with(files));
            assert!(error.contains(expected), "{expected} is not in: {error}");
        }
    }
}

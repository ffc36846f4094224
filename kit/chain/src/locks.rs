//! Proves that the lock files of all workspaces resolve the same crates to the same versions, indirect ones too.

use std::{collections::BTreeMap, fs, io::ErrorKind};

use anyhow::{Context, Result};
use semver::Version;
use toml::{Table, Value};

use crate::{Violation, workspaces::Workspace};

/// Crates that one workspace has in another version than the rest. Versions that Cargo would keep side by side in one
/// workspace, as 0.4 and 0.5, are two crates here too.
///
/// # Errors
/// A lock file cannot be read.
pub fn check(workspaces: &[Workspace]) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    let mut newest: BTreeMap<_, (Version, String)> = BTreeMap::new();
    let mut all = Vec::new();
    for workspace in workspaces {
        let place = workspace.lock_place();
        let Some(crates) = resolved(workspace)? else {
            let reason = "is missing; build the workspace once, and commit it";
            violations.push(Violation::new(place, reason));
            continue;
        };
        for (name, version) in crates {
            let found = (version.clone(), place.clone());
            let most = newest.entry((name.clone(), compatible(&version))).or_insert_with(|| found.clone());
            if found.0 > most.0 {
                *most = found;
            }
            all.push((place.clone(), name, version));
        }
    }
    for (place, name, version) in all {
        let (wanted, there) = &newest[&(name.clone(), compatible(&version))];
        if version != *wanted {
            let reason = format!(
                "has {name} {version}, and {there} has {wanted}; `just update {name} {wanted}` makes them one"
            );
            violations.push(Violation::new(place, reason));
        }
    }
    Ok(violations)
}

/// The crates in a workspace's lock file that are not its own, with their versions. None: there is no lock file.
///
/// # Errors
/// It cannot be read.
pub fn resolved(workspace: &Workspace) -> Result<Option<Vec<(String, Version)>>> {
    let place = workspace.lock_place();
    let text = match fs::read_to_string(workspace.folder.join("Cargo.lock")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| format!("cannot read {place}"))?,
    };
    let lock: Table = text.parse().with_context(|| format!("{place} is no TOML"))?;
    let packages = lock.get("package").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let foreign = packages.iter().filter(|package| package.get("source").is_some());
    let read = |package: &Value| {
        let text = |key| package.get(key).and_then(Value::as_str);
        let version = text("version").and_then(|version| Version::parse(version).ok());
        Some((text("name")?.to_owned(), version?))
    };
    let crates = foreign.map(|package| read(package).with_context(|| format!("{place}: what is {package}?")));
    crates.collect::<Result<_>>().map(Some)
}

/// Cargo keeps one version of a crate for each of these: its first number that is not 0, and where that stands.
pub fn compatible(version: &Version) -> (u64, u64, u64) {
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    }
}

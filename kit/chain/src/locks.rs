//! Checks that the lock files of all workspaces resolve each crate to the same version, including indirect dependencies.

use std::{collections::BTreeMap, fs, io::ErrorKind};

use anyhow::{Context, Result};
use semver::Version;
use toml::{Table, Value};

use crate::{Violation, workspaces::Workspace};

/// Finds crates that are locked to different versions. Versions that Cargo can use side by side in one workspace, such as
/// 0.4 and 0.5, count as different crates.
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
            let reason = "is missing; build the workspace once and commit the file";
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
                "locks {name} to {version}, but {there} locks it to {wanted}; run `just update {name} {wanted}`"
            );
            violations.push(Violation::new(place, reason));
        }
    }
    Ok(violations)
}

/// Reads the external crates in the lock file of a workspace, with their versions. `None` if there is no lock file.
///
/// # Errors
/// The lock file cannot be read or parsed.
pub fn resolved(workspace: &Workspace) -> Result<Option<Vec<(String, Version)>>> {
    let place = workspace.lock_place();
    let text = match fs::read_to_string(workspace.folder.join("Cargo.lock")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| format!("cannot read {place}"))?,
    };
    let lock: Table = text.parse().with_context(|| format!("{place} is not valid TOML"))?;
    let packages = lock.get("package").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let external = packages.iter().filter(|package| package.get("source").is_some());
    let read = |package: &Value| {
        let text = |key| package.get(key).and_then(Value::as_str);
        let version = text("version").and_then(|version| Version::parse(version).ok());
        Some((text("name")?.to_owned(), version?))
    };
    let crates =
        external.map(|package| read(package).with_context(|| format!("{place}: invalid package {package}")));
    crates.collect::<Result<_>>().map(Some)
}

/// The compatibility class of a version: the first number that is not 0, and its position. Cargo selects one version of a
/// crate in each class.
pub fn compatible(version: &Version) -> (u64, u64, u64) {
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    }
}

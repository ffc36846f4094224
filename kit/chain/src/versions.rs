//! Checks that no two packages share a name and a version.
//!
//! The workspaces of the course share compiled crates (`build-dir` in `.cargo/config.toml`), where Cargo distinguishes
//! packages only by name and version. If both are the same, Cargo can silently run the program of another chapter.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};

use crate::{Chain, Violation, files::version_of, workspaces::Workspace};

/// Finds stages whose version is not `0.N.0`, and packages that share name and version with a package of another
/// workspace.
///
/// # Errors
/// The `Cargo.toml` of a stage cannot be read.
pub fn check(chain: &Chain, workspaces: &[Workspace]) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for link in &chain.links {
        let place = link.path_of("Cargo.toml");
        let manifest = fs::read_to_string(link.folder.join("Cargo.toml"))
            .with_context(|| format!("cannot read {place}"))?;
        let wanted = format!("0.{}.0", link.number);
        let version = version_of(&manifest).unwrap_or("missing");
        if version != wanted {
            let reason = format!(
                "the version is {version}, but chapter {} must have version = \"{wanted}\"",
                link.number
            );
            violations.push(Violation::new(place, reason));
        }
    }
    violations.extend(duplicates(workspaces));
    Ok(violations)
}

fn duplicates(workspaces: &[Workspace]) -> Vec<Violation> {
    let mut seen = BTreeMap::new();
    let mut violations = Vec::new();
    for package in workspaces.iter().flat_map(|workspace| &workspace.packages) {
        let (name, version) = (&package.name, &package.version);
        if let Some(other) = seen.insert((name, version), &package.place) {
            let reason = format!(
                "{other} also contains {name} {version}, so Cargo would confuse the two packages; \
                write `version.workspace = true` and give the workspace a unique version"
            );
            violations.push(Violation::new(&package.place, reason));
        }
    }
    violations
}

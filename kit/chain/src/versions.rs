//! Proves that no package can be taken for another.
//!
//! The workspaces of the course share compiled crates (`build-dir` in `.cargo/config.toml`). Cargo tells two packages
//! there by name and version only: with both the same, the program of one chapter silently runs as that of another.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};

use crate::{Chain, Violation, files::version_of, workspaces::Workspace};

/// Stages whose version is not `0.N.0`, and packages that share name and version with one of another workspace.
///
/// # Errors
/// A stage has no `Cargo.toml`.
pub fn check(chain: &Chain, workspaces: &[Workspace]) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for link in &chain.links {
        let place = link.shown("Cargo.toml");
        let manifest = fs::read_to_string(link.folder.join("Cargo.toml"))
            .with_context(|| format!("cannot read {place}"))?;
        let wanted = format!("0.{}.0", link.number);
        let version = version_of(&manifest).unwrap_or("missing");
        if version != wanted {
            let reason =
                format!("the version is {version}; chapter {} is version = \"{wanted}\"", link.number);
            violations.push(Violation::new(place, reason));
        }
    }
    violations.extend(twins(workspaces));
    Ok(violations)
}

fn twins(workspaces: &[Workspace]) -> Vec<Violation> {
    let mut seen = BTreeMap::new();
    let mut violations = Vec::new();
    for package in workspaces.iter().flat_map(|workspace| &workspace.packages) {
        let (name, version) = (&package.name, &package.version);
        if let Some(other) = seen.insert((name, version), &package.place) {
            let reason = format!(
                "{name} {version} is also in {other}, and Cargo would take one for the other; \
                write `version.workspace = true`, and a version in the workspace that no other has"
            );
            violations.push(Violation::new(&package.place, reason));
        }
    }
    violations
}

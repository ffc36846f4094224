//! Changes the version of a dependency in the table and in the lock file of every workspace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use semver::Version;
use toml_edit::{DocumentMut, Item, Value};

use crate::{
    files::read_if_there,
    locks::{compatible, resolved},
    workspaces::Workspace,
};

/// The result of an update.
#[derive(Debug)]
pub struct Updated {
    /// The new version.
    pub version: Version,
    /// The changed files, relative to the root of the course.
    pub files: Vec<String>,
}

/// Updates a crate in every workspace that uses it, directly or indirectly. The default version is the newest one that
/// the first of these workspaces allows. If Cargo fails in one workspace, all files are restored.
///
/// # Errors
/// No workspace uses the crate, or Cargo fails; Cargo prints its message to standard error.
pub fn update(workspaces: &[Workspace], name: &str, version: Option<Version>) -> Result<Updated> {
    let mut affected = Vec::new();
    for workspace in workspaces {
        if is_in_table(workspace, name) || !locked(workspace, name)?.is_empty() {
            affected.push(workspace);
        }
    }
    let before = Snapshot::of(&affected)?;
    let result = update_all(&affected, name, version);
    let restored = if result.is_err() { before.restore() } else { Ok(()) };
    let version = result?;
    restored?;
    Ok(Updated { version, files: before.changed_files()? })
}

fn update_all(affected: &[&Workspace], name: &str, version: Option<Version>) -> Result<Version> {
    let first = affected.first().with_context(|| {
        format!(
            "no workspace of the course uses {name}; add it to [workspace.dependencies] where you need it"
        )
    })?;
    let version = match version {
        Some(version) => version,
        None => newest(first, name)?,
    };
    for workspace in affected.iter().filter(|workspace| is_in_table(workspace, name)) {
        let file = workspace.folder.join("Cargo.toml");
        let text = fs::read_to_string(&file)?;
        fs::write(&file, with_dependency(&text, name, &version)?)?;
    }
    for workspace in affected {
        if let Some(old) = predecessor(&locked(workspace, name)?, &version) {
            cargo_update(workspace, &format!("{name}@{old}"), Some(&version))?;
        }
    }
    Ok(version)
}

/// Runs `cargo update` to find the version that Cargo selects, and restores the lock file.
fn newest(workspace: &Workspace, name: &str) -> Result<Version> {
    let place = workspace.lock_place();
    let old = locked(workspace, name)?.into_iter().max();
    let old = old.with_context(|| format!("{place} does not contain {name}; give a version"))?;
    let before = Snapshot::of(&[workspace])?;
    cargo_update(workspace, &format!("{name}@{old}"), None)?;
    let new = locked(workspace, name)?.into_iter().filter(|new| compatible(new) == compatible(&old)).max();
    before.restore()?;
    new.with_context(|| format!("the update would remove {name} from {place}; give a version"))
}

/// The locked version that a new version replaces: a compatible one, otherwise the newest. `None` if the new version is
/// already locked.
fn predecessor<'a>(locked: &'a [Version], new: &Version) -> Option<&'a Version> {
    if locked.contains(new) {
        return None;
    }
    locked.iter().find(|old| compatible(old) == compatible(new)).or_else(|| locked.iter().max())
}

fn locked(workspace: &Workspace, name: &str) -> Result<Vec<Version>> {
    let crates = resolved(workspace)?.unwrap_or_default();
    Ok(crates.into_iter().filter(|(other, _)| other == name).map(|(_, version)| version).collect())
}

fn is_in_table(workspace: &Workspace, name: &str) -> bool {
    let dependency = workspace.get(&["workspace", "dependencies", name]);
    dependency.is_some_and(|dependency| dependency.get("path").is_none())
}

/// Replaces the version of a dependency in a manifest. Everything else is kept, including comments and spaces.
///
/// # Errors
/// The manifest is not valid TOML, or the dependency has no version there.
pub fn with_dependency(manifest: &str, name: &str, version: &Version) -> Result<String> {
    let mut document: DocumentMut = manifest.parse()?;
    let path = ["workspace", "dependencies", name];
    let entry = path.iter().try_fold(document.as_item_mut(), |item, key| item.get_mut(key));
    let entry = entry.with_context(|| format!("[workspace.dependencies] does not contain {name}"))?;
    let stated = if entry.is_str() { Some(entry) } else { entry.get_mut("version") };
    let stated = stated.and_then(Item::as_value_mut);
    let stated = stated.with_context(|| format!("{name} has no version in [workspace.dependencies]"))?;
    let decor = stated.decor().clone();
    *stated = Value::from(version.to_string());
    *stated.decor_mut() = decor;
    Ok(document.to_string())
}

fn cargo_update(workspace: &Workspace, package: &str, precise: Option<&Version>) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["update", "--quiet", "--package", package]);
    if let Some(version) = precise {
        cargo.arg("--precise").arg(version.to_string());
    }
    cargo.current_dir(&workspace.folder).env_clear().envs(stage::environment::inherited());
    let status = cargo.stdin(Stdio::null()).status().context("cannot run cargo")?;
    let place = workspace.manifest_place();
    ensure!(
        status.success(),
        "cargo cannot update {package} for {place} (see its message above); nothing was changed"
    );
    Ok(())
}

/// The contents of the manifests and lock files of some workspaces.
struct Snapshot(Vec<(PathBuf, String, Option<Vec<u8>>)>);

impl Snapshot {
    fn of(workspaces: &[&Workspace]) -> Result<Self> {
        let files = workspaces.iter().flat_map(|workspace| {
            let file = |name| workspace.folder.join(name);
            [(file("Cargo.toml"), workspace.manifest_place()), (file("Cargo.lock"), workspace.lock_place())]
        });
        files
            .map(|(file, place)| Ok((file.clone(), place, read_if_there(&file)?)))
            .collect::<Result<_>>()
            .map(Self)
    }

    fn restore(&self) -> Result<()> {
        let restore_one = |(file, place, content): &(PathBuf, String, Option<Vec<u8>>)| {
            restore(file, content.as_deref()).with_context(|| format!("cannot restore {place}"))
        };
        self.0.iter().try_for_each(restore_one)
    }

    fn changed_files(self) -> Result<Vec<String>> {
        let mut changed = Vec::new();
        for (file, place, content) in self.0 {
            if read_if_there(&file)? != content {
                changed.push(place);
            }
        }
        Ok(changed)
    }
}

fn restore(file: &Path, content: Option<&[u8]>) -> std::io::Result<()> {
    match content {
        Some(content) => fs::write(file, content),
        None if file.exists() => fs::remove_file(file),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(texts: &[&str]) -> Vec<Version> {
        texts.iter().map(|text| Version::parse(text).unwrap()).collect()
    }

    #[test]
    fn only_the_version_is_changed_and_comments_and_spaces_are_kept() {
        let manifest = "# why\n[workspace.dependencies]\na   =  \"1.0.0\" # pinned\nb = { version = \"1.0.0\", features = [\"x\"] } # b\n";
        let version = Version::new(2, 1, 0);
        let changed = with_dependency(manifest, "a", &version).unwrap();
        assert_eq!(changed, manifest.replacen("1.0.0", "2.1.0", 1));
        let changed = with_dependency(&changed, "b", &version).unwrap();
        assert_eq!(changed, manifest.replace("1.0.0", "2.1.0"));
    }

    #[test]
    fn the_compatible_locked_version_is_replaced() {
        let locked = versions(&["0.4.2", "0.5.1", "1.3.0"]);
        let replaced =
            |new: &str| predecessor(&locked, &Version::parse(new).unwrap()).map(ToString::to_string);
        assert_eq!(replaced("0.4.9").as_deref(), Some("0.4.2"));
        assert_eq!(replaced("2.0.0").as_deref(), Some("1.3.0"));
        assert_eq!(replaced("0.5.1"), None);
    }
}

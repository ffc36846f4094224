//! Changes the version of a dependency everywhere: in the table of every workspace, and in every lock file.

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

/// What was updated.
#[derive(Debug)]
pub struct Updated {
    /// The version that it has now, everywhere.
    pub version: Version,
    /// Files that were written, from the root of the course.
    pub files: Vec<String>,
}

/// Brings a crate to a version in every workspace that has it, also where only another crate needs it. Without a version,
/// to the newest that the first of these workspaces allows. All or nothing: if Cargo refuses in one workspace, every
/// file is as before.
///
/// # Errors
/// No workspace has the crate, or Cargo refuses; its own words are on standard error.
pub fn update(workspaces: &[Workspace], name: &str, version: Option<Version>) -> Result<Updated> {
    let mut having = Vec::new();
    for workspace in workspaces {
        if is_in_table(workspace, name) || !locked(workspace, name)?.is_empty() {
            having.push(workspace);
        }
    }
    let before = Snapshot::of(&having)?;
    let done = everywhere(&having, name, version);
    let restored = if done.is_err() { before.restore() } else { Ok(()) };
    let version = done?;
    restored?;
    Ok(Updated { version, files: before.written()? })
}

fn everywhere(having: &[&Workspace], name: &str, version: Option<Version>) -> Result<Version> {
    let first = having.first().with_context(|| {
        format!(
            "no workspace of the course has {name}; add it to [workspace.dependencies] where it is needed"
        )
    })?;
    let version = match version {
        Some(version) => version,
        None => newest(first, name)?,
    };
    for workspace in having.iter().filter(|workspace| is_in_table(workspace, name)) {
        let file = workspace.folder.join("Cargo.toml");
        let text = fs::read_to_string(&file)?;
        fs::write(&file, with_dependency(&text, name, &version)?)?;
    }
    for workspace in having {
        if let Some(old) = predecessor(&locked(workspace, name)?, &version) {
            cargo_update(workspace, &format!("{name}@{old}"), Some(&version))?;
        }
    }
    Ok(version)
}

/// Lets Cargo choose, reads what it chose, and puts its lock file back.
fn newest(workspace: &Workspace, name: &str) -> Result<Version> {
    let place = workspace.lock_place();
    let old = locked(workspace, name)?.into_iter().max();
    let old = old.with_context(|| format!("{place} has no {name}; say which version you want"))?;
    let before = Snapshot::of(&[workspace])?;
    cargo_update(workspace, &format!("{name}@{old}"), None)?;
    let new = locked(workspace, name)?.into_iter().filter(|new| compatible(new) == compatible(&old)).max();
    before.restore()?;
    new.with_context(|| format!("{place} would have no {name} any more; say which version you want"))
}

/// The version in a lock file that gives way to a new one: the compatible one, else the newest. None: it has the new one.
fn predecessor<'a>(locked: &'a [Version], new: &Version) -> Option<&'a Version> {
    if locked.contains(new) {
        return None;
    }
    locked.iter().find(|old| compatible(old) == compatible(new)).or_else(|| locked.iter().max())
}

fn locked(workspace: &Workspace, name: &str) -> Result<Vec<Version>> {
    let crates = resolved(workspace)?.unwrap_or_default();
    Ok(crates.into_iter().filter(|(there, _)| there == name).map(|(_, version)| version).collect())
}

fn is_in_table(workspace: &Workspace, name: &str) -> bool {
    let dependency = workspace.get(&["workspace", "dependencies", name]);
    dependency.is_some_and(|dependency| dependency.get("path").is_none())
}

/// A manifest with another version of a dependency; everything else stays as it is, comments and spaces included.
///
/// # Errors
/// It is no TOML, or the dependency has no version there.
pub fn with_dependency(manifest: &str, name: &str, version: &Version) -> Result<String> {
    let mut document: DocumentMut = manifest.parse()?;
    let path = ["workspace", "dependencies", name];
    let entry = path.iter().try_fold(document.as_item_mut(), |item, key| item.get_mut(key));
    let entry = entry.with_context(|| format!("[workspace.dependencies] has no {name}"))?;
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
        "cargo cannot update {package} for {place}; nothing is changed, its reasons are above"
    );
    Ok(())
}

/// The manifests and lock files of some workspaces, as they were.
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
        let put = |(file, place, content): &(PathBuf, String, Option<Vec<u8>>)| {
            restore(file, content.as_deref()).with_context(|| format!("cannot restore {place}"))
        };
        self.0.iter().try_for_each(put)
    }

    fn written(self) -> Result<Vec<String>> {
        let mut written = Vec::new();
        for (file, place, content) in self.0 {
            if read_if_there(&file)? != content {
                written.push(place);
            }
        }
        Ok(written)
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
    fn a_version_is_changed_and_every_comment_and_space_is_kept() {
        let manifest = "# why\n[workspace.dependencies]\na   =  \"1.0.0\" # pinned\nb = { version = \"1.0.0\", features = [\"x\"] } # b\n";
        let version = Version::new(2, 1, 0);
        let changed = with_dependency(manifest, "a", &version).unwrap();
        assert_eq!(changed, manifest.replacen("1.0.0", "2.1.0", 1));
        let changed = with_dependency(&changed, "b", &version).unwrap();
        assert_eq!(changed, manifest.replace("1.0.0", "2.1.0"));
    }

    #[test]
    fn the_compatible_version_gives_way_and_the_others_stay() {
        let locked = versions(&["0.4.2", "0.5.1", "1.3.0"]);
        let gives_way =
            |new: &str| predecessor(&locked, &Version::parse(new).unwrap()).map(ToString::to_string);
        assert_eq!(gives_way("0.4.9").as_deref(), Some("0.4.2"));
        assert_eq!(gives_way("2.0.0").as_deref(), Some("1.3.0"));
        assert_eq!(gives_way("0.5.1"), None);
    }
}

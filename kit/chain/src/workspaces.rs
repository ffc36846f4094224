//! Every Cargo workspace of the course: the kit's, each stage's, and what else there is.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::files;

/// A Cargo workspace.
#[derive(Debug)]
pub struct Workspace {
    /// Its folder.
    pub folder: PathBuf,
    /// The same from the root of the course, with `/` at the end; the root's own is empty.
    pub place: String,
    /// Its `Cargo.toml`.
    pub manifest: Table,
    /// The packages in it.
    pub packages: Vec<Package>,
}

/// A package, with what Cargo tells it by.
#[derive(Debug)]
pub struct Package {
    /// Its `Cargo.toml`, from the root of the course.
    pub place: String,
    /// Its name.
    pub name: String,
    /// Its version, inherited from the workspace or its own.
    pub version: String,
    /// Its dependencies of all kinds, as they stand in the manifest.
    pub dependencies: Vec<(String, Value)>,
}

/// All workspaces of a course, that of the root first.
///
/// # Errors
/// A folder or manifest cannot be read.
pub fn all(root: &Path) -> Result<Vec<Workspace>> {
    let mut manifests = BTreeMap::new();
    for file in files::tracked(root)? {
        if let Some(place) =
            file.strip_suffix("Cargo.toml").filter(|place| place.is_empty() || place.ends_with('/'))
        {
            manifests.insert(place.to_owned(), parse(root, &file)?);
        }
    }
    let places: Vec<_> = manifests
        .iter()
        .filter(|(_, table)| table.contains_key("workspace"))
        .map(|(place, _)| place.clone())
        .collect();
    let mut workspaces = Vec::new();
    for place in &places {
        let mut workspace = Workspace {
            folder: root.join(place),
            place: place.clone(),
            manifest: manifests[place].clone(),
            packages: Vec::new(),
        };
        let nearest =
            |package: &str| places.iter().filter(|place| package.starts_with(*place)).max_by_key(|p| p.len());
        let members = manifests.iter().filter(|(package, _)| nearest(package) == Some(place));
        workspace.packages =
            members.filter_map(|(folder, table)| package(folder, table, &workspace)).collect();
        workspaces.push(workspace);
    }
    Ok(workspaces)
}

fn parse(root: &Path, file: &str) -> Result<Table> {
    let text = fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
    text.parse().with_context(|| format!("{file} is no TOML"))
}

fn package(folder: &str, table: &Table, workspace: &Workspace) -> Option<Package> {
    let package = table.get("package")?;
    let inherited = || workspace.get(&["workspace", "package", "version"]).and_then(Value::as_str);
    let version = match package.get("version") {
        Some(Value::String(version)) => version,
        Some(_) => inherited().unwrap_or_default(),
        None => "0.0.0", // as Cargo has it
    };
    let name = package.get("name")?.as_str()?.to_owned();
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = kinds.iter().filter_map(|kind| table.get(*kind).and_then(Value::as_table));
    let dependencies = tables.flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
    Some(Package { place: format!("{folder}Cargo.toml"), name, version: version.to_owned(), dependencies })
}

impl Workspace {
    /// A value of the manifest.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.manifest.get(*first)?, |value, key| value.get(key))
    }

    /// A table of the manifest, entry by entry; nothing where it is missing.
    pub fn entries(&self, path: &[&str]) -> impl Iterator<Item = (&str, &Value)> + use<'_> {
        let table = self.get(path).and_then(Value::as_table);
        table.into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    /// The manifest's path from the root of the course.
    pub fn manifest_place(&self) -> String {
        format!("{}Cargo.toml", self.place)
    }

    /// The lock file's path from the root of the course.
    pub fn lock_place(&self) -> String {
        format!("{}Cargo.lock", self.place)
    }
}

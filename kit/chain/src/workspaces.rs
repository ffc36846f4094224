//! Finds every Cargo workspace of the course: the kit, the stages and any other.

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
    /// The folder of the workspace.
    pub folder: PathBuf,
    /// The same folder, relative to the root of the course and with a trailing `/`; empty for the root.
    pub place: String,
    /// The parsed `Cargo.toml`.
    pub manifest: Table,
    /// The packages of the workspace.
    pub packages: Vec<Package>,
}

/// A package of a workspace.
#[derive(Debug)]
pub struct Package {
    /// The path of its `Cargo.toml`, relative to the root of the course.
    pub place: String,
    /// The name.
    pub name: String,
    /// The version, which may be inherited from the workspace.
    pub version: String,
    /// The dependencies of all kinds, as written in the manifest.
    pub dependencies: Vec<(String, Value)>,
}

/// Reads all workspaces of a course, the one of the root first.
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
    text.parse().with_context(|| format!("{file} is not valid TOML"))
}

fn package(folder: &str, table: &Table, workspace: &Workspace) -> Option<Package> {
    let package = table.get("package")?;
    let inherited = || workspace.get(&["workspace", "package", "version"]).and_then(Value::as_str);
    let version = match package.get("version") {
        Some(Value::String(version)) => version,
        Some(_) => inherited().unwrap_or_default(),
        None => "0.0.0", // the default of Cargo
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

    /// The entries of a table of the manifest; empty if the table is missing.
    pub fn entries(&self, path: &[&str]) -> impl Iterator<Item = (&str, &Value)> + use<'_> {
        let table = self.get(path).and_then(Value::as_table);
        table.into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    /// The path of the manifest, relative to the root of the course.
    pub fn manifest_place(&self) -> String {
        format!("{}Cargo.toml", self.place)
    }

    /// The path of the lock file, relative to the root of the course.
    pub fn lock_place(&self) -> String {
        format!("{}Cargo.lock", self.place)
    }
}

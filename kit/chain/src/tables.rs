//! Checks that all workspaces declare the same dependencies, lints and editions. A dependency that differs is compiled
//! twice, and the difference would distract a reader who compares two chapters.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::{Violation, workspaces::Workspace};

/// Finds every setting that differs from another workspace, and every dependency with a version outside of
/// `[workspace.dependencies]`. Dependencies on crates of the same workspace are not compared.
pub fn check(workspaces: &[Workspace]) -> Vec<Violation> {
    [inconsistencies(workspaces), local_versions(workspaces)].concat()
}

fn inconsistencies(workspaces: &[Workspace]) -> Vec<Violation> {
    let mut seen = BTreeMap::new();
    let mut violations = Vec::new();
    for workspace in workspaces {
        for (key, value) in settings(workspace) {
            let (place, first) =
                seen.entry(key.clone()).or_insert_with(|| (workspace.manifest_place(), value.clone()));
            if *first != value {
                let reason = format!(
                    "{key} is {value}, but in {place} it is {first}; make them equal, or run `just update` for a dependency"
                );
                violations.push(Violation::new(workspace.manifest_place(), reason));
            }
        }
    }
    violations
}

/// Finds dependencies with a version in the manifest of a package. This check and `just update` look only at the table of
/// the workspace.
fn local_versions(workspaces: &[Workspace]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in workspaces.iter().flat_map(|workspace| &workspace.packages) {
        let has_version = |value: &Value| value.is_str() || value.get("version").is_some();
        for (name, _) in package.dependencies.iter().filter(|(_, value)| has_version(value)) {
            let reason = format!(
                "{name} has a version here; move it to [workspace.dependencies] and write `{name}.workspace = true`"
            );
            violations.push(Violation::new(&package.place, reason));
        }
    }
    violations
}

/// The settings that must be the same in all workspaces, by their key in the manifest.
fn settings(workspace: &Workspace) -> Vec<(String, Value)> {
    let mut settings = Vec::new();
    for key in ["edition", "rust-version"] {
        let value = workspace.get(&["workspace", "package", key]).cloned();
        settings.extend(value.map(|value| (format!("workspace.package.{key}"), value)));
    }
    for (tool, _) in workspace.entries(&["workspace", "lints"]) {
        let lints = workspace.entries(&["workspace", "lints", tool]);
        settings.extend(lints.map(|(lint, level)| (format!("workspace.lints.{tool}.{lint}"), level.clone())));
    }
    let dependencies = workspace.entries(&["workspace", "dependencies"]);
    let external = dependencies.filter(|(_, dependency)| dependency.get("path").is_none());
    settings
        .extend(external.map(|(name, value)| (format!("workspace.dependencies.{name}"), normalised(value))));
    settings
}

/// Normalises a dependency for comparison: `"1"` becomes `{ version = "1" }`, and the features are sorted.
fn normalised(dependency: &Value) -> Value {
    let mut dependency = match dependency {
        Value::String(_) => Value::Table(Table::from_iter([("version".to_owned(), dependency.clone())])),
        _ => dependency.clone(),
    };
    if let Some(features) = dependency.get_mut("features").and_then(Value::as_array_mut) {
        features.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    dependency
}

//! Proves that all workspaces say the same about dependencies, lints and editions: what differs is compiled twice, and
//! would be a difference between chapters that teaches nothing.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::{Violation, workspaces::Workspace};

/// Every line that contradicts one in an earlier workspace, and every dependency that stands in no such table. The
/// dependencies of a workspace on its own crates are its own.
pub fn check(workspaces: &[Workspace]) -> Vec<Violation> {
    [contradictions(workspaces), strays(workspaces)].concat()
}

fn contradictions(workspaces: &[Workspace]) -> Vec<Violation> {
    let mut said = BTreeMap::new();
    let mut violations = Vec::new();
    for workspace in workspaces {
        for (key, value) in statements(workspace) {
            let (place, first) =
                said.entry(key.clone()).or_insert_with(|| (workspace.manifest_place(), value.clone()));
            if *first != value {
                let reason = format!(
                    "{key} is {value}, and in {place} it is {first}; write the same, or `just update` a dependency"
                );
                violations.push(Violation::new(workspace.manifest_place(), reason));
            }
        }
    }
    violations
}

/// Dependencies with a version in a package's own manifest, where no table is compared and no update finds them.
fn strays(workspaces: &[Workspace]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in workspaces.iter().flat_map(|workspace| &workspace.packages) {
        let stray = |value: &Value| value.is_str() || value.get("version").is_some();
        for (name, _) in package.dependencies.iter().filter(|(_, value)| stray(value)) {
            let reason = format!(
                "{name} has a version here; put that into [workspace.dependencies], and write `{name}.workspace = true`"
            );
            violations.push(Violation::new(&package.place, reason));
        }
    }
    violations
}

/// What has to agree, by its key in the manifest.
fn statements(workspace: &Workspace) -> Vec<(String, Value)> {
    let mut statements = Vec::new();
    for key in ["edition", "rust-version"] {
        let value = workspace.get(&["workspace", "package", key]).cloned();
        statements.extend(value.map(|value| (format!("workspace.package.{key}"), value)));
    }
    for (tool, _) in workspace.entries(&["workspace", "lints"]) {
        let lints = workspace.entries(&["workspace", "lints", tool]);
        statements
            .extend(lints.map(|(lint, level)| (format!("workspace.lints.{tool}.{lint}"), level.clone())));
    }
    let dependencies = workspace.entries(&["workspace", "dependencies"]);
    let others = dependencies.filter(|(_, dependency)| dependency.get("path").is_none());
    statements.extend(others.map(|(name, value)| (format!("workspace.dependencies.{name}"), long(value))));
    statements
}

/// `"1"` as `{ version = "1" }`, and features in alphabetical order.
fn long(dependency: &Value) -> Value {
    let mut dependency = match dependency {
        Value::String(_) => Value::Table(Table::from_iter([("version".to_owned(), dependency.clone())])),
        _ => dependency.clone(),
    };
    if let Some(features) = dependency.get_mut("features").and_then(Value::as_array_mut) {
        features.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    dependency
}

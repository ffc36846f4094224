//! Proves that the rules of the shop know no framework: `domain.rs` and `status.rs` of a context could be moved to any
//! other process, and tested without one.

use anyhow::Result;

use crate::{Chain, Violation, rust::Source};

/// Files that hold rules only.
const PURE: [&str; 2] = ["domain.rs", "status.rs"];

/// Crates that such a file does not name.
const FRAMEWORKS: [&str; 5] = ["async_nats", "axum", "reqwest", "sqlx", "tokio"];

/// Every line of such a file that names a framework.
///
/// # Errors
/// A file cannot be read.
pub fn check(chain: &Chain) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for link in &chain.links {
        for path in link.files.paths.iter().filter(|path| is_pure(path)) {
            for (line, name) in Source::read(&link.folder.join(path))?.identifiers {
                if FRAMEWORKS.contains(&name.as_str()) {
                    let reason =
                        format!("names {name}; rules know no framework, so move this to the file that does");
                    violations.push(Violation::new(format!("{}:{line}", link.shown(path)), reason));
                }
            }
        }
    }
    Ok(violations)
}

fn is_pure(path: &str) -> bool {
    path.rsplit_once('/')
        .is_some_and(|(folder, name)| PURE.contains(&name) && folder.split('/').any(|f| f == "src"))
}

//! Checks that domain code does not use a framework. So `domain.rs` and `status.rs` of a context can be tested without a
//! server, and moved to another process.

use anyhow::Result;

use crate::{Chain, Violation, rust::Source};

/// The files that contain only domain code.
const DOMAIN_FILES: [&str; 2] = ["domain.rs", "status.rs"];

/// The crates that domain code must not use.
const FRAMEWORKS: [&str; 5] = ["async_nats", "axum", "reqwest", "sqlx", "tokio"];

/// Finds every line of a domain file that names a framework.
///
/// # Errors
/// A file cannot be read.
pub fn check(chain: &Chain) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for link in &chain.links {
        for path in link.files.paths.iter().filter(|path| is_domain_file(path)) {
            for (line, name) in Source::read(&link.folder.join(path))?.identifiers {
                if FRAMEWORKS.contains(&name.as_str()) {
                    let reason = format!("domain code must not use {name}; move this code to another file");
                    violations.push(Violation::new(format!("{}:{line}", link.path_of(path)), reason));
                }
            }
        }
    }
    Ok(violations)
}

fn is_domain_file(path: &str) -> bool {
    path.rsplit_once('/')
        .is_some_and(|(folder, name)| DOMAIN_FILES.contains(&name) && folder.split('/').any(|f| f == "src"))
}

//! The environment that processes of a stage inherit.

use std::ffi::OsString;

/// What `cargo run` and `cargo test` set for the program they start. A nested Cargo that sees it rebuilds crates whose
/// build scripts look at it, and a service has no business with it. What the user set (`CARGO_HOME`, …) is not among it.
const OF_CARGO: [&str; 6] =
    ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_", "CARGO_TARGET_TMPDIR"];

/// The kit's own environment, without what Cargo set for the kit.
pub fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name != "CARGO" && !OF_CARGO.iter().any(|prefix| name.starts_with(prefix))
    })
}

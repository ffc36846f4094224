//! What builds, processes and git get from the user's environment and configuration.
//!
//! A user's machine brings variables that were meant for other programs: a proxy, flags for another project, or a `DATABASE`. They
//! must not change what is built, tested or measured. So builds get the user's environment without the variables that change their
//! result, and the processes of a stage get only a few harmless variables. The same holds for the user's configuration of Cargo and
//! git.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::cargo_config;

/// Set by `cargo run` and `cargo test` for the program that they start. A nested Cargo would rebuild crates whose build scripts read
/// them.
const SET_BY_CARGO: [&str; 6] =
    ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_", "CARGO_TARGET_TMPDIR"];

/// Set by a user to change all builds: other flags, profiles or targets, or a target folder that all workspaces would share.
const CHANGES_BUILDS: [&str; 6] = [
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_PROFILE_",
    "CARGO_TARGET_DIR",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
];

/// What a process of a stage needs apart from its settings.
const HARMLESS: [&str; 6] = ["PATH", "HOME", "USER", "TMPDIR", "TZ", "LANG"];

/// Addresses that are never reached through a proxy.
const LOOPBACK: &str = "127.0.0.1,localhost,::1";

/// The user's environment for a build or a test, without the variables that change its result. Proxies are kept, because Cargo may
/// need one to download crates, but they are not used for loopback addresses. `STEPWISE_TARGET_DIR` sets the target folder, for tests
/// of the kit.
pub fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    let target = std::env::var_os("STEPWISE_TARGET_DIR").map(|target| ("CARGO_TARGET_DIR".into(), target));
    build_environment(std::env::vars_os().collect()).chain(target)
}

/// The same for a build of one workspace, without what the user's Cargo configuration would change: the target folder is set
/// explicitly, and no `rustflags` are used. The latter are overridden only where the user has some, because build scripts depend on
/// the variable, and a plain `cargo build` of the same workspace would compile their crates again.
pub fn of_workspace(workspace: &Path) -> impl Iterator<Item = (OsString, OsString)> {
    let target = ("CARGO_TARGET_DIR".into(), workspace.join("target").into());
    let files = cargo_config::files(workspace, std::env::var_os("CARGO_HOME").map(PathBuf::from));
    let has_flags = files.iter().any(|file| cargo_config::Config::read(file).has_rustflags());
    let no_flags = has_flags.then(|| ("CARGO_ENCODED_RUSTFLAGS".into(), OsString::new()));
    std::iter::once(target).chain(no_flags).chain(inherited()) // the last one counts
}

/// A `git` command in a folder, to which neither the variables nor the configuration of the user apply: a `GIT_DIR` of another
/// repository, a global ignore file, `color.ui` or `diff.external`. A repository of another user is accepted, because the code in it
/// is compiled and run anyway.
pub fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        git.env_remove(name);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.env("GIT_OPTIONAL_LOCKS", "0"); // does not disturb a commit at the same time
    git.args(["-c", "safe.directory=*"]).current_dir(folder).stdin(Stdio::null());
    git
}

/// The user's environment for a process of a stage, whose configuration comes from the launcher alone.
pub fn minimal() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| is_harmless(&name.to_string_lossy()))
}

fn build_environment(all: Vec<(OsString, OsString)>) -> impl Iterator<Item = (OsString, OsString)> {
    let existing = all
        .iter()
        .find(|(name, value)| name.to_string_lossy().eq_ignore_ascii_case("no_proxy") && !value.is_empty());
    let mut no_proxy = existing.map(|(_, value)| value.clone()).unwrap_or_default();
    if !no_proxy.is_empty() {
        no_proxy.push(",");
    }
    no_proxy.push(LOOPBACK);
    let kept = all.into_iter().filter(|(name, _)| is_kept(&name.to_string_lossy()));
    kept.chain(["NO_PROXY", "no_proxy"].map(|name| (name.into(), no_proxy.clone())))
}

fn is_kept(name: &str) -> bool {
    let mut removed = SET_BY_CARGO.iter().chain(&CHANGES_BUILDS);
    name != "CARGO" && !removed.any(|prefix| name.starts_with(prefix))
}

fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name) || name.starts_with("LC_")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn build(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        let all = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let text = |text: OsString| text.into_string().unwrap();
        build_environment(all).map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn a_build_keeps_the_users_variables_except_those_that_change_its_result() {
        let kept = ["CARGO_HOME", "CARGO_NET_OFFLINE", "HTTP_PROXY", "PATH", "RUSTUP_HOME"];
        let removed = [
            "CARGO",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "CARGO_PROFILE_DEV_OPT_LEVEL",
            "CARGO_TARGET_DIR",
            "RUSTFLAGS",
        ];
        let all: Vec<_> = kept.iter().chain(&removed).map(|name| (*name, "x")).collect();
        let environment = build(&all);
        assert!(kept.iter().all(|name| environment.contains_key(*name)), "{environment:?}");
        assert!(removed.iter().all(|name| !environment.contains_key(*name)), "{environment:?}");
    }

    #[test]
    fn loopback_is_never_reached_through_a_proxy_and_the_users_exceptions_are_kept() {
        assert_eq!(build(&[])["NO_PROXY"], LOOPBACK);
        let environment = build(&[("no_proxy", "example.org")]);
        assert_eq!(environment["NO_PROXY"], format!("example.org,{LOOPBACK}"));
        assert_eq!(environment["no_proxy"], environment["NO_PROXY"]);
    }

    #[test]
    fn a_process_of_a_stage_gets_neither_proxies_nor_settings_of_the_user() {
        for name in [
            "HTTP_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "DATABASE",
            "LISTEN",
            "ORDER_TTL",
            "RUST_LOG",
            "NATS_URL",
        ] {
            assert!(!is_harmless(name), "{name}");
        }
        assert!(["PATH", "HOME", "TMPDIR", "LC_ALL"].iter().all(|name| is_harmless(name)));
    }
}

//! What git knows of a workspace. Authors have git; readers need none of this.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// Files of a folder that differ between the working tree and the last commit, new and deleted ones included. Paths are
/// relative to the folder.
///
/// # Errors
/// git is missing, or the folder is in no repository with a commit.
pub fn uncommitted(folder: &Path) -> Result<BTreeSet<String>> {
    let edited =
        git(folder, &["diff", "--name-only", "--no-renames", "--relative", "-z", "HEAD", "--", "."])?;
    let new = git(folder, &["ls-files", "--others", "--exclude-standard", "-z", "--", "."])?;
    let both = [String::from_utf8(edited)?, String::from_utf8(new)?];
    Ok(both.iter().flat_map(|paths| paths.split_terminator('\0')).map(str::to_owned).collect())
}

/// A file as it was committed last. None: it was not.
///
/// # Errors
/// See [`uncommitted`].
pub fn committed(folder: &Path, path: &str) -> Result<Option<Vec<u8>>> {
    // `cat-file` fails alike for what is not committed and for everything else that can go wrong.
    let listed = git(folder, &["ls-tree", "--name-only", "-z", "HEAD", "--", path])?;
    if listed.is_empty() {
        return Ok(None);
    }
    git(folder, &["cat-file", "blob", &format!("HEAD:./{path}")]).map(Some)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .context("cannot run git; an author of the course needs it")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {} in {}: {}", arguments[0], folder.display(), complaint.trim());
    Ok(output.stdout)
}

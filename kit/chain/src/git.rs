//! Queries git about a workspace. Only the commands for authors need git.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result, ensure};

/// Lists the files of a folder that differ between the working tree and the last commit, including new and deleted files.
/// The paths are relative to the folder.
///
/// # Errors
/// git is not installed, or the folder is not in a repository with a commit.
pub fn uncommitted(folder: &Path) -> Result<BTreeSet<String>> {
    let edited =
        git(folder, &["diff", "--name-only", "--no-renames", "--relative", "-z", "HEAD", "--", "."])?;
    // As in `files::tracked`, only the `.gitignore` files of the repository count: not the user's, nor `.git/info/exclude`.
    let new = git(folder, &["ls-files", "--others", "--exclude-per-directory=.gitignore", "-z", "--", "."])?;
    let both = [String::from_utf8(edited)?, String::from_utf8(new)?];
    Ok(both.iter().flat_map(|paths| paths.split_terminator('\0')).map(str::to_owned).collect())
}

/// Reads a file from the last commit, or returns `None` if the commit does not contain it.
///
/// # Errors
/// See [`uncommitted`].
pub fn committed(folder: &Path, path: &str) -> Result<Option<Vec<u8>>> {
    // `cat-file` fails with the same exit code for a missing file and for every other error, so look it up first.
    let listed = git(folder, &["ls-tree", "--name-only", "-z", "HEAD", "--", path])?;
    if listed.is_empty() {
        return Ok(None);
    }
    git(folder, &["cat-file", "blob", &format!("HEAD:./{path}")]).map(Some)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = stage::environment::git(folder).args(arguments).output();
    let output = output.context("cannot run git; the commands for authors need it")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {} failed in {}: {}", arguments[0], folder.display(), error.trim());
    Ok(output.stdout)
}

//! Finds dead links in the repository's Markdown: relative paths and anchors that do not exist. Web addresses are not checked.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Folders that contain no pages of the repository.
const SKIPPED: [&str; 3] = ["target", "node_modules", "work"];

/// Every dead link below a folder, as `file:line: link`.
///
/// # Errors
/// A file or folder cannot be read.
pub(crate) fn dead(root: &Path) -> io::Result<Vec<String>> {
    let mut dead = Vec::new();
    for file in markdown_files(root)? {
        let text = fs::read_to_string(&file)?;
        for (line, link) in links(&text) {
            if !exists(&file, &text, &link) {
                let shown = file.strip_prefix(root).unwrap_or(&file).display();
                dead.push(format!("{shown}:{line}: {link}"));
            }
        }
    }
    Ok(dead)
}

fn markdown_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let name = name.to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
            files.extend(markdown_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Lines outside fenced code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((number, line))
    })
}

/// Targets of `[text](target)`, `![picture](target)`, `[name]: target`, `href="target"` and `src="target"`.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        // Text between backticks is code.
        let line: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (opening, closing) in [("](", ')'), ("href=\"", '"'), ("src=\"", '"')] {
            let targets = line.split(opening).skip(1).filter_map(|rest| rest.split(closing).next());
            links.extend(targets.map(|target| (number, first_word(target))));
        }
        if let Some((name, target)) = line.split_once("]: ")
            && name.starts_with('[')
        {
            links.push((number, first_word(target)));
        }
    }
    links
}

/// The target without a title that may follow it.
fn first_word(target: &str) -> String {
    target.split_whitespace().next().unwrap_or_default().to_owned()
}

fn exists(file: &Path, text: &str, link: &str) -> bool {
    if link.contains("://") || link.starts_with("mailto:") {
        return true;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { file.to_owned() } else { file.with_file_name("").join(path) };
    if anchor.is_empty() || target.extension().is_none_or(|extension| extension != "md") {
        return target.exists() && !link.is_empty();
    }
    let other = if path.is_empty() { Ok(text.to_owned()) } else { fs::read_to_string(target) };
    other.is_ok_and(|text| anchors(&text).contains(anchor))
}

/// The anchors of a page's headings, in GitHub's form.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text).filter(|(_, line)| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let anchor: String =
            heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
        let repeated = (1..).map(|count| format!("{anchor}-{count}"));
        let free = std::iter::once(anchor.clone()).chain(repeated).find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_paths_and_anchors_are_reported_with_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("other.md", "# A `kit` that breaks: why?\n\n## Twice\n\n## Twice\n");
        write(
            "README.md",
            "# Here\n[a](other.md) [b](other.md#a-kit-that-breaks-why \"title\") [c](#here) [d](https://example.org/x)\n\
            [e](other.md#twice-1) `[f](in-code)`\n```\n[g](in-a-fence)\n```\n\
            [h](missing.md) and [i](#nowhere)\n<img src=\"gone.png\">\n[j]: other.md#no\n",
        );

        let dead = dead(folder.path()).unwrap();

        assert_eq!(
            dead,
            [
                "README.md:7: missing.md",
                "README.md:7: #nowhere",
                "README.md:8: gone.png",
                "README.md:9: other.md#no"
            ]
        );
    }
}

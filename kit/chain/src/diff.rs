//! Shows the differences between two stages.

use std::{
    collections::BTreeSet,
    fmt::{self, Display, Write},
    path::Path,
};

use anstyle::{AnsiColor, Style};
use anyhow::{Result, ensure};
use similar::{ChangeTag, TextDiff, udiff::UnifiedDiffHunk};

use crate::{Chain, Link};

const HEADING: Style = Style::new().bold();
const HUNK: Style = AnsiColor::Cyan.on_default();
const PLAIN: Style = Style::new();

/// A file in which two stages differ.
#[derive(Debug)]
pub struct Difference {
    /// Its path in the first stage. `None` if the first stage does not contain it.
    pub before: Option<String>,
    /// Its path in the second stage. `None` if the second stage does not contain it.
    pub after: Option<String>,
    old: Vec<u8>,
    new: Vec<u8>,
}

/// Finds the differences between two stages, ordered by path. The first stage may be the later one. Moves that the
/// manifests between them declare are followed. With `path`, only that file or folder is compared.
///
/// # Errors
/// A chapter does not exist, neither stage contains the path, or a file cannot be read.
pub fn between(chain: &Chain, first: u32, second: u32, path: Option<&str>) -> Result<Vec<Difference>> {
    let (a, b) = (chain.position(first)?, chain.position(second)?);
    let (old, new) = (&chain.links[a], &chain.links[b]);
    let mut pairs = pairs(&chain.links[a.min(b)..=a.max(b)]);
    if a > b {
        pairs = pairs.into_iter().map(|(before, after)| (after, before)).collect();
    }
    if let Some(path) = path {
        let path = [old, new].iter().find_map(|link| path.strip_prefix(&link.path_of(""))).unwrap_or(path);
        let below = |file: Option<&str>| file.is_some_and(|file| Path::new(file).starts_with(path));
        pairs.retain(|(before, after)| below(*before) || below(*after));
        let hint = "a path is relative to the stage, for example shop/src";
        ensure!(!pairs.is_empty(), "neither chapter {first} nor chapter {second} contains {path}; {hint}");
    }
    let mut differences = Vec::new();
    for (before, after) in pairs {
        let content =
            |link: &Link, path: Option<&str>| path.map_or(Ok(Vec::new()), |path| link.files.read(path));
        let (old, new) = (content(old, before)?, content(new, after)?);
        if before != after || old != new {
            let [before, after] = [before, after].map(|path| path.map(str::to_owned));
            differences.push(Difference { before, after, old, new });
        }
    }
    differences.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(differences)
}

/// Pairs the files of the first and the last stage, each with its path in both.
fn pairs(links: &[Link]) -> Vec<(Option<&str>, Option<&str>)> {
    let [first, rest @ ..] = links else { return Vec::new() };
    let last = rest.last().unwrap_or(first);
    let follow = |path| rest.iter().try_fold(path, |path, link| link.changes.path_after(path));
    let exists = |path: &&str| last.files.paths.contains(*path);
    let old = first.files.paths.iter().map(String::as_str);
    let mut pairs: Vec<_> = old.map(|path| (Some(path), follow(path).filter(exists))).collect();
    let kept: BTreeSet<_> = pairs.iter().filter_map(|(_, after)| *after).collect();
    let new = last.files.paths.iter().map(String::as_str).filter(|path| !kept.contains(path));
    pairs.extend(new.map(|path| (None, Some(path))));
    pairs
}

impl Difference {
    /// Creates a difference from two versions of one file.
    pub fn of_file(path: &str, old: String, new: String) -> Self {
        let path = Some(path.to_owned());
        Self { before: path.clone(), after: path, old: old.into_bytes(), new: new.into_bytes() }
    }

    /// The path in the second stage or, if the file was removed, in the first one.
    pub fn path(&self) -> &str {
        self.after.as_deref().or(self.before.as_deref()).unwrap_or_default()
    }

    /// Whether its content differs.
    pub fn is_edited(&self) -> bool {
        self.old != self.new
    }

    /// The kind of the difference, in one or two words.
    pub fn kind(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            (before, after) if before == after => "changed",
            _ if self.is_edited() => "moved, changed",
            _ => "moved",
        }
    }

    /// The path, or `old -> new` if the file was moved.
    pub fn paths(&self) -> String {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if before != after => format!("{before} -> {after}"),
            _ => self.path().to_owned(),
        }
    }

    /// Both contents as text. `None` if one of them is not UTF-8.
    fn texts(&self) -> Option<(&str, &str)> {
        Some((std::str::from_utf8(&self.old).ok()?, std::str::from_utf8(&self.new).ok()?))
    }

    /// The number of inserted and of deleted lines. `None` for a binary file.
    pub fn lines(&self) -> Option<(usize, usize)> {
        let (old, new) = self.texts()?;
        let diff = TextDiff::from_lines(old, new);
        let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
        Some((count(ChangeTag::Insert), count(ChangeTag::Delete)))
    }
}

/// Writes a unified diff under a heading, with terminal colours. In a changed line, the changed words are bold.
impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADING}{}: {}{HEADING:#}", self.kind(), self.paths())?;
        let Some((old, new)) = self.texts() else { return writeln!(f, "not text") };
        if !self.is_edited() {
            return Ok(());
        }
        let side = |sign, path: &Option<String>| match path {
            Some(path) => format!("{HEADING}{sign} {path}{HEADING:#}"),
            None => format!("{HEADING}{sign} /dev/null{HEADING:#}"),
        };
        writeln!(f, "{}\n{}", side("---", &self.before), side("+++", &self.after))?;
        let diff = TextDiff::from_lines(old, new);
        diff.unified_diff().iter_hunks().try_for_each(|hunk| write_hunk(f, &diff, &hunk))
    }
}

fn write_hunk(
    f: &mut fmt::Formatter<'_>,
    diff: &TextDiff<'_, '_, str>,
    hunk: &UnifiedDiffHunk<'_, '_, '_, str>,
) -> fmt::Result {
    writeln!(f, "{HUNK}{}{HUNK:#}", hunk.header())?;
    for change in hunk.ops().iter().flat_map(|op| diff.iter_inline_changes(op)) {
        let style = match change.tag() {
            ChangeTag::Equal => PLAIN,
            ChangeTag::Delete => AnsiColor::Red.on_default(),
            ChangeTag::Insert => AnsiColor::Green.on_default(),
        };
        write!(f, "{style}{}{style:#}", change.tag())?;
        for (emphasised, text) in change.iter_strings_lossy() {
            let style = if emphasised { style.bold() } else { style };
            // The line break is written after the colour is reset. Otherwise some terminals colour the rest of the line.
            let (text, end) = text.strip_suffix('\n').map_or((&*text, ""), |text| (text, "\n"));
            write!(f, "{style}{text}{style:#}{end}")?;
        }
        if change.missing_newline() {
            writeln!(f, "\n\\ No newline at end of file")?;
        }
    }
    Ok(())
}

/// One line per file, and a line with the totals.
pub fn summary(differences: &[Difference]) -> String {
    let mut text = String::new();
    let (mut inserted, mut deleted) = (0, 0);
    for difference in differences {
        let (kind, paths) = (difference.kind(), difference.paths());
        let lines = difference.lines();
        let shown = lines.map_or("not text".to_owned(), |(plus, minus)| format!("+{plus} -{minus}"));
        writeln!(text, "{kind:<14}  {shown:>11}  {paths}").ok();
        inserted += lines.unwrap_or_default().0;
        deleted += lines.unwrap_or_default().1;
    }
    let count = |kind: &str| differences.iter().filter(|difference| difference.kind() == kind).count();
    let moved_and_changed = count("moved, changed");
    let (changed, added, removed) = (count("changed"), count("added"), count("removed"));
    let moved = count("moved") + moved_and_changed;
    writeln!(
        text,
        "{changed} changed, {added} added, {removed} removed, {moved} moved ({moved_and_changed} of them changed): \
        {inserted} insertions, {deleted} deletions"
    )
    .ok();
    text
}

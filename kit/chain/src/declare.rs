//! Generates the `[changes]` table of a stage from its files. The author reviews it.

use std::{collections::BTreeSet, fmt::Write, path::Path};

use anyhow::{Result, bail};
use similar::TextDiff;
use stage::changes::{Changes, Move};

use crate::{Chain, Link};

/// The minimum similarity, between 0 and 1, for a file to count as moved and changed instead of removed and added.
const MIN_SIMILARITY: f32 = 0.6;

/// Computes the differences of a chapter from the one before. Moves that the manifest declares are kept; others are found
/// by content.
///
/// # Errors
/// The chapter does not exist or is the first one, or a file cannot be read.
pub fn changes(chain: &Chain, number: u32) -> Result<Changes> {
    let position = chain.position(number)?;
    let pair = position.checked_sub(1).and_then(|before| chain.links.get(before..=position));
    let Some([before, after]) = pair else {
        bail!("chapter {number} is the first one; there is no earlier chapter to compare it with");
    };
    let mut moved = after.changes.moved.clone();
    moved.retain(|m| before.files.paths.contains(&m.from) && after.files.paths.contains(&m.to));
    let sources: BTreeSet<_> = moved.iter().map(|m| m.from.clone()).collect();
    let targets: BTreeSet<_> = moved.iter().map(|m| m.to.clone()).collect();
    let old: BTreeSet<_> = before.files.paths.difference(&sources).cloned().collect();
    let new: BTreeSet<_> = after.files.paths.difference(&targets).cloned().collect();

    let (mut removed, mut added): (Vec<_>, Vec<_>) =
        (old.difference(&new).cloned().collect(), new.difference(&old).cloned().collect());
    for similarity in [1.0, MIN_SIMILARITY] {
        added = find_moves(before, after, added, &mut removed, &mut moved, similarity)?;
    }
    moved.sort_by(|a, b| a.from.cmp(&b.from));

    let unmoved = old.intersection(&new).map(|path| (path, path));
    let pairs = unmoved.chain(moved.iter().map(|m| (&m.from, &m.to)));
    let mut changed = Vec::new();
    for (from, to) in pairs {
        if before.files.read(from)? != after.files.read(to)? {
            changed.push(to.clone());
        }
    }
    changed.sort();
    Ok(Changes { changed, added, removed, moved })
}

/// Finds for each added file the most similar removed file. A pair with at least `min_similarity` is taken out of
/// `removed` and becomes a move. Returns the files that remain added.
fn find_moves(
    before: &Link,
    after: &Link,
    added: Vec<String>,
    removed: &mut Vec<String>,
    moved: &mut Vec<Move>,
    min_similarity: f32,
) -> Result<Vec<String>> {
    let mut remaining = Vec::new();
    for to in added {
        let new = after.files.read(&to)?;
        let mut best: Option<(f32, bool, usize)> = None;
        for (index, from) in removed.iter().enumerate() {
            let similarity = similarity(&before.files.read(from)?, &new);
            let same_name = Path::new(from).file_name() == Path::new(&to).file_name();
            let is_better = best.is_none_or(|(most, name, _)| (similarity, same_name) > (most, name));
            if similarity >= min_similarity && is_better {
                best = Some((similarity, same_name, index));
            }
        }
        match best {
            Some((_, _, index)) => moved.push(Move { from: removed.remove(index), to }),
            None => remaining.push(to),
        }
    }
    Ok(remaining)
}

/// The similarity of two contents: 1 if they are equal, 0 if they have no line in common or are not text.
fn similarity(old: &[u8], new: &[u8]) -> f32 {
    match (std::str::from_utf8(old), std::str::from_utf8(new)) {
        _ if old == new => 1.0,
        (Ok(old), Ok(new)) => TextDiff::from_lines(old, new).ratio().min(0.999),
        _ => 0.0,
    }
}

/// Formats the table as it is written in `chapter.toml`.
pub fn table(changes: &Changes) -> String {
    let moved: Vec<_> = changes.moved.iter().map(|m| format!("{} -> {}", m.from, m.to)).collect();
    let lists = [
        ("changed", &changes.changed),
        ("added", &changes.added),
        ("removed", &changes.removed),
        ("moved", &moved),
    ];
    let mut text = "[changes]\n".to_owned();
    for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        writeln!(text, "{key} = [").ok();
        for entry in list {
            writeln!(text, "    \"{entry}\",").ok();
        }
        text.push_str("]\n");
    }
    text
}

//! Writes the `[changes]` table of a stage from its files, for the author to read and correct.

use std::{collections::BTreeSet, fmt::Write, path::Path};

use anyhow::{Result, bail};
use similar::TextDiff;
use stage::changes::{Changes, Move};

use crate::{Chain, Link};

/// How much of a file must have stayed for it to count as moved and changed, rather than removed and added. Between 0 and 1.
const ALIKE: f32 = 0.6;

/// The difference as it is. Moves that the manifest declares are kept; others are found by content.
///
/// # Errors
/// There is no such chapter or none before it, or a file cannot be read.
pub fn changes(chain: &Chain, number: u32) -> Result<Changes> {
    let position = chain.position(number)?;
    let pair = position.checked_sub(1).and_then(|before| chain.links.get(before..=position));
    let Some([before, after]) = pair else {
        bail!("chapter {number} is the first: there is nothing that it differs from");
    };
    let mut moved = after.changes.moved.clone();
    moved.retain(|m| before.files.paths.contains(&m.from) && after.files.paths.contains(&m.to));
    let went: BTreeSet<_> = moved.iter().map(|m| m.from.clone()).collect();
    let came: BTreeSet<_> = moved.iter().map(|m| m.to.clone()).collect();
    let old: BTreeSet<_> = before.files.paths.difference(&went).cloned().collect();
    let new: BTreeSet<_> = after.files.paths.difference(&came).cloned().collect();

    let (mut removed, mut added): (Vec<_>, Vec<_>) =
        (old.difference(&new).cloned().collect(), new.difference(&old).cloned().collect());
    for alike in [1.0, ALIKE] {
        added = look_for_moves(before, after, added, &mut removed, &mut moved, alike)?;
    }
    moved.sort_by(|a, b| a.from.cmp(&b.from));

    let stayed = old.intersection(&new).map(|path| (path, path));
    let pairs = stayed.chain(moved.iter().map(|m| (&m.from, &m.to)));
    let mut changed = Vec::new();
    for (from, to) in pairs {
        if before.files.read(from)? != after.files.read(to)? {
            changed.push(to.clone());
        }
    }
    changed.sort();
    Ok(Changes { changed, added, removed, moved })
}

/// Takes out of `removed`, and returns without, what of the new files is at least so much alike.
fn look_for_moves(
    before: &Link,
    after: &Link,
    added: Vec<String>,
    removed: &mut Vec<String>,
    moved: &mut Vec<Move>,
    alike: f32,
) -> Result<Vec<String>> {
    let mut rest = Vec::new();
    for to in added {
        let new = after.files.read(&to)?;
        let mut best: Option<(f32, bool, usize)> = None;
        for (place, from) in removed.iter().enumerate() {
            let likeness = likeness(&before.files.read(from)?, &new);
            let same_name = Path::new(from).file_name() == Path::new(&to).file_name();
            if likeness >= alike && best.is_none_or(|(most, name, _)| (likeness, same_name) > (most, name)) {
                best = Some((likeness, same_name, place));
            }
        }
        match best {
            Some((_, _, place)) => moved.push(Move { from: removed.remove(place), to }),
            None => rest.push(to),
        }
    }
    Ok(rest)
}

/// 1 for the same, 0 for nothing in common or not text.
fn likeness(old: &[u8], new: &[u8]) -> f32 {
    match (std::str::from_utf8(old), std::str::from_utf8(new)) {
        _ if old == new => 1.0,
        (Ok(old), Ok(new)) => TextDiff::from_lines(old, new).ratio().min(0.999),
        _ => 0.0,
    }
}

/// The table as it stands in `chapter.toml`.
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

//! Finds items of a source file by name, so that the code contains no markers for the book.
//!
//! This is no parser. The tests check that rustfmt has formatted the code, so an item ends with the first line of its own
//! indentation that ends with `}` or `;`. SQL in the course is formatted in the same way.

use std::ops::Range;

use anyhow::{Result, bail};

const KINDS: [&str; 9] = ["fn", "struct", "enum", "trait", "mod", "const", "static", "type", "macro_rules!"];

/// The lines of an item with its comment and attributes, counted from 0.
///
/// `name` is an identifier (`hold`), an identifier inside another item (`Order::hold`), a table (`orders`), or, if it contains a
/// space, the beginning of the item (`impl Display for Status`).
///
/// # Errors
/// No item of the file has that name, or several have it.
pub fn find(text: &str, name: &str) -> Result<Range<usize>> {
    let lines: Vec<_> = text.lines().collect();
    let found = match name.rsplit_once("::") {
        Some((outer, inner)) if !name.contains(' ') => {
            let containers = named(&lines, 0..lines.len(), |line| is_container(line, outer));
            containers
                .into_iter()
                .flat_map(|within| named(&lines, within, |line| declares(line, inner)))
                .collect()
        }
        _ => named(&lines, 0..lines.len(), |line| declares(line, name)),
    };
    match found.as_slice() {
        [] => bail!("no item is named {name}"),
        [only] => Ok(only.clone()),
        several => bail!(
            "{} items are named {name}; write Outer::{name}, or the beginning of the item in quotes",
            several.len()
        ),
    }
}

fn named(lines: &[&str], within: Range<usize>, is_it: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    within.filter(|&at| is_it(without_modifiers(lines[at]))).map(|at| extent(lines, at)).collect()
}

/// A line without the words that can precede its keyword.
fn without_modifiers(line: &str) -> &str {
    let mut rest = line.trim_start();
    if let Some(after) = rest.strip_prefix("pub") {
        rest = match after.strip_prefix('(') {
            Some(scope) => scope.split_once(") ").map_or(rest, |(_, rest)| rest),
            None => after.trim_start(),
        };
    }
    for modifier in ["async ", "const fn ", "unique ", "virtual "] {
        if let Some(after) = rest.strip_prefix(modifier) {
            rest = if modifier == "const fn " { &rest["const ".len()..] } else { after };
        }
    }
    rest
}

fn declares(line: &str, name: &str) -> bool {
    if name.contains(' ') {
        return line.starts_with(name);
    }
    let line = line.strip_prefix("create ").map_or(line, without_modifiers);
    let Some((kind, rest)) = line.split_once(' ') else { return false };
    let sql = ["table", "index", "view", "trigger"].contains(&kind);
    (KINDS.contains(&kind) || sql) && is_word(rest, name)
}

/// Whether this line begins a container named `name`: `impl Order`, `impl From<X> for Order`, `mod tests`.
fn is_container(line: &str, name: &str) -> bool {
    let line = line.split(" where").next().unwrap_or_default();
    match line.strip_prefix("impl") {
        Some(header) => {
            let of = header
                .rsplit_once(" for ")
                .map_or_else(|| header.split_once(' ').map(|(_, of)| of), |(_, of)| Some(of));
            of.is_some_and(|of| is_word(of, name))
        }
        None => ["trait", "mod"].iter().any(|kind| {
            line.strip_prefix(kind)
                .and_then(|rest| rest.strip_prefix(' '))
                .is_some_and(|rest| is_word(rest, name))
        }),
    }
}

fn is_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The lines of the item whose first line is at `at`, with the comment and the attributes above it.
fn extent(lines: &[&str], at: usize) -> Range<usize> {
    let depth = indentation(lines[at]);
    let belongs = |line: &&str| {
        let text = line.trim_start();
        let comment = ["///", "#[", "-- "].iter().any(|mark| text.starts_with(mark));
        comment && indentation(line) == depth
    };
    let above = lines[..at].iter().rev().take_while(|line| belongs(line)).count();
    let ends = |line: &str| line.ends_with('}') || line.ends_with(';');
    let statement = lines[at].ends_with('='); // the value follows on indented lines
    let last = (at..lines.len()).find(|&index| {
        let line = lines[index].split(" //").next().unwrap_or_default().trim_end();
        ends(line) && (indentation(line) == depth || statement)
    });
    at - above..last.map_or(lines.len(), |last| last + 1)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "\
/// An order.
#[derive(Debug)]
pub struct Order {
    id: u8,
}

impl Order {
    /// Holds.
    pub async fn hold(
        &self,
    ) -> bool {
        if true {
            false
        }
    }
}

impl From<Order> for Thing {
    fn from(order: Order) -> Self {
        Self
    }
}

const LONG: &str =
    \"text\";

pub fn hold_line() {}
fn hold() {}
";

    fn found(name: &str) -> String {
        CODE.lines().collect::<Vec<_>>()[find(CODE, name).unwrap()].join("\n")
    }

    #[test]
    fn an_item_is_found_with_its_comment_and_to_its_end() {
        assert!(found("Order").starts_with("/// An order.") && found("Order").ends_with("id: u8,\n}"));
        assert!(
            found("Order::hold").starts_with("    /// Holds.") && found("Order::hold").ends_with("\n    }")
        );
        assert_eq!(found("LONG"), "const LONG: &str =\n    \"text\";");
        assert_eq!(found("hold_line"), "pub fn hold_line() {}");
        assert!(found("Thing::from").contains("Self\n"));
        assert!(found("impl From<Order>").ends_with("}\n}"));
    }

    #[test]
    fn a_name_that_no_item_or_several_items_have_is_an_error() {
        assert_eq!(find(CODE, "sell").unwrap_err().to_string(), "no item is named sell");
        assert!(find(CODE, "hold").unwrap_err().to_string().contains("2 items are named hold"));
    }

    #[test]
    fn a_table_is_found_by_its_name() {
        let sql = "-- Stock.\ncreate table holds (\n    a text\n) strict;\n\ncreate unique index one on holds (a);\n";
        assert_eq!(find(sql, "holds").unwrap(), 0..4);
        assert_eq!(find(sql, "one").unwrap(), 5..6);
    }
}

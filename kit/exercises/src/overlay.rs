//! Replaces single items of a source file: a stub, a decoy or a bug contains only the items in which it differs.
//!
//! An overlay is Rust that need not compile alone. Its functions, types and modules replace those of the same name, and its
//! methods replace those of the same `impl`. Items that the source does not have are added. So a fix elsewhere in a
//! stage's file reaches every exercise on it, and a reader of a decoy sees only what is wrong.

use std::ops::Range;

use syn::{ImplItem, Item, ItemImpl, spanned::Spanned};

/// Returns a source with the items of an overlay in place of its own.
///
/// # Errors
/// One of the two is not Rust.
pub fn apply(source: &str, overlay: &str) -> syn::Result<String> {
    let (under, over) = (syn::parse_file(source)?, syn::parse_file(overlay)?);
    let mut edits = Edits { source, overlay, items: &under.items, changes: Vec::new() };
    for item in &over.items {
        match item {
            Item::Impl(block) => edits.replace_members(block),
            Item::Use(_) => edits.add_import(item),
            _ => edits.replace(item),
        }
    }
    Ok(edits.applied())
}

/// Returns the modules of a source that are compiled only for tests, as an overlay.
///
/// # Errors
/// It is not Rust.
pub fn test_modules(source: &str) -> syn::Result<String> {
    let file = syn::parse_file(source)?;
    let tests: Vec<_> =
        file.items.iter().filter(|item| is_test(item)).map(|item| text(source, item)).collect();
    Ok(tests.join("\n\n"))
}

/// Changes to a source: byte ranges and the text that replaces them.
struct Edits<'a> {
    source: &'a str,
    overlay: &'a str,
    items: &'a [Item],
    changes: Vec<(Range<usize>, String)>,
}

impl Edits<'_> {
    fn replace(&mut self, item: &Item) {
        let new = text(self.overlay, item).to_owned();
        match self.items.iter().find(|old| name(old).is_some() && name(old) == name(item)) {
            Some(old) => self.changes.push((old.span().byte_range(), new)),
            None => self.add(&new),
        }
    }

    /// Adds an item before the tests, or at the end if there are none.
    fn add(&mut self, new: &str) {
        let (at, added) = match self.items.iter().find(|item| is_test(item)) {
            Some(tests) => (tests.span().byte_range().start, format!("{new}\n\n")),
            None => (self.source.trim_end().len(), format!("\n\n{new}")),
        };
        self.changes.push((at..at, added));
    }

    /// Adds an import after the others, unless it is there already.
    fn add_import(&mut self, item: &Item) {
        let new = text(self.overlay, item);
        let imports = || self.items.iter().filter(|item| matches!(item, Item::Use(_)));
        if imports().any(|old| text(self.source, old) == new) {
            return;
        }
        let (at, added) = match imports().next_back() {
            Some(last) => (last.span().byte_range().end, format!("\n{new}")),
            None => {
                (self.items.first().map_or(0, |item| item.span().byte_range().start), format!("{new}\n\n"))
            }
        };
        self.changes.push((at..at, added));
    }

    fn replace_members(&mut self, block: &ItemImpl) {
        let header = header(self.overlay, block);
        let blocks = || {
            let all = self
                .items
                .iter()
                .filter_map(|item| if let Item::Impl(old) = item { Some(old) } else { None });
            all.filter(|old| self::header(self.source, old) == header)
        };
        let Some(first) = blocks().next() else { return self.add(text(self.overlay, block)) };
        let mut changes = Vec::new();
        for member in &block.items {
            let new = text(self.overlay, member);
            let mut members = blocks().flat_map(|old| &old.items);
            let has_its_name =
                |old: &&ImplItem| member_name(old).is_some() && member_name(old) == member_name(member);
            let edit = members.find(has_its_name).map(|old| (old.span().byte_range(), new.to_owned()));
            changes.push(edit.unwrap_or_else(|| {
                let end = first.brace_token.span.close().byte_range().start;
                (end..end, format!("\n    {new}\n"))
            }));
        }
        self.changes.extend(changes);
    }

    /// Applies the changes from the end to the beginning, so that no change moves the range of another.
    fn applied(mut self) -> String {
        self.changes.sort_by_key(|(place, _)| place.start);
        let mut applied = self.source.to_owned();
        for (place, new) in self.changes.into_iter().rev() {
            applied.replace_range(place, &new);
        }
        applied
    }
}

fn text<'a>(source: &'a str, item: &impl Spanned) -> &'a str {
    source.get(item.span().byte_range()).unwrap_or_default()
}

/// `impl Trait for Type`, with single spaces.
fn header(source: &str, block: &ItemImpl) -> String {
    let (from, to) =
        (block.impl_token.span.byte_range().start, block.brace_token.span.open().byte_range().start);
    source.get(from..to).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn member_name(member: &ImplItem) -> Option<String> {
    match member {
        ImplItem::Fn(member) => Some(member.sig.ident.to_string()),
        ImplItem::Const(member) => Some(member.ident.to_string()),
        ImplItem::Type(member) => Some(member.ident.to_string()),
        _ => None,
    }
}

/// `#[cfg(test)] mod …`
fn is_test(item: &Item) -> bool {
    let Item::Mod(module) = item else { return false };
    module.attrs.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|only| only == "test")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "//! A shop.\n\nuse std::fmt;\n\n/// Sells.\nfn sell(n: u8) -> u8 {\n    n\n}\n\nstruct Till;\n\n\
        impl Till {\n    /// Opens.\n    fn open(&self) {}\n\n    fn close(&self) {}\n}\n\n\
        #[cfg(test)]\nmod tests {\n    #[test]\n    fn sells() {}\n}\n";

    #[test]
    fn items_and_methods_replace_those_of_the_same_name_and_nothing_else_changes() {
        let overlay = "/// Sells, or not.\nfn sell(n: u8) -> u8 {\n    todo!()\n}\nimpl Till {\n    fn open(&self) {\n        todo!()\n    }\n}\n";
        let expected = SOURCE
            .replace(
                "/// Sells.\nfn sell(n: u8) -> u8 {\n    n\n}",
                "/// Sells, or not.\nfn sell(n: u8) -> u8 {\n    todo!()\n}",
            )
            .replace("/// Opens.\n    fn open(&self) {}", "fn open(&self) {\n        todo!()\n    }");
        assert_eq!(apply(SOURCE, overlay).unwrap(), expected);
    }

    #[test]
    fn new_items_are_added_before_the_tests_and_imports_only_once() {
        let overlay = "use std::fmt;\nuse std::mem;\nfn give() {}\nimpl Till {\n    fn count(&self) {}\n}\n";
        let expected = SOURCE
            .replace("use std::fmt;", "use std::fmt;\nuse std::mem;")
            .replace("fn close(&self) {}\n}", "fn close(&self) {}\n\n    fn count(&self) {}\n}")
            .replace("#[cfg(test)]", "fn give() {}\n\n#[cfg(test)]");
        assert_eq!(apply(SOURCE, overlay).unwrap(), expected);
    }

    #[test]
    fn tests_that_were_weakened_or_deleted_are_restored() {
        let tests = test_modules(SOURCE).unwrap();
        for weakened in [SOURCE.replace("#[test]", "#[test] #[ignore]"), SOURCE.replace(&tests, "")] {
            assert_eq!(apply(&weakened, &tests).unwrap().trim_end(), SOURCE.trim_end());
        }
        assert_eq!(test_modules("fn a() {}").unwrap(), "");
    }
}

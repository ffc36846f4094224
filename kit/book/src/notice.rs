//! The notice at the top of a page, for people who read its Markdown on a code host, where directives are not replaced.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// The first line of every page with a directive. The book itself does not show it.
pub const NOTICE: &str = "> You are reading the source of this page. Its listings, diagrams and output appear only in the book: \
    run `just book --open`.";

/// Whether a page lacks the notice that it needs.
pub fn is_missing(page: &str) -> bool {
    page.contains("{{#") && page.lines().next() != Some(NOTICE)
}

/// A page without the text of its notice. The line stays, so that the numbers of the others are the same.
pub fn without(page: &str) -> &str {
    page.strip_prefix(NOTICE).unwrap_or(page)
}

/// Writes the notice into every page of a folder that lacks it, and returns the number of changed pages.
///
/// # Errors
/// A page cannot be read or written.
pub fn write(folder: &Path) -> Result<usize> {
    let mut files = Vec::new();
    crate::check::walk(folder, &mut files);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    let mut changed = 0;
    for file in files {
        let page = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        if is_missing(&page) {
            fs::write(&file, format!("{NOTICE}\n\n{page}"))
                .with_context(|| format!("cannot write {}", file.display()))?;
            changed += 1;
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_a_directive_needs_the_notice_and_it_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let write_page = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let read_page = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        write_page("with.md", "# With\n\n{{#minutes 1}}\n");
        write_page("without.md", "# Without\n");
        assert!(is_missing(&read_page("with.md")) && !is_missing(&read_page("without.md")));

        assert_eq!(write(folder.path()).unwrap(), 1);
        assert_eq!(write(folder.path()).unwrap(), 0);

        assert_eq!(read_page("with.md"), format!("{NOTICE}\n\n# With\n\n{{{{#minutes 1}}}}\n"));
        assert_eq!(read_page("without.md"), "# Without\n");
        assert_eq!(without(&read_page("with.md")), "\n\n# With\n\n{{#minutes 1}}\n");
    }
}

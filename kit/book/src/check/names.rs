//! Names in the code spans of pages: files of the repository and commands of the kit must exist.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};
use stage::Course;

use super::walk;

/// The names that exist in the repository.
pub(super) struct Names {
    /// Paths of all files and folders, relative to the root.
    paths: BTreeSet<String>,
    /// The recipes of the justfile.
    recipes: BTreeSet<String>,
}

const EXTENSIONS: [&str; 8] = ["rs", "toml", "sql", "md", "yaml", "json", "css", "txt"];

impl Names {
    pub(super) fn read(course: &Course) -> Result<Self> {
        let mut files = Vec::new();
        walk(&course.root, &mut files);
        let mut paths = BTreeSet::new();
        for file in files {
            let path = file.strip_prefix(&course.root).unwrap_or(&file);
            paths.extend(path.ancestors().map(|above| above.display().to_string()));
        }
        let justfile =
            fs::read_to_string(course.root.join("justfile")).context("the justfile cannot be read")?;
        Ok(Self { paths, recipes: recipes(&justfile) })
    }

    /// The names in a page that do not exist, with their lines.
    pub(super) fn unknown(&self, page: &str) -> Vec<(usize, String)> {
        let mut unknown = Vec::new();
        let mut in_shell = false;
        for (event, range) in Parser::new_ext(page, Options::ENABLE_TABLES).into_offset_iter() {
            let line = page[..range.start].matches('\n').count() + 1;
            match event {
                Event::Code(code) => unknown.extend(self.unknown_in_code(&code).map(|what| (line, what))),
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    in_shell = &*language == "sh";
                }
                Event::Text(text) if in_shell => {
                    unknown
                        .extend(text.lines().filter_map(|typed| Some((line, self.unknown_recipe(typed)?))));
                }
                Event::End(_) => in_shell = false,
                _ => {}
            }
        }
        unknown
    }

    fn unknown_in_code(&self, code: &str) -> Option<String> {
        if code.contains(' ')
            || code.starts_with('/')
            || [".run/", "work/"].iter().any(|ours| code.starts_with(ours))
        {
            return self.unknown_recipe(code);
        }
        let is_path = code.ends_with('/')
            || code.rsplit_once('.').is_some_and(|(stem, e)| EXTENSIONS.contains(&e) && !stem.is_empty());
        (is_path && !self.has(code.trim_end_matches('/')))
            .then(|| format!("there is no file `{code}` in the repository"))
    }

    /// Whether a path exists in the repository, or is the end of one that does: `orders/app.rs` is enough.
    fn has(&self, path: &str) -> bool {
        let end = format!("/{path}");
        self.paths.contains(path) || self.paths.iter().any(|known| known.ends_with(&end))
    }

    /// The complaint about a command that begins with `just` and names no recipe.
    fn unknown_recipe(&self, typed: &str) -> Option<String> {
        let name = typed.trim_start().strip_prefix("just ")?.split_whitespace().next()?;
        (!self.recipes.contains(name)).then(|| format!("there is no command `just {name}`"))
    }
}

/// Names of the recipes: the first word of a line that has a colon after its arguments.
pub(crate) fn recipes(justfile: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let name = line.split_once(':')?.0.split_whitespace().next()?.to_owned();
        let is_name = !line.contains(":=") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        (is_name && !line.starts_with([' ', '#', '@'])).then_some(name)
    };
    justfile.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let paths = ["kit/book", "chapters/01/shop/src/orders/app.rs", "justfile"].map(str::to_owned).into();
        Names {
            paths,
            recipes: recipes("set x\nkit := \"a: b\"\n# a: b\nchapter *ARGS:\n    @exec x: y\nstart-over:\n"),
        }
    }

    fn unknown(page: &str) -> Vec<(usize, String)> {
        names().unknown(page)
    }

    #[test]
    fn a_missing_file_is_reported_with_its_line() {
        assert_eq!(
            unknown("a\n\n`orders/pay.rs` and `orders/app.rs`"),
            [(3, "there is no file `orders/pay.rs` in the repository".into())]
        );
        assert_eq!(unknown("`kit/lab/`").len(), 1);
        assert_eq!(unknown("`/orders/x.json` `.run/status.json` `kit/book/` `v0.1` `a.b`"), []);
    }

    #[test]
    fn an_unknown_command_is_reported_in_text_and_in_shell_blocks() {
        assert_eq!(
            unknown("`just chapter 1`, `just start-over 1`, `just fly`"),
            [(1, "there is no command `just fly`".into())]
        );
        assert_eq!(unknown("```sh\njust chapter 1\njust kit\n```\n```text\njust x\n```\n").len(), 1);
    }
}

//! What pages name in code: files of the repository and commands of the kit.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};
use stage::Course;

use super::walk;

/// What there is.
pub(super) struct There {
    /// Paths of all files and folders, from the root, `/` between.
    paths: BTreeSet<String>,
    /// The recipes of the justfile.
    recipes: BTreeSet<String>,
}

const EXTENSIONS: [&str; 8] = ["rs", "toml", "sql", "md", "yaml", "json", "css", "txt"];

impl There {
    pub(super) fn look(course: &Course) -> Result<Self> {
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

    /// Names in a page of what is not there, with their lines.
    pub(super) fn wrong(&self, page: &str) -> Vec<(usize, String)> {
        let mut wrong = Vec::new();
        let mut in_shell = false;
        for (event, range) in Parser::new_ext(page, Options::ENABLE_TABLES).into_offset_iter() {
            let line = page[..range.start].matches('\n').count() + 1;
            match event {
                Event::Code(code) => wrong.extend(self.complaint(&code).map(|what| (line, what))),
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    in_shell = &*language == "sh";
                }
                Event::Text(text) if in_shell => {
                    wrong.extend(text.lines().filter_map(|typed| Some((line, self.no_recipe(typed)?))));
                }
                Event::End(_) => in_shell = false,
                _ => {}
            }
        }
        wrong
    }

    fn complaint(&self, code: &str) -> Option<String> {
        if code.contains(' ')
            || code.starts_with('/')
            || [".run/", "work/"].iter().any(|ours| code.starts_with(ours))
        {
            return self.no_recipe(code);
        }
        let is_path = code.ends_with('/')
            || code.rsplit_once('.').is_some_and(|(stem, e)| EXTENSIONS.contains(&e) && !stem.is_empty());
        (is_path && !self.has(code.trim_end_matches('/')))
            .then(|| format!("there is no file `{code}` in the repository"))
    }

    /// Whether a path is one of the repository, or the end of one: `orders/app.rs` is enough.
    fn has(&self, path: &str) -> bool {
        let end = format!("/{path}");
        self.paths.contains(path) || self.paths.iter().any(|there| there.ends_with(&end))
    }

    /// A command that begins with `just` needs a recipe.
    fn no_recipe(&self, typed: &str) -> Option<String> {
        let name = typed.trim_start().strip_prefix("just ")?.split_whitespace().next()?;
        (!self.recipes.contains(name)).then(|| format!("there is no command `just {name}`"))
    }
}

/// Names of the recipes: at the start of a line, with arguments, before a colon.
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

    fn there() -> There {
        let paths = ["kit/book", "chapters/01/shop/src/orders/app.rs", "justfile"].map(str::to_owned).into();
        There {
            paths,
            recipes: recipes("set x\nkit := \"a: b\"\n# a: b\nchapter *ARGS:\n    @exec x: y\nstart-over:\n"),
        }
    }

    fn complaints(page: &str) -> Vec<(usize, String)> {
        there().wrong(page)
    }

    #[test]
    fn a_file_that_is_not_there_is_told_with_its_line() {
        assert_eq!(
            complaints("a\n\n`orders/pay.rs` and `orders/app.rs`"),
            [(3, "there is no file `orders/pay.rs` in the repository".into())]
        );
        assert_eq!(complaints("`kit/lab/`").len(), 1);
        assert_eq!(complaints("`/orders/x.json` `.run/status.json` `kit/book/` `v0.1` `a.b`"), []);
    }

    #[test]
    fn a_command_that_is_not_there_is_told_wherever_it_stands() {
        assert_eq!(
            complaints("`just chapter 1`, `just start-over 1`, `just fly`"),
            [(1, "there is no command `just fly`".into())]
        );
        assert_eq!(complaints("```sh\njust chapter 1\njust kit\n```\n```text\njust x\n```\n").len(), 1);
    }
}

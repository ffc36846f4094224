//! Dead links: relative paths that lead nowhere, and anchors that no heading and no term has. Addresses on the network are not followed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
    sync::LazyLock,
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

/// Attributes of HTML inside Markdown that hold a link or name a place.
static ATTRIBUTE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"[ \n](href|src|id|name)="([^"]+)""#).expect("this expression is valid"));

/// What a Markdown document links to, and the anchors that others can link to.
#[derive(Default)]
struct Document {
    links: Vec<(usize, String)>,
    anchors: BTreeSet<String>,
}

/// A link that leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub struct DeadLink {
    /// The document, below the root.
    pub path: PathBuf,
    /// The line of the link in it, from 1.
    pub line: usize,
    /// Its target as written.
    pub target: String,
}

/// Every dead link in Markdown documents.
///
/// The documents are given with their paths below `root`. A link may also lead to any other file below it. A page of the book may be
/// linked to by its address, which ends in `.html`.
pub fn dead(root: &Path, documents: &BTreeMap<PathBuf, String>) -> Vec<DeadLink> {
    let parsed: BTreeMap<_, _> = documents.iter().map(|(path, text)| (path, Document::parse(text))).collect();
    let mut dead = Vec::new();
    for (path, document) in &parsed {
        for (line, link) in &document.links {
            if !leads_somewhere(root, &parsed, path, link) {
                dead.push(DeadLink { path: (*path).clone(), line: *line, target: link.clone() });
            }
        }
    }
    dead
}

fn leads_somewhere(root: &Path, parsed: &BTreeMap<&PathBuf, Document>, from: &Path, link: &str) -> bool {
    if link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:") {
        return true;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { from.to_owned() } else { resolved(from, path) };
    let is_page = target.extension().is_some_and(|extension| extension == "html");
    let target = match is_page {
        true if target.ends_with("index.html") => target.with_file_name("README.md"), // as mdBook renames it
        true => target.with_extension("md"),
        false => target,
    };
    match parsed.get(&target) {
        Some(document) => anchor.is_empty() || document.anchors.contains(anchor),
        None => !link.is_empty() && root.join(target).exists(),
    }
}

/// A path as a document links to it, from the root.
fn resolved(from: &Path, link: &str) -> PathBuf {
    let mut target = from.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                target.pop();
            }
            Component::Normal(name) => target.push(name),
            _ => {}
        }
    }
    target
}

impl Document {
    fn parse(text: &str) -> Self {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_HEADING_ATTRIBUTES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_DEFINITION_LIST;
        let mut document = Self::default();
        let mut heading: Option<String> = None;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            let line = || text[..range.start].matches('\n').count() + 1;
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push((line(), dest_url.into_string()));
                }
                Event::Html(html) | Event::InlineHtml(html) => document.attributes(&html, line()),
                Event::Start(Tag::Heading { id, .. }) => {
                    document.anchors.extend(id.map(|id| id.into_string()));
                    heading = Some(String::new());
                }
                // mdBook makes an anchor of each term in a definition list, too.
                Event::Start(Tag::DefinitionListTitle) => heading = Some(String::new()),
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                }
                Event::End(TagEnd::Heading(_) | TagEnd::DefinitionListTitle) => {
                    document.add_anchor(&heading.take().unwrap_or_default());
                }
                _ => {}
            }
        }
        document
    }

    fn attributes(&mut self, html: &str, line: usize) {
        for found in ATTRIBUTE.captures_iter(html) {
            let value = found[2].to_owned();
            match &found[1] {
                "href" | "src" => self.links.push((line, value)),
                _ => drop(self.anchors.insert(value)),
            }
        }
    }

    /// The anchor of a heading, as GitHub and mdBook make it: a repeated one is numbered.
    fn add_anchor(&mut self, heading: &str) {
        let heading = heading.trim().to_lowercase().replace(' ', "-");
        let anchor: String =
            heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
        let repeated = (1..).map(|count| format!("{anchor}-{count}"));
        let free =
            std::iter::once(anchor.clone()).chain(repeated).find(|anchor| !self.anchors.contains(anchor));
        self.anchors.extend(free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_paths_and_anchors_are_named_with_their_line_and_good_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("picture.svg"), "").unwrap();
        let readme = "# Here\n[a](book/other.md) [b](book/other.md#a-kit-that-breaks-why \"title\") [c](#here) [d](https://example.org/x) [t](book/other.md#a-term)\n\
            [e](book/other.md#twice-1) `[f](in-code)` [p](book/other.html#named)\n```\n[g](in-a-fence)\n```\n\
            [h](missing.md) and [i](#nowhere)\n<img src=\"gone.png\">\n[j]\n\n[j]: book/other.md#no\n";
        let other = "# A `kit` that breaks: why?\n\n## Twice\n\n## Twice\n\n<a id=\"named\"></a>[up](../README.md#here) ![x](../picture.svg)\n\nA, term\n: Its definition.\n";
        let documents = [("README.md", readme), ("book/other.md", other)];
        let documents = documents.map(|(path, text)| (PathBuf::from(path), text.to_owned())).into();
        let dead = dead(folder.path(), &documents);
        let found: Vec<_> = dead.iter().map(|link| (link.line, link.target.as_str())).collect();
        assert_eq!(found, [(7, "missing.md"), (7, "#nowhere"), (8, "gone.png"), (9, "book/other.md#no")]);
        assert!(dead.iter().all(|link| link.path == Path::new("README.md")));
    }
}

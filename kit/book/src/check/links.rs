//! Links of the rendered book: every page, picture and heading that one leads to is there.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use anyhow::Result;
use regex::Regex;

use super::walk;

static TARGET: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#" (?:href|src)="([^"]+)""#).expect("a regular expression"));
static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#" id="([^"]+)""#).expect("a regular expression"));

/// Links that lead nowhere, as `page: link`.
pub(super) fn dead(site: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    walk(site, &mut files);
    let mut pages = BTreeMap::new();
    for file in files {
        let is_page = file.extension().is_some_and(|extension| extension == "html");
        let text = if is_page { fs::read_to_string(&file)? } else { String::new() };
        pages.insert(file, text);
    }
    let mut dead = Vec::new();
    for (page, text) in &pages {
        // The pages that mdBook adds repeat the others, with links from another folder.
        if ["404.html", "print.html", "toc.html"].iter().any(|added| page.ends_with(added)) {
            continue;
        }
        let links = TARGET.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str()));
        let nowhere = links.filter(|link| !leads_somewhere(&pages, page, link));
        dead.extend(nowhere.map(|link| {
            format!("{}: {link} leads nowhere", page.strip_prefix(site).unwrap_or(page).display())
        }));
    }
    Ok(dead)
}

fn leads_somewhere(pages: &BTreeMap<PathBuf, String>, page: &Path, link: &str) -> bool {
    if link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:") {
        return true;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let mut target = page.parent().unwrap_or(page).to_owned();
    for part in path.split('/').filter(|part| !["", "."].contains(part)) {
        if part == ".." {
            target.pop();
        } else {
            target.push(part);
        }
    }
    let target = match path {
        "" => page.to_owned(),
        folder if folder.ends_with('/') => target.join("index.html"),
        _ => target,
    };
    let Some(text) = pages.get(&target) else { return false };
    anchor.is_none_or(|anchor| anchor.is_empty() || ID.captures_iter(text).any(|id| &id[1] == anchor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_page_or_heading_that_is_not_there_is_dead() {
        let site = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(site.path().join(name), text).unwrap();
        write(
            "a.html",
            r##"<a href="b.html#there"><a href="b.html#gone"><a href="c.html"><img src="x.svg"><a href="#b">"##,
        );
        write("b.html", r#"<h2 id="there"> <a href="https://example.com/x"> <a href="./a.html">"#);
        let gone =
            ["b.html#gone", "c.html", "x.svg", "#b"].map(|link| format!("a.html: {link} leads nowhere"));
        assert_eq!(dead(site.path()).unwrap(), gone);
    }
}

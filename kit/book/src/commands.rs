//! `{{#commands NAME}}`: a list of all commands, from a capture of their `--help`. If the capture lacks a recipe of the justfile, that
//! is an error, so the list is complete.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    check::recipes,
    transcript::{Entry, Transcript},
};

/// The list as Markdown.
///
/// # Errors
/// The capture cannot be read, or lacks a command.
pub fn commands(book: &Path, words: &[String]) -> Result<String> {
    let [name] = words else { bail!("`commands` needs the name of a capture") };
    let transcript = Transcript::read(&book.join(format!("captures/{name}.txt")))?;
    let justfile =
        std::fs::read_to_string(book.join("../justfile")).context("the justfile cannot be read")?;
    let mut missing: BTreeSet<_> = recipes(&justfile);
    missing.remove("default");
    let mut list = String::new();
    for Entry { command, output } in &transcript.entries {
        let name = command.strip_prefix("just ").and_then(|rest| rest.strip_suffix(" --help"));
        let name = name.with_context(|| format!("`{command}` is not `just X --help`"))?;
        ensure!(
            missing.remove(name),
            "{name} is no recipe of the justfile, or the capture contains it twice"
        );
        list.push_str(&entry(output).with_context(|| format!("the output of `{command}` is not a --help"))?);
    }
    let missing: Vec<_> = missing.iter().map(|name| format!("$ just {name} --help")).collect();
    ensure!(missing.is_empty(), "book/captures/{name}.txt lacks:\n{}", missing.join("\n"));
    Ok(format!("\n<dl class=\"commands\">\n{list}</dl>\n"))
}

/// A command with its usage, its description, and the first line of each option.
fn entry(help: &[String]) -> Option<String> {
    let about = help.first()?.trim();
    let usage = help.iter().find_map(|line| line.strip_prefix("Usage: "))?;
    let usage = usage.trim_start_matches("kit ").trim_start_matches("just ").trim_start_matches("chain ");
    let mut options = String::new();
    let is_option = |line: &&String| line.starts_with("  ") && line.trim_start().starts_with('-');
    // `- kill: …` is a possible value of an argument, not an option.
    for line in help.iter().filter(is_option).filter(|line| !line.trim_start().starts_with("- ")) {
        let (option, does) = line.trim().split_once("  ").unwrap_or((line.trim(), ""));
        let own = !["-h, --help", "--run-dir"].iter().any(|common| option.contains(common));
        if own {
            options.extend(["<br><code>", &escaped(option), "</code> ", &escaped(does.trim())]);
        }
    }
    Some(format!("<dt><code>just {}</code></dt>\n<dd>{}{options}</dd>\n", escaped(usage), escaped(about)))
}

/// As HTML; text between backticks becomes code.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut pieces = text.split('`');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.zip(["<code>", "</code>"].into_iter().cycle()).fold(first, |html, (piece, tag)| html + tag + piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_listed_with_usage_description_and_its_own_options() {
        let help = "Does a thing\n\nUsage: kit do [OPTIONS] <X>\n\nArguments:\n  <X>  What\n\nOptions:\n      --fast     Soon\n  -h, --help     Print help\n";
        let lines: Vec<_> = help.lines().map(str::to_owned).collect();
        let expected = "<dt><code>just do [OPTIONS] &lt;X&gt;</code></dt>\n<dd>Does a thing<br><code>--fast</code> Soon</dd>\n";
        assert_eq!(entry(&lines).unwrap(), expected);
    }
}

//! A picture of a terminal, for where there is no book: the repository's front page.
//!
//! `book/src/images/NAME.svg` shows the first command of the capture NAME. It is written with the capture, and checked with it.

use std::fmt::Write;

use crate::transcript::Entry;

/// A character's cell, in pixels.
const CELL: (usize, usize) = (8, 20);
/// Around the text.
const MARGIN: usize = 20;
/// The bar above it.
const BAR: usize = 32;
/// Who speaks, in a log: the first has the first colour.
const SPEAKERS: [&str; 4] = ["#7dd3fc", "#fcd34d", "#c4b5fd", "#86efac"];

/// The picture. Each line is stretched to its number of cells, so that columns stand whatever font there is.
pub fn terminal(entry: &Entry) -> String {
    let columns = entry.output.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(80);
    let width = columns * CELL.0 + 2 * MARGIN;
    let height = (entry.output.len() + 1) * CELL.1 + BAR + 2 * MARGIN - 6;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>What {} prints</title>\n\
         <style>text {{ font: 13px ui-monospace, Menlo, Consolas, \"DejaVu Sans Mono\", monospace; white-space: pre; fill: #d6deeb }}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <path d=\"M0 {BAR}V8a8 8 0 0 1 8-8H{}a8 8 0 0 1 8 8V{BAR}z\" fill=\"#1c2128\"/>\n",
        escaped(&entry.command),
        width - 8
    );
    for (dot, x) in [18, 36, 54].into_iter().enumerate() {
        let colour = ["#f87171", "#fbbf24", "#4ade80"][dot];
        writeln!(svg, "<circle cx=\"{x}\" cy=\"{}\" r=\"5\" fill=\"{colour}\"/>", BAR / 2).ok();
    }
    let command = format!("$ {}", entry.command);
    let mut speakers: Vec<&str> = Vec::new();
    for (row, line) in std::iter::once(&command).chain(&entry.output).enumerate() {
        let colour = match line.split_once(" | ") {
            _ if row == 0 => "#5eead4",
            Some((speaker, _)) => {
                let speaker = speaker.trim();
                let at = speakers.iter().position(|known| *known == speaker).unwrap_or(speakers.len());
                if at == speakers.len() {
                    speakers.push(speaker);
                }
                SPEAKERS[at % SPEAKERS.len()]
            }
            None => "#d6deeb",
        };
        let text = line.trim_start();
        if text.is_empty() {
            continue;
        }
        let (cells, indented) = (text.chars().count(), line.chars().count() - text.chars().count());
        let (x, y) = (MARGIN + indented * CELL.0, BAR + MARGIN + 8 + row * CELL.1);
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" textLength=\"{}\" style=\"fill: {colour}\">{}</text>",
            cells * CELL.0,
            escaped(text)
        )
        .ok();
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_text_and_each_speaker_has_a_colour() {
        let output = ["", "  a < b & c", "shop | one", "pay | two", "shop | three"].map(str::to_owned).into();
        let svg = terminal(&Entry { command: "just chapter 1".into(), output });
        assert!(
            svg.contains(">$ just chapter 1</text>") && svg.contains(">a &lt; b &amp; c</text>"),
            "{svg}"
        );
        assert_eq!(svg.matches(SPEAKERS[0]).count(), 2);
        assert_eq!(svg.matches(SPEAKERS[1]).count(), 1);
        assert_eq!(svg.matches("<text ").count(), 5);
    }
}

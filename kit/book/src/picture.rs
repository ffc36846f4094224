//! A picture of a terminal for the README of the repository, which cannot include a capture.
//!
//! `book/src/images/NAME.svg` shows the first command of the capture NAME. It is written and checked together with the capture.

use std::fmt::Write;

use crate::transcript::Entry;

/// Width and height of a character's cell, in pixels.
const CELL: (usize, usize) = (8, 20);
/// The space around the text, in pixels.
const MARGIN: usize = 20;
/// The height of the title bar, in pixels.
const BAR: usize = 32;
const COMMAND: &str = "#5eead4";
const PLAIN: &str = "#d6deeb";
/// Colours of the services in a log, in the order of their first line.
const SERVICES: [&str; 4] = ["#7dd3fc", "#fcd34d", "#c4b5fd", "#86efac"];

/// The picture as SVG. Each line is stretched to its number of cells, so that columns are aligned in any font.
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
    for (x, colour) in [(18, "#f87171"), (36, "#fbbf24"), (54, "#4ade80")] {
        writeln!(svg, "<circle cx=\"{x}\" cy=\"{}\" r=\"5\" fill=\"{colour}\"/>", BAR / 2).ok();
    }
    let command = format!("$ {}", entry.command);
    let mut services = Vec::new();
    for (row, line) in std::iter::once(&command).chain(&entry.output).enumerate() {
        let colour = if row == 0 { COMMAND } else { colour(line, &mut services) };
        let text = line.trim_start();
        let (cells, indented) = (text.chars().count(), line.chars().count() - text.chars().count());
        let (x, y) = (MARGIN + indented * CELL.0, BAR + MARGIN + 8 + row * CELL.1);
        if cells > 0 {
            let (length, text) = (cells * CELL.0, escaped(text));
            writeln!(
                svg,
                "<text x=\"{x}\" y=\"{y}\" textLength=\"{length}\" style=\"fill: {colour}\">{text}</text>"
            )
            .ok();
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The colour of a line; a line of the log has the colour of its service.
fn colour<'a>(line: &'a str, services: &mut Vec<&'a str>) -> &'static str {
    let Some((service, _)) = line.split_once(" | ") else { return PLAIN };
    if !services.contains(&service) {
        services.push(service);
    }
    let known = services.iter().position(|known| *known == service);
    SERVICES[known.unwrap_or_default() % SERVICES.len()]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_text_and_each_service_has_a_colour() {
        let output = ["", "  a < b & c", "shop | one", "pay | two", "shop | three"].map(str::to_owned).into();
        let svg = terminal(&Entry { command: "just chapter 1".into(), output });
        assert!(
            svg.contains(">$ just chapter 1</text>") && svg.contains(">a &lt; b &amp; c</text>"),
            "{svg}"
        );
        assert_eq!(svg.matches(SERVICES[0]).count(), 2);
        assert_eq!(svg.matches(SERVICES[1]).count(), 1);
        assert_eq!(svg.matches("<text ").count(), 5);
    }
}

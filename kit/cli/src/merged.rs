//! The merged log on standard output, one colour a speaker.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use stage::{LAUNCHER, Line};
use tokio::sync::{mpsc::Receiver, oneshot};

const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::Red,
];

/// Prints a text and then lines, on a thread of its own, because a terminal may hold its reader up for as long as it likes. The answer
/// comes when the lines have ended, or as an error when nobody reads them any more.
pub(crate) fn print(
    head: String,
    lines: Receiver<Line>,
    speakers: Vec<String>,
) -> oneshot::Receiver<io::Result<()>> {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || ended.send(print_all(&head, lines, &speakers)));
    end
}

fn print_all(head: &str, mut lines: Receiver<Line>, speakers: &[String]) -> io::Result<()> {
    let width = speakers.iter().map(String::len).max().unwrap_or_default().max(LAUNCHER.len());
    let mut out = anstream::stdout();
    out.write_all(head.as_bytes())?;
    while let Some(Line { speaker, text }) = lines.blocking_recv() {
        let style = style_of(&speaker, speakers);
        writeln!(out, "{style}{speaker:>width$} |{style:#} {text}")?;
    }
    Ok(())
}

fn style_of(speaker: &str, speakers: &[String]) -> Style {
    match speakers.iter().position(|known| known == speaker) {
        Some(place) => COLOURS[place % COLOURS.len()].on_default(),
        None => Style::new().bold(),
    }
}

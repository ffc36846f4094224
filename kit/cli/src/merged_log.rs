//! Prints the merged log on standard output, with one colour for each service.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use stage::{LAUNCHER, Line, status::ProcessStatus};
use tokio::sync::{mpsc::Receiver, oneshot};

const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::Red,
];

/// Prints a text and then the lines of these processes, on a separate thread, because writing to a terminal may block. The
/// receiver gets the result once there are no more lines, or an error when standard output is closed.
pub(crate) fn print(
    head: String,
    lines: Receiver<Line>,
    processes: &[ProcessStatus],
) -> oneshot::Receiver<io::Result<()>> {
    let mut sources: Vec<_> = processes.iter().map(|process| process.service.clone()).collect();
    sources.dedup();
    // The source is the service's name, or `products-2` if the service has several instances.
    let longest = |service: &String| match processes.iter().filter(|p| p.service == *service).count() {
        1 => service.len(),
        several => format!("{service}-{several}").len(),
    };
    let width = sources.iter().map(longest).max().unwrap_or_default().max(LAUNCHER.len());
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || ended.send(print_all(&head, lines, &sources, width)));
    end
}

fn print_all(head: &str, mut lines: Receiver<Line>, sources: &[String], width: usize) -> io::Result<()> {
    let mut out = anstream::stdout();
    out.write_all(head.as_bytes())?;
    while let Some(Line { source, text }) = lines.blocking_recv() {
        let style = style_of(&source, sources);
        writeln!(out, "{style}{source:>width$} |{style:#} {text}")?;
    }
    Ok(())
}

fn style_of(source: &str, sources: &[String]) -> Style {
    // All instances of a service have the same colour.
    let service = source.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    match sources.iter().position(|known| known == source || known == service) {
        Some(index) => COLOURS[index % COLOURS.len()].on_default(),
        None => Style::new().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_have_the_colour_of_their_service_and_the_launcher_is_bold() {
        let sources = ["users", "products", "nats"].map(str::to_owned);
        assert_eq!(style_of("products-3", &sources), style_of("products", &sources));
        assert_ne!(style_of("users-1", &sources), style_of("nats", &sources));
        assert_eq!(style_of(LAUNCHER, &sources), Style::new().bold());
    }
}

//! The merged log on standard output, one colour a speaker.

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

/// Prints a text and then lines of these processes, on a thread of its own, because a terminal may hold its reader up for as long as it likes. The answer
/// comes when the lines have ended, or as an error when nobody reads them any more.
pub(crate) fn print(
    head: String,
    lines: Receiver<Line>,
    processes: &[ProcessStatus],
) -> oneshot::Receiver<io::Result<()>> {
    let mut speakers: Vec<_> = processes.iter().map(|process| process.service.clone()).collect();
    speakers.dedup();
    // Of a service with one instance the log says the service, of another `products-2`.
    let longest = |service: &String| match processes.iter().filter(|p| p.service == *service).count() {
        1 => service.len(),
        several => format!("{service}-{several}").len(),
    };
    let width = speakers.iter().map(longest).max().unwrap_or_default().max(LAUNCHER.len());
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || ended.send(print_all(&head, lines, &speakers, width)));
    end
}

fn print_all(head: &str, mut lines: Receiver<Line>, speakers: &[String], width: usize) -> io::Result<()> {
    let mut out = anstream::stdout();
    out.write_all(head.as_bytes())?;
    while let Some(Line { speaker, text }) = lines.blocking_recv() {
        let style = style_of(&speaker, speakers);
        writeln!(out, "{style}{speaker:>width$} |{style:#} {text}")?;
    }
    Ok(())
}

fn style_of(speaker: &str, speakers: &[String]) -> Style {
    // Instances of a service speak in its colour.
    let service = speaker.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    match speakers.iter().position(|known| known == speaker || known == service) {
        Some(place) => COLOURS[place % COLOURS.len()].on_default(),
        None => Style::new().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_have_the_colour_of_their_service_and_the_launcher_has_none() {
        let speakers = ["users", "products", "nats"].map(str::to_owned);
        assert_eq!(style_of("products-3", &speakers), style_of("products", &speakers));
        assert_ne!(style_of("users-1", &speakers), style_of("nats", &speakers));
        assert_eq!(style_of(LAUNCHER, &speakers), Style::new().bold());
    }
}

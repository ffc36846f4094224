//! What the processes print: every line goes to the process's own file and into the merged log.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    sync::mpsc::Sender,
};

/// The name under which the launcher itself speaks in the merged log.
pub const LAUNCHER: &str = "stage";

/// A longer line is cut into several, so that a process that never ends its line costs no memory.
const LONGEST_LINE: u64 = 16 * 1024;

/// One line of the merged log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who printed it: a service's name, `products-2` where there are several of it, or [`LAUNCHER`].
    pub speaker: String,
    /// The line, without its end.
    pub text: String,
}

/// The way into the merged log. A reader who does not keep up loses lines; no process ever waits for one.
#[derive(Debug, Clone, Default)]
pub(crate) struct MergedLog {
    lines: Option<Sender<Line>>,
    lost: Arc<AtomicU64>,
}

impl MergedLog {
    pub(crate) fn new(lines: Option<Sender<Line>>) -> Self {
        Self { lines, lost: Arc::default() }
    }

    pub(crate) fn say(&self, speaker: &str, text: String) {
        let Some(lines) = &self.lines else { return };
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let text = format!("lines missing here: {lost}; the log files have them");
            if lines.try_send(Line { speaker: LAUNCHER.to_owned(), text }).is_err() {
                self.lost.fetch_add(lost + 1, Ordering::Relaxed);
                return;
            }
        }
        if lines.try_send(Line { speaker: speaker.to_owned(), text }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Where the output of one process goes.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    pub(crate) speaker: String,
    pub(crate) file: PathBuf,
    pub(crate) merged: MergedLog,
}

impl Outlet {
    /// Copies a process's output until it ends. A full disk loses lines of the file, and is said once; the process goes on.
    pub(crate) async fn drain(self, output: impl AsyncRead + Unpin, mut file: File) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        let mut writable = true;
        loop {
            line.clear();
            match (&mut output).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if !line.ends_with(b"\n") {
                line.push(b'\n');
            }
            let written = file.write_all(&line);
            if let Err(error) = &written
                && writable
            {
                let text = format!("cannot write {}{}: {error}", self.file.display(), crate::remedy(error));
                self.merged.say(LAUNCHER, text);
            }
            writable = written.is_ok();
            line.pop();
            self.merged.say(&self.speaker, String::from_utf8_lossy(&line).into_owned());
        }
    }
}

/// The last lines of a log file, for an error message.
pub(crate) fn tail(file: &Path, lines: usize) -> String {
    let text = std::fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Opens a log file at its end.
pub(crate) fn open(file: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(file)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn every_line_reaches_the_file_when_nobody_reads_the_merged_log() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop-1.log");
        let (sender, mut receiver) = mpsc::channel(1);
        let merged = MergedLog::new(Some(sender));
        let outlet = Outlet { speaker: "shop".to_owned(), file: file.clone(), merged: merged.clone() };

        outlet.drain(&b"one\ntwo\nthree"[..], open(&file).unwrap()).await;

        assert_eq!(tail(&file, 2), "two\nthree");
        assert_eq!(receiver.recv().await.unwrap().text, "one");
        merged.say("shop", "four".to_owned());
        assert_eq!(receiver.recv().await.unwrap().text, "lines missing here: 2; the log files have them");
    }

    #[tokio::test]
    async fn a_full_disk_is_said_once_and_the_output_is_still_drained() {
        let (sender, mut receiver) = mpsc::channel(10);
        let file = PathBuf::from("/dev/full");
        let merged = MergedLog::new(Some(sender));
        let outlet = Outlet { speaker: "shop".to_owned(), file: file.clone(), merged };

        outlet.drain(&b"one\ntwo\n"[..], File::options().write(true).open(&file).unwrap()).await;

        let mut texts = Vec::new();
        while let Some(line) = receiver.recv().await {
            texts.push(line.text);
        }
        assert_eq!(texts.len(), 3);
        assert!(texts[0].contains("/dev/full") && texts[0].contains("disk is full"), "{}", texts[0]);
        assert_eq!(texts[1..], ["one", "two"]);
    }
}

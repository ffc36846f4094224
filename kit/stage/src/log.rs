//! The output of the processes. Every line is written to the log file of its process and to the merged log.

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

/// The source of the launcher's own lines in the merged log.
pub const LAUNCHER: &str = "stage";

/// The maximum length of a line in bytes. A longer line is split, so that a process that prints no line breaks does not
/// exhaust the memory.
const MAX_LINE: u64 = 16 * 1024;

/// One line of the merged log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The process that printed it: a service's name, `products-2` if the service has several instances, or [`LAUNCHER`].
    pub source: String,
    /// The line without its line break.
    pub text: String,
}

/// The sending side of the merged log. If its reader is too slow, lines are dropped, because no process may block on a terminal.
#[derive(Debug, Clone, Default)]
pub(crate) struct MergedLog {
    lines: Option<Sender<Line>>,
    dropped: Arc<AtomicU64>,
}

impl MergedLog {
    pub(crate) fn new(lines: Option<Sender<Line>>) -> Self {
        Self { lines, dropped: Arc::default() }
    }

    pub(crate) fn push(&self, source: &str, text: String) {
        let Some(lines) = &self.lines else { return };
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let text = format!("{dropped} lines dropped here; the log files contain them");
            if lines.try_send(Line { source: LAUNCHER.to_owned(), text }).is_err() {
                self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
                return;
            }
        }
        if lines.try_send(Line { source: source.to_owned(), text }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The destinations of one process's output.
#[derive(Debug, Clone)]
pub(crate) struct OutputSink {
    pub(crate) source: String,
    pub(crate) file: PathBuf,
    pub(crate) merged: MergedLog,
}

impl OutputSink {
    /// Copies the output of a process until it is closed. If the file cannot be written, the error is logged once, and the output is
    /// still read, because the process would block otherwise.
    pub(crate) async fn drain(self, output: impl AsyncRead + Unpin, mut file: File) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        let mut writable = true;
        loop {
            line.clear();
            match (&mut output).take(MAX_LINE).read_until(b'\n', &mut line).await {
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
                self.merged.push(LAUNCHER, text);
            }
            writable = written.is_ok();
            line.pop();
            self.merged.push(&self.source, String::from_utf8_lossy(&line).into_owned());
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

/// Opens a log file for appending.
pub(crate) fn open(file: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(file)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn every_line_is_written_to_the_file_even_if_the_merged_log_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop-1.log");
        let (sender, mut receiver) = mpsc::channel(1);
        let merged = MergedLog::new(Some(sender));
        let sink = OutputSink { source: "shop".to_owned(), file: file.clone(), merged: merged.clone() };

        sink.drain(&b"one\ntwo\nthree"[..], open(&file).unwrap()).await;

        assert_eq!(tail(&file, 2), "two\nthree");
        assert_eq!(receiver.recv().await.unwrap().text, "one");
        merged.push("shop", "four".to_owned());
        assert_eq!(receiver.recv().await.unwrap().text, "2 lines dropped here; the log files contain them");
    }

    #[tokio::test]
    async fn a_full_disk_is_reported_once_and_the_output_is_still_read() {
        let (sender, mut receiver) = mpsc::channel(10);
        let file = PathBuf::from("/dev/full");
        let merged = MergedLog::new(Some(sender));
        let sink = OutputSink { source: "shop".to_owned(), file: file.clone(), merged };

        sink.drain(&b"one\ntwo\n"[..], File::options().write(true).open(&file).unwrap()).await;

        let mut texts = Vec::new();
        while let Some(line) = receiver.recv().await {
            texts.push(line.text);
        }
        assert_eq!(texts.len(), 3);
        assert!(texts[0].contains("/dev/full") && texts[0].contains("disk is full"), "{}", texts[0]);
        assert_eq!(texts[1..], ["one", "two"]);
    }
}

//! The journal of the tours on a stage: the requests that they sent, for `kit audit`.
//!
//! It is a file in the stage's data folder, because it is valid exactly as long as the data: a stage that starts with new data starts
//! without a journal.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use audit::{
    Journal,
    journal::{Operation, RecordedRequest},
};
use jiff::Timestamp;
use shop_client::{Error, Reply};
use stage::run::{data_folder, write_private};
use uuid::Uuid;

/// The journal of a running stage.
pub(crate) struct TourJournal {
    file: PathBuf,
    journal: Journal,
}

/// Reads the journal of a chapter's stage. None if there was no tour of it.
///
/// # Errors
/// The file cannot be read, or it is not a journal.
pub(crate) fn read(run_dir: &Path, chapter: u32) -> Result<Option<Journal>> {
    let file = file(run_dir, chapter);
    match fs::read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => {
            let journal =
                read.map_err(anyhow::Error::from).and_then(|text| Ok(serde_json::from_slice(&text)?));
            Ok(Some(journal.with_context(|| format!("cannot read the journal {}", file.display()))?))
        }
    }
}

fn file(run_dir: &Path, chapter: u32) -> PathBuf {
    data_folder(run_dir, chapter).join("tour.json")
}

impl TourJournal {
    /// Continues the journal of earlier tours, or starts a new one.
    ///
    /// # Errors
    /// The file of earlier tours cannot be read.
    pub(crate) fn open(run_dir: &Path, chapter: u32) -> Result<Self> {
        let new = || Journal { started_at: Timestamp::now(), requests: Vec::new(), is_complete: false };
        Ok(Self { file: file(run_dir, chapter), journal: read(run_dir, chapter)?.unwrap_or_else(new) })
    }

    /// Sends a request and records it with its response. The key is given for requests about an order: the audit checks their retries.
    ///
    /// # Errors
    /// The request failed, or the journal cannot be written.
    pub(crate) async fn record<T>(
        &mut self,
        caller: Uuid,
        key: Option<&str>,
        request: impl Future<Output = shop_client::Result<Reply<T>>>,
        operation: impl FnOnce(Option<&T>) -> Option<Operation>,
    ) -> Result<T> {
        let sent_at = Timestamp::now();
        let result = request.await;
        let ended_at = Timestamp::now();
        let response = match &result {
            Ok(reply) => Some(&reply.response),
            Err(error) => Error::response(error),
        };
        let value = result.as_ref().ok().map(|reply| &reply.value);
        if let Some(operation) = operation(value) {
            let (key, response) = (key.map(str::to_owned), response.map(Into::into));
            self.journal.requests.push(RecordedRequest {
                caller,
                operation,
                key,
                sent_at,
                ended_at,
                response,
            });
            write_private(&self.file, &serde_json::to_vec(&self.journal)?)
                .with_context(|| format!("cannot write the journal {}", self.file.display()))?;
        }
        Ok(result?.value)
    }
}

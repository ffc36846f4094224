//! Faults from another terminal: a socket in the run folder takes one JSON line, and answers with one when it is done.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};

use crate::{
    faults::Fault,
    launcher::Inner,
    run::{self, RunFolder},
};

#[derive(Serialize, Deserialize)]
struct Request {
    fault: Fault,
    target: String,
}

/// What was done, or why it was not.
type Answer = Result<String, String>;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No stage runs in the folder.
    #[error("no stage is running; start one: just chapter 1")]
    NoStage,
    /// A stage runs and does not talk.
    #[error("the launcher does not answer; is the stage still starting, or stopping?")]
    Silent(#[source] io::Error),
    /// It answered that the fault cannot be done.
    #[error("{0}")]
    Refused(String),
}

/// Does a fault to the stage that runs in a run folder, whoever launched it; like [`crate::Stage::apply`].
///
/// # Errors
/// See [`ControlError`].
pub async fn apply(run_dir: &Path, fault: Fault, target: &str) -> Result<String, ControlError> {
    if RunFolder::holder(run_dir).is_none() {
        return Err(ControlError::NoStage);
    }
    let request = Request { fault, target: target.to_owned() };
    let answer = ask(&socket(run_dir), &request).await.map_err(ControlError::Silent)?;
    answer.map_err(ControlError::Refused)
}

async fn ask(socket: &Path, request: &Request) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket).await?;
    write_line(&mut stream, request).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

/// Opens the socket of a run folder. The caller holds the folder, so an old socket there is nobody's.
pub(crate) fn listen(run_dir: &Path) -> io::Result<UnixListener> {
    let socket = socket(run_dir);
    run::remove(&socket)?;
    UnixListener::bind(socket)
}

/// Answers requests for as long as it is polled.
pub(crate) async fn serve(listener: UnixListener, stage: Arc<Inner>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, Arc::clone(&stage)));
    }
}

async fn answer(stream: UnixStream, stage: Arc<Inner>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let answer: Answer = match serde_json::from_str::<Request>(&line) {
        Ok(Request { fault, target }) => stage.apply(fault, &target).await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("not a request: {error}")),
    };
    write_line(stream.get_mut(), &answer).await
}

async fn write_line(stream: &mut UnixStream, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

/// Unix sockets have short paths (104 bytes on macOS); a run folder deep in the tree has its socket in the temp folder.
pub(crate) fn socket(run_dir: &Path) -> PathBuf {
    let run_dir = run_dir.canonicalize().unwrap_or_else(|_| run_dir.to_owned());
    let socket = run_dir.join("control.sock");
    if socket.as_os_str().len() < 100 {
        return socket;
    }
    let mut hasher = DefaultHasher::new();
    run_dir.hash(&mut hasher);
    std::env::temp_dir().join(format!("stepwise-{:016x}.sock", hasher.finish()))
}

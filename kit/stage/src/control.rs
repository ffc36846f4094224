//! The control socket of a running stage, for faults from another terminal. A request is one line of JSON, and so is the reply,
//! which is sent once the fault has been injected.

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
    run::{self, Holder, Phase, RunFolder},
};

#[derive(Serialize, Deserialize)]
struct Request {
    fault: Fault,
    target: String,
}

/// A description of the injected fault, or the reason why it was refused.
type Reply = Result<String, String>;

/// Why a fault could not be injected.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No stage runs in the folder.
    #[error("no stage is running; start one: just chapter 1")]
    NoStage,
    /// The stage is not ready.
    #[error("chapter {} is {phase} (launcher {})", holder.chapter, holder.pid)]
    NotReady {
        /// The launcher.
        holder: Holder,
        /// What it does.
        phase: Phase,
    },
    /// The launcher holds the folder, but there was no reply on the control socket.
    #[error("the launcher of the stage does not respond; stop it: just stop")]
    NoReply(#[source] io::Error),
    /// The launcher refused the fault.
    #[error("{0}")]
    Refused(String),
}

/// Injects a fault into the stage that runs in a run folder, whichever process launched it. See [`crate::Stage::apply`].
///
/// # Errors
/// See [`ControlError`].
pub async fn apply(run_dir: &Path, fault: Fault, target: &str) -> Result<String, ControlError> {
    let holder = RunFolder::holder(run_dir).ok_or(ControlError::NoStage)?;
    if !run::status_file(run_dir).exists() {
        return Err(ControlError::NotReady { holder, phase: RunFolder::phase(run_dir) });
    }
    let request = Request { fault, target: target.to_owned() };
    let reply = send(&socket(run_dir), &request).await.map_err(ControlError::NoReply)?;
    reply.map_err(ControlError::Refused)
}

async fn send(socket: &Path, request: &Request) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(socket).await?;
    write_line(&mut stream, request).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

/// Opens the socket of a run folder. The caller holds the folder's lock, so an existing socket is stale and can be replaced.
pub(crate) fn listen(run_dir: &Path) -> io::Result<UnixListener> {
    let socket = socket(run_dir);
    run::remove(&socket)?;
    UnixListener::bind(socket)
}

/// Serves requests until the future is dropped.
pub(crate) async fn serve(listener: UnixListener, stage: Arc<Inner>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(handle(stream, Arc::clone(&stage)));
    }
}

async fn handle(stream: UnixStream, stage: Arc<Inner>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let reply: Reply = match serde_json::from_str::<Request>(&line) {
        Ok(Request { fault, target }) => stage.apply(fault, &target).await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("not a request: {error}")),
    };
    write_line(stream.get_mut(), &reply).await
}

async fn write_line(stream: &mut UnixStream, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

/// The path of the control socket. Paths of Unix sockets are limited to 104 bytes on macOS, so a run folder with a long path
/// has its socket in the system's temporary folder.
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

//! A NATS server for one test.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::wait_for;

/// Starts the server and kills it when standard input is closed, which happens when this process ends, also after a
/// crash.
const WATCHED: &str = r#""$0" "$@" & read _; kill -9 $!; wait"#;

/// A server with `JetStream`, with its own port and store. Killed when dropped.
pub struct Nats {
    shell: Option<Child>,
    port: u16,
    folder: TempDir,
}

impl Nats {
    /// Starts a server and waits until it listens.
    pub async fn start() -> Self {
        const ANY: i32 = -1;
        let mut nats = Self { shell: None, port: 0, folder: tempfile::tempdir().unwrap() };
        nats.run(ANY).await;
        nats
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Opens a connection to it.
    pub async fn connect(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.unwrap()
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            shell.wait().unwrap();
        }
    }

    /// Starts it again after it was killed, with the same address and store.
    pub async fn start_again(&mut self) {
        self.run(self.port.into()).await;
    }

    async fn run(&mut self, port: i32) {
        let folder = self.folder.path();
        for left_over in ports_files(folder) {
            fs::remove_file(left_over).unwrap();
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCHED]).arg(program()).args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js"]);
        shell.arg("-sd").arg(folder.join("store")).arg("--ports_file_dir").arg(folder);
        shell.arg("-l").arg(folder.join("log")).stdin(Stdio::piped()).process_group(0);
        self.shell = Some(shell.spawn().unwrap());
        let listens = async || ports_files(folder).iter().find_map(|file| port_in(file));
        self.port = wait_for("nats-server to listen", listens).await;
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The files in which the server writes its ports.
fn ports_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "ports")).collect()
}

/// None while the file is incomplete.
fn port_in(file: &Path) -> Option<u16> {
    let ports: serde_json::Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    ports["nats"][0].as_str()?.rsplit_once(':')?.1.parse().ok()
}

fn program() -> PathBuf {
    let on_path = env::var_os("PATH").unwrap_or_default();
    let mut on_path = env::split_paths(&on_path).map(|folder| folder.join("nats-server"));
    let fetched = || {
        let tools = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools")).ok()?;
        let mut programs = tools.map(|entry| entry.unwrap().path().join("nats-server"));
        programs.find(|program| program.is_file())
    };
    env::var_os("NATS_SERVER")
        .map(PathBuf::from)
        .or_else(|| on_path.find(|program| program.is_file()))
        .or_else(fetched)
        .expect("nats-server not found: add it to PATH or set NATS_SERVER")
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream;

    use super::*;

    #[tokio::test]
    async fn a_restarted_server_has_its_stored_streams() {
        let mut nats = Nats::start().await;
        let config = jetstream::stream::Config { name: "KEPT".into(), ..Default::default() };
        jetstream::new(nats.connect().await).create_stream(config).await.unwrap();
        nats.kill();
        assert!(async_nats::connect(nats.url()).await.is_err());
        nats.start_again().await;
        jetstream::new(nats.connect().await).get_stream("KEPT").await.unwrap();
    }
}

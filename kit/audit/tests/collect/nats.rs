//! A NATS server for one test. It stops when its standard input is closed, so it also stops if the test process crashes.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use stage::nats::ToolCache;
use tempfile::TempDir;

pub(crate) struct Nats {
    pub(crate) url: String,
    shell: Child,
    _store: TempDir,
}

const WATCHED: &str = r#""$0" "$@" 2>/dev/null & read _; kill -9 $!; wait"#;

impl Nats {
    pub(crate) async fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let server = ToolCache::of(&root).find_or_fetch(None).await.unwrap();
        let store = TempDir::new().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCHED]).arg(server.program).args(["-a", "127.0.0.1", "-js", "-p"]);
        shell.arg(address.port().to_string()).arg("-sd").arg(store.path()).stdin(Stdio::piped());
        let nats = Self { url: format!("nats://{address}"), shell: shell.spawn().unwrap(), _store: store };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "nats-server does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        nats
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.shell.stdin.take().map(|mut input| input.write_all(b"\n"));
        self.shell.wait().ok();
    }
}

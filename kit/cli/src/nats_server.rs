//! A NATS server for a test.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use stage::{Status, nats::ToolCache};
use tempfile::TempDir;

/// A server with `JetStream`, its own port and store. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) store: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let cache = ToolCache::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
        let program = cache.find_or_fetch(None).await.unwrap().program;
        let store = TempDir::new().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(program);
        command.args(["-js", "-a", "127.0.0.1", "-p", &address.port().to_string()]);
        let child = command.arg("-sd").arg(store.path()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, url: format!("nats://{address}"), store };
        let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
        options.connect(&server.url).await.unwrap().flush().await.unwrap();
        server
    }

    /// The status of a stage that consists of this server only. Its workspace is the folder of the store.
    pub(crate) fn stage(&self) -> Status {
        let status = json!({
            "chapter": 1, "routes": {}, "staff": {"email": "", "password": ""}, "payments": null, "processes": [],
            "nats": {"url": self.url}, "workspace": self.store.path(), "databases": [], "settings": {},
        });
        serde_json::from_value(status).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

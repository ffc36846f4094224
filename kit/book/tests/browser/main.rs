//! Opens every page in a real browser, at the width of a phone. Skipped without Chromium, unless `STEPWISE_BROWSER` is set.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{
    response::Html,
    routing::{get, post},
};
use book::{render::render, serve};
use stage::Course;
use tokio::sync::{mpsc, watch};

const PROBE: &str = include_str!("probe.html");
const DEADLINE: Duration = Duration::from_mins(2);

/// A browser process, killed when dropped.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn every_page_fits_a_phone_shows_its_drawings_and_the_search_works() {
    let Some(chromium) = chromium() else {
        assert!(
            std::env::var("STEPWISE_BROWSER").is_err(),
            "no Chromium on PATH, and STEPWISE_BROWSER requires one"
        );
        eprintln!("skipped: no Chromium on PATH (Debian, Ubuntu: apt install chromium)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let site = render(&course, Some(&folder.path().join("book"))).unwrap();
    let pages = pages(&site).join("\n");
    assert!(pages.contains("order.html") && pages.contains("01-monolith/money.html"), "{pages}");

    let (sender, mut wrong) = mpsc::channel(1);
    let (_rendered, once) = watch::channel(0);
    let report = async move |text: String| sender.send(text).await.map_err(|error| error.to_string());
    let router = serve::router(site, once)
        .route(
            "/-/probe.html",
            get(Html(PROBE.replace("<!doctype html>", "<!doctype html><base href=\"/\">"))),
        )
        .route("/-/pages", get(pages))
        .route("/-/wrong", post(report));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/-/probe.html", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let console = folder.path().join("console");
    let _browser = browse(&chromium, &url, folder.path(), &console);
    let wrong = tokio::time::timeout(DEADLINE, wrong.recv()).await;
    let log = fs::read_to_string(&console).unwrap();
    let wrong = wrong.unwrap_or_else(|_| panic!("the browser sent no result: {log}")).unwrap();
    assert_eq!(wrong, "", "\n{wrong}");
    let messages: Vec<_> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(messages.is_empty(), "the console is not empty:\n{}", messages.join("\n"));
}

fn browse(chromium: &Path, url: &str, profile: &Path, console: &Path) -> Browser {
    let quiet = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--remote-debugging-port=0", // keeps the browser running after the page has loaded
        "--enable-logging=stderr",
    ];
    let mut command = Command::new(chromium);
    command.args(quiet).arg(format!("--user-data-dir={}", profile.join("profile").display())).arg(url);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(console).unwrap());
    Browser(command.spawn().unwrap())
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut places = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    places.find(|program| program.is_file())
}

/// All pages of a rendered book, relative to its root.
fn pages(site: &Path) -> Vec<String> {
    let mut pages = Vec::new();
    let mut folders = vec![site.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                pages.push(path.strip_prefix(site).unwrap().display().to_string());
            }
        }
    }
    pages.retain(|page| !["404.html", "toc.html"].contains(&page.as_str())); // mdBook's own
    pages
}

//! Serves the book on this machine, and reloads the page in the browser when a source file changes.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{Path as UrlPath, State},
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use stage::Course;
use tokio::{net::TcpListener, sync::watch};

use crate::render::render;

/// The time between two looks for changed files.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Reloads the page after the next rendering.
const RELOAD: &str =
    "<script>fetch('/-/rendered/VERSION').then(() => location.reload(), () => {})</script></body>";

/// The folder of the rendered book, and the number of renderings so far.
#[derive(Clone)]
struct Site {
    folder: Arc<Path>,
    rendered: watch::Receiver<u64>,
}

/// The routes of a rendered book. A page waits until `rendered` is higher than when the page was served.
pub fn router(folder: PathBuf, rendered: watch::Receiver<u64>) -> Router {
    Router::new()
        .route("/-/rendered/{version}", get(next_rendering))
        .route("/", get(async |site: State<Site>| file(&site, "index.html").await))
        .route(
            "/{*path}",
            get(async |site: State<Site>, UrlPath(path): UrlPath<String>| file(&site, &path).await),
        )
        .with_state(Site { folder: folder.into(), rendered })
}

/// Listens on the first free port from `port` on.
///
/// # Errors
/// No port is free.
pub async fn listen(port: u16) -> Result<TcpListener> {
    for port in port..port.saturating_add(100) {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return Ok(listener);
        }
    }
    TcpListener::bind(("127.0.0.1", 0)).await.context("no port is free")
}

/// Serves the book and renders it again after each change, until the process ends.
///
/// # Errors
/// The server fails.
pub async fn serve(course: Course, listener: TcpListener, folder: PathBuf) -> Result<()> {
    let (rendered, receiver) = watch::channel(0);
    let watcher = tokio::task::spawn_blocking(move || render_on_change(&course, &rendered));
    axum::serve(listener, router(folder, receiver)).await?;
    watcher.abort();
    Ok(())
}

/// Renders the book whenever a source file changes. If that fails, it prints the error, and the last good book is still served.
fn render_on_change(course: &Course, rendered: &watch::Sender<u64>) {
    let mut seen = source_state(course);
    while !rendered.is_closed() {
        std::thread::sleep(POLL_INTERVAL);
        let now = source_state(course);
        if now == seen {
            continue;
        }
        seen = now;
        match render(course, None) {
            Ok(_) => {
                println!("book rendered again");
                rendered.send_modify(|version| *version += 1);
            }
            Err(error) => eprintln!("error: {error:#}"),
        }
    }
}

/// The number of source files, and the time of the newest change.
fn source_state(course: &Course) -> (usize, Option<SystemTime>) {
    let mut files = Vec::new();
    for folder in
        ["book/src", "book/theme", "book/captures", "book/drawings", "chapters", "exercises", "services"]
    {
        crate::check::walk(&course.root.join(folder), &mut files);
    }
    files.push(course.root.join("book/book.toml"));
    let changed = |file: &PathBuf| file.metadata().and_then(|metadata| metadata.modified()).ok();
    (files.len(), files.iter().filter_map(changed).max())
}

async fn next_rendering(State(mut site): State<Site>, UrlPath(version): UrlPath<u64>) -> StatusCode {
    match site.rendered.wait_for(|rendered| *rendered > version).await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::GONE,
    }
}

async fn file(site: &Site, path: &str) -> Response {
    let requested = Path::new(path);
    let inside = requested.components().all(|component| matches!(component, Component::Normal(_)));
    let file = site.folder.join(if path.ends_with('/') {
        requested.join("index.html")
    } else {
        requested.to_owned()
    });
    let (true, Ok(mut bytes)) = (inside, tokio::fs::read(&file).await) else {
        let page = tokio::fs::read(site.folder.join("404.html")).await.unwrap_or_default();
        return (StatusCode::NOT_FOUND, Html(page)).into_response();
    };
    let kind = media_type(&file);
    if kind.starts_with("text/html") {
        let reload = RELOAD.replace("VERSION", &site.rendered.borrow().to_string());
        bytes = String::from_utf8_lossy(&bytes).replace("</body>", &reload).into_bytes();
    }
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), bytes).into_response()
}

fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(folder: &Path) -> (watch::Sender<u64>, Site) {
        let (sender, rendered) = watch::channel(3);
        (sender, Site { folder: folder.into(), rendered })
    }

    #[tokio::test]
    async fn a_page_knows_its_rendering_and_no_file_outside_the_book_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let book = folder.path().join("book");
        std::fs::create_dir(&book).unwrap();
        std::fs::write(folder.path().join("secret.html"), "secret").unwrap();
        std::fs::write(book.join("index.html"), "<body>page</body>").unwrap();
        let (_sender, site) = site(&book);
        for outside in ["../secret.html", "/etc/passwd", "../book/index.html", "gone.html"] {
            assert_eq!(file(&site, outside).await.status(), StatusCode::NOT_FOUND, "{outside}");
        }
        let body = file(&site, "index.html").await.into_body();
        let page = axum::body::to_bytes(body, 1000).await.unwrap();
        assert!(page.starts_with(b"<body>page<script>") && page.ends_with(b"</body>"), "{page:?}");
        assert!(String::from_utf8_lossy(&page).contains("/-/rendered/3"));
    }

    #[tokio::test]
    async fn a_page_waits_for_a_later_rendering_than_its_own() {
        let (sender, site) = site(Path::new("."));
        let next = |version| next_rendering(State(site.clone()), UrlPath(version));
        assert_eq!(next(2).await, StatusCode::OK);
        sender.send_modify(|version| *version += 1);
        assert_eq!(next(3).await, StatusCode::OK);
        let waiting = next(4);
        drop(sender);
        assert_eq!(waiting.await, StatusCode::GONE);
    }
}

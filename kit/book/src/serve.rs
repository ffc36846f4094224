//! The website on this machine, which shows a page again when what it is made of has changed.

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

/// How often files are looked at.
const PERIOD: Duration = Duration::from_millis(500);

/// Shows a page again once the book was rendered after it.
const RELOAD: &str =
    "<script>fetch('/-/rendered/VERSION').then(() => location.reload(), () => {})</script></body>";

/// The website and how often it has been rendered.
#[derive(Clone)]
struct Site {
    folder: Arc<Path>,
    rendered: watch::Receiver<u64>,
}

/// The routes of a rendered book. A page waits for the next value of `rendered`.
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
/// A hundred ports are taken.
pub async fn listen(port: u16) -> Result<TcpListener> {
    for port in port..port.saturating_add(100) {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return Ok(listener);
        }
    }
    TcpListener::bind(("127.0.0.1", 0)).await.context("no port is free")
}

/// Serves the book, and renders it again after each change, until the process is ended.
///
/// # Errors
/// The server fails.
pub async fn serve(course: Course, listener: TcpListener, folder: PathBuf) -> Result<()> {
    let (rendered, receiver) = watch::channel(0);
    let watched = tokio::task::spawn_blocking(move || keep_rendering(&course, &rendered));
    axum::serve(listener, router(folder, receiver)).await?;
    watched.abort();
    Ok(())
}

/// Looks for changes, for ever. A book that cannot be rendered is told of, and the last good one stays.
fn keep_rendering(course: &Course, rendered: &watch::Sender<u64>) {
    let mut seen = newest(course);
    while !rendered.is_closed() {
        std::thread::sleep(PERIOD);
        let now = newest(course);
        if now == seen {
            continue;
        }
        seen = now;
        match render(course, None) {
            Ok(_) => {
                println!("rendered again");
                rendered.send_modify(|version| *version += 1);
            }
            Err(error) => eprintln!("error: {error:#}"),
        }
    }
}

/// How many files the book is made of, and when the newest changed.
fn newest(course: &Course) -> (usize, Option<SystemTime>) {
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
    let asked = Path::new(path);
    let inside = asked.components().all(|component| matches!(component, Component::Normal(_)));
    let file =
        site.folder.join(if path.ends_with('/') { asked.join("index.html") } else { asked.to_owned() });
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
    async fn a_page_waits_for_the_rendering_after_its_own_and_nothing_outside_the_book_is_shown() {
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
    async fn a_page_is_told_of_a_later_rendering_and_not_of_its_own() {
        let (sender, site) = site(Path::new("."));
        let told = |version| next_rendering(State(site.clone()), UrlPath(version));
        assert_eq!(told(2).await, StatusCode::OK);
        sender.send_modify(|version| *version += 1);
        assert_eq!(told(3).await, StatusCode::OK);
        let waiting = told(4);
        drop(sender);
        assert_eq!(waiting.await, StatusCode::GONE);
    }
}

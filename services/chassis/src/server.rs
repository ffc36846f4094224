//! The HTTP server: serves a router on a listener, with limits.
//!
//! `axum::serve` has none. A client that opens connections and sends nothing, or half a request, could use up the files
//! that the process may open, and then nobody else could connect.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{
    Router,
    extract::{ConnectInfo, Request},
    serve::Listener,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use rustix::process::{Resource, getrlimit};
use tokio::{net::TcpListener, sync::Semaphore};
use tower::ServiceExt;

/// How long the head of a request may take to arrive. The time starts when the connection is opened or the previous
/// response is sent, so an idle connection is closed after this time too.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest head of a request, in bytes. A larger one is answered with 431.
const HEAD_LIMIT: usize = 32 * 1024;

/// The maximum number of open connections. Further connections wait in the listen backlog of the kernel.
const MAX_CONNECTIONS: usize = 4096;

/// The number of files that connections leave free: for the database, the log and requests to other servers.
const RESERVED_FILES: usize = 100;

/// Listens for HTTP.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another address with --listen"))?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}

/// Serves until `shutdown` completes. Then it closes idle connections and finishes the requests in flight.
///
/// A handler can extract the address of the client as `ConnectInfo<SocketAddr>`.
pub async fn serve(mut listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_header_size(HEAD_LIMIT);
    let permits = Arc::new(Semaphore::new(max_connections()));
    let connections = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let accept = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            // axum's `accept` retries after an error: at once if the client has gone, and after a second if the process
            // has too many open files.
            (permit, Listener::accept(&mut listener).await)
        };
        let (permit, (stream, client)) = tokio::select! {
            accepted = accept => accepted,
            () = &mut shutdown => break,
        };
        stream.set_nodelay(true).ok(); // it fails if the client has gone, and so does the first read
        let router = router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(client));
            router.clone().oneshot(request)
        });
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _until_closed = permit;
            connection.await.ok(); // an error affects only this client
        });
    }
    drop(listener); // a client that connects from now on is refused, and can try another instance
    connections.shutdown().await;
}

fn max_connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    files.unwrap_or(usize::MAX).saturating_sub(RESERVED_FILES).clamp(1, MAX_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        io::{Read, Write},
        net::{Ipv4Addr, TcpStream},
    };

    use axum::routing::get;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_handler_can_extract_the_address_of_the_client() {
        let handler = async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.to_string();
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        tokio::spawn(serve(listener, Router::new().route("/", get(handler)), pending()));
        client.write_all(b"GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).unwrap();
        assert!(response.ends_with(&client.local_addr().unwrap().to_string()), "{response}");
    }
}

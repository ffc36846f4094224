//! HTTP with little overhead: keep-alive connections, one request at a time on each, and no limit on their number.
//!
//! It connects directly, so a proxy in the environment has no effect.

use std::{
    cell::RefCell,
    collections::HashMap,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::HOST,
};
use hyper_util::rt::TokioIo;
use shop_client::{Request, Response, Routes};
use tokio::{net::TcpStream, time::timeout};

type Connection = SendRequest<Full<Bytes>>;

/// How long an idle connection is kept. The shop closes it after 10 seconds, and a request on a connection that is being
/// closed would be lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections of a load to one stage. Clients on the same thread may share them.
#[derive(Debug)]
pub struct Connections {
    routes: Routes,
    /// The idle connections to each address, with the time of their last response.
    idle: RefCell<HashMap<String, Vec<(Connection, Instant)>>>,
    timeout: Duration,
}

/// Why a request has no complete response.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum NoResponse {
    /// Nothing listens on that address.
    #[error("connection refused")]
    Refused,
    /// The connection broke before the response was complete. The request may have been carried out.
    #[error("connection lost")]
    ConnectionLost,
    /// The request may have been carried out, or may be carried out later.
    #[error("request timed out")]
    TimedOut,
}

impl Connections {
    /// No connection is opened yet. `timeout` is that of one request.
    pub fn new(routes: Routes, timeout: Duration) -> Self {
        Self { routes, idle: RefCell::default(), timeout }
    }

    /// Sends a request whose path contains its query, and returns the response, whatever its status.
    ///
    /// # Errors
    /// There was no complete response.
    pub async fn send(&self, request: &Request) -> Result<Response, NoResponse> {
        timeout(self.timeout, self.exchange(request)).await.unwrap_or(Err(NoResponse::TimedOut))
    }

    async fn exchange(&self, request: &Request) -> Result<Response, NoResponse> {
        let base = self.routes.base(&request.path).ok_or(NoResponse::Refused)?;
        let address = base.trim_start_matches("http://");
        let mut http = hyper::Request::builder().method(request.method.clone()).uri(&request.path);
        http = http.header(HOST, address);
        for (name, value) in &request.headers {
            http = http.header(name, value);
        }
        let http = http.body(Full::from(request.body.clone())).map_err(|_| NoResponse::Refused)?;
        let mut connection = match self.idle(address).await {
            Some(connection) => connection,
            None => connect(address).await?,
        };
        let lost = |_| NoResponse::ConnectionLost;
        let (parts, body) = connection.send_request(http).await.map_err(lost)?.into_parts();
        let body = body.collect().await.map_err(lost)?.to_bytes().into();
        self.idle.borrow_mut().entry(address.to_owned()).or_default().push((connection, Instant::now()));
        Ok(Response { status: parts.status, headers: parts.headers, body })
    }

    /// The most recently used connection that the server has not closed in the meantime.
    async fn idle(&self, address: &str) -> Option<Connection> {
        loop {
            let (mut connection, since) = self.idle.borrow_mut().get_mut(address)?.pop()?;
            if since.elapsed() < IDLE_TIMEOUT && connection.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }
}

async fn connect(address: &str) -> Result<Connection, NoResponse> {
    let stream = TcpStream::connect(address).await.map_err(|_| NoResponse::Refused)?;
    stream.set_nodelay(true).map_err(|_| NoResponse::ConnectionLost)?;
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|_| NoResponse::ConnectionLost)?;
    tokio::spawn(connection); // an error of the connection reaches the sender as well
    sender.ready().await.map_err(|_| NoResponse::ConnectionLost)?;
    Ok(sender)
}

//! HTTP, cheaply: kept connections, one request at a time on each, and as many of them as requests were ever under way.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::HOST,
};
use hyper_util::rt::TokioIo;
use shop_client::{Answer, Request, Routes};
use tokio::{net::TcpStream, time::timeout};

type Connection = SendRequest<Full<Bytes>>;

/// The connections of a load to one stage.
#[derive(Debug)]
pub(crate) struct Connections {
    routes: Routes,
    idle: RefCell<HashMap<String, Vec<Connection>>>,
    /// How long an answer may take.
    patience: Duration,
}

/// Why no whole answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NoAnswer {
    /// Nobody listens there.
    Refused,
    /// The connection broke before the answer was whole: the request may have been done.
    Broken,
    /// It took too long: the request may have been done, or may yet be.
    TooLate,
}

impl NoAnswer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::Broken => "connection lost",
            Self::TooLate => "no answer in time",
        }
    }
}

impl Connections {
    pub(crate) fn new(routes: Routes, patience: Duration) -> Self {
        Self { routes, idle: RefCell::default(), patience }
    }

    /// Sends a request, its query in its path, and gives back the answer, whatever its status.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, NoAnswer> {
        timeout(self.patience, self.exchange(request)).await.unwrap_or(Err(NoAnswer::TooLate))
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let base = self.routes.base(&request.path).ok_or(NoAnswer::Refused)?;
        let address = base.trim_start_matches("http://");
        let mut http = hyper::Request::builder().method(request.method.clone()).uri(&request.path);
        http = http.header(HOST, address);
        for (name, value) in &request.headers {
            http = http.header(name, value);
        }
        let http = http.body(Full::from(request.body.clone())).map_err(|_| NoAnswer::Refused)?;
        let mut connection = match self.idle(address).await {
            Some(connection) => connection,
            None => connect(address).await?,
        };
        let broken = |_| NoAnswer::Broken;
        let (parts, body) = connection.send_request(http).await.map_err(broken)?.into_parts();
        let body = body.collect().await.map_err(broken)?.to_bytes().into();
        self.idle.borrow_mut().entry(address.to_owned()).or_default().push(connection);
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// The connection that was used last and that the other side has not closed meanwhile.
    async fn idle(&self, address: &str) -> Option<Connection> {
        loop {
            let mut connection = self.idle.borrow_mut().get_mut(address)?.pop()?;
            if connection.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }
}

async fn connect(address: &str) -> Result<Connection, NoAnswer> {
    let stream = TcpStream::connect(address).await.map_err(|_| NoAnswer::Refused)?;
    stream.set_nodelay(true).map_err(|_| NoAnswer::Broken)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| NoAnswer::Broken)?;
    tokio::task::spawn_local(connection); // its end, good or bad, is seen by who sends
    sender.ready().await.map_err(|_| NoAnswer::Broken)?;
    Ok(sender)
}

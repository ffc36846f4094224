//! An HTTP client with little overhead, because it takes CPU time that the shop could use.
//!
//! It keeps one connection to each address and sends one request at a time on it, without a pool, timeouts or retries. It
//! connects directly, so a proxy in the environment has no effect.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::HOST,
};
use hyper_util::rt::TokioIo;
use shop_client::{Request, Response, Routes};
use tokio::net::TcpStream;

/// One customer's connections.
#[derive(Debug)]
pub struct Client {
    routes: Routes,
    connections: HashMap<String, SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client of a stage, by its routes: path prefix → base URL.
    ///
    /// # Errors
    /// The routes are not valid.
    pub fn new(routes: &BTreeMap<String, String>) -> Result<Self> {
        Ok(Self { routes: routes.try_into()?, connections: HashMap::new() })
    }

    /// Sends a request whose path contains its query, and returns the response, whatever its status.
    ///
    /// # Errors
    /// There was no complete response.
    pub async fn send(&mut self, request: Request) -> Result<Response> {
        let base = self.routes.base(&request.path);
        let base = base.with_context(|| format!("no route of the stage covers {}", request.path))?;
        let address = base.trim_start_matches("http://");
        let mut http =
            hyper::Request::builder().method(request.method).uri(request.path).header(HOST, address);
        for (name, value) in request.headers {
            http = http.header(name, value);
        }
        let http = http.body(Full::from(request.body))?;
        let connection = match self.connections.get_mut(address) {
            Some(connection) if !connection.is_closed() => connection,
            _ => {
                let connection = connect(address).await?;
                self.connections.entry(address.to_owned()).insert_entry(connection).into_mut()
            }
        };
        connection.ready().await?;
        let (parts, body) = connection.send_request(http).await?.into_parts();
        let body = body.collect().await?.to_bytes().into();
        Ok(Response { status: parts.status, headers: parts.headers, body })
    }
}

async fn connect(address: &str) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection); // an error of the connection reaches the sender as well
    Ok(sender)
}

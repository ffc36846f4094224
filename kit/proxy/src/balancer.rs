//! A round-robin HTTP load balancer: one address for several instances of a service.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::{AbortHandle, JoinSet},
};

/// How long the head of a request may take to arrive, and how long a connection may be idle: as in the shop.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection to an instance is reused: for less than the time after which the instance closes it,
/// because a request on a connection that is being closed would be lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// A balancer for HTTP/1.1. When it is dropped, it closes its connections and stops listening.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    serving: AbortHandle,
}

impl Balancer {
    /// Listens on an `IP:PORT` and distributes requests over the instances, each an `IP:PORT` too. An instance that refuses
    /// connections is skipped. A request that was sent to one instance is not retried on another, because only the client knows
    /// whether a retry is safe.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn open(listen: &str, instances: Vec<String>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let serving =
            tokio::spawn(serve(listener, Arc::new(RoundRobin { instances, next: AtomicUsize::new(0) })));
        Ok(Self { address, serving: serving.abort_handle() })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The instances, and the one that gets the next request.
struct RoundRobin {
    instances: Vec<String>,
    next: AtomicUsize,
}

impl RoundRobin {
    /// The indexes of all instances in the order to try them, for one request.
    fn order(&self) -> impl Iterator<Item = usize> {
        let (first, count) = (self.next.fetch_add(1, Ordering::Relaxed), self.instances.len());
        (0..count).map(move |offset| (first % count + offset) % count)
    }
}

async fn serve(listener: TcpListener, pool: Arc<RoundRobin>) {
    let mut connections = JoinSet::new(); // aborted together with this task
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                connections.spawn(connection(client, Arc::clone(&pool)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one client connection. It has one request in flight at a time, so it needs one connection to each instance at most.
async fn connection(client: TcpStream, pool: Arc<RoundRobin>) {
    client.set_nodelay(true).ok();
    let idle: Vec<_> = pool.instances.iter().map(|_| Mutex::new(None)).collect();
    let forward = service_fn(|request| forward(&pool, &idle, request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    http.serve_connection(TokioIo::new(client), forward).await.ok();
}

/// A connection to an instance.
struct Instance {
    sender: SendRequest<Incoming>,
    used_at: Instant,
}

impl Instance {
    async fn is_usable(&mut self) -> bool {
        self.used_at.elapsed() < IDLE_TIMEOUT && self.sender.ready().await.is_ok()
    }
}

/// An error closes the client's connection, as the crash of a single instance would. The API defines no response for this case.
async fn forward(
    pool: &RoundRobin,
    idle: &[Mutex<Option<Instance>>],
    request: Request<Incoming>,
) -> io::Result<Response<Incoming>> {
    for index in pool.order() {
        let mut connection = idle[index].lock().await;
        let is_ready = match &mut *connection {
            Some(instance) => instance.is_usable().await,
            None => false,
        };
        if !is_ready {
            *connection = connect(&pool.instances[index]).await.ok();
        }
        if let Some(instance) = &mut *connection {
            let response = instance.sender.send_request(request).await.map_err(io::Error::other);
            instance.used_at = Instant::now();
            return response;
        }
    }
    Err(io::ErrorKind::ConnectionRefused.into())
}

async fn connect(address: &str) -> io::Result<Instance> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection); // ends when `sender` is dropped
    Ok(Instance { sender, used_at: Instant::now() })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// An instance that answers each request with its name. Aborting the handle stops it.
    async fn instance(name: &'static str) -> (String, AbortHandle) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let answer = service_fn(async move |_| Ok::<_, io::Error>(Response::new(name.to_owned())));
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        (address, serving.abort_handle())
    }

    async fn balance(instances: [&str; 2]) -> Balancer {
        Balancer::open("127.0.0.1:0", instances.map(str::to_owned).into()).await.unwrap()
    }

    /// Sends this many requests on one connection and returns the bodies, one letter each.
    async fn send(balancer: &Balancer, times: usize) -> io::Result<String> {
        let mut stream = TcpStream::connect(balancer.address()).await?;
        let mut bodies = String::new();
        for _ in 0..times {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n").await?;
            let mut answer = Vec::new();
            while answer.last_chunk::<5>().is_none_or(|end| !end.starts_with(b"\r\n\r\n")) {
                if stream.read_buf(&mut answer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            bodies.extend(answer.last().copied().map(char::from));
        }
        Ok(bodies)
    }

    #[tokio::test]
    async fn requests_of_one_connection_are_distributed_round_robin() {
        let ((a, _), (b, _)) = (instance("a").await, instance("b").await);
        let balancer = balance([&a, &b]).await;
        assert_eq!(send(&balancer, 4).await.unwrap(), "abab");
    }

    #[tokio::test]
    async fn an_instance_that_is_down_is_skipped_and_without_any_instance_the_connection_is_closed() {
        let ((a, of_a), (b, of_b)) = (instance("a").await, instance("b").await);
        let balancer = balance([&a, &b]).await;
        of_a.abort();
        while TcpStream::connect(&a).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert_eq!(send(&balancer, 3).await.unwrap(), "bbb");
        of_b.abort();
        while TcpStream::connect(&b).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(send(&balancer, 1).await.is_err());
    }
}

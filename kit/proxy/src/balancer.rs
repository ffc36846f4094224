//! One address for several instances of a service: each request goes to the next of them in turn.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
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

/// A balancer of HTTP/1.1 requests. Dropped, it breaks its connections and listens no more.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    serving: AbortHandle,
}

impl Balancer {
    /// Listens on an `IP:PORT` and shares what comes among the instances, each an `IP:PORT` too. One that does not accept a
    /// connection is passed over. A request that was sent is not sent to another: who asked knows whether that is safe.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn open(listen: &str, instances: Vec<String>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(serve(listener, Arc::new(Turns { instances, next: AtomicUsize::new(0) })));
        Ok(Self { address, serving: serving.abort_handle() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Whose turn it is.
struct Turns {
    instances: Vec<String>,
    next: AtomicUsize,
}

impl Turns {
    /// The places of all instances, the one first whose turn it is.
    fn take(&self) -> impl Iterator<Item = usize> {
        let (first, count) = (self.next.fetch_add(1, Ordering::Relaxed), self.instances.len());
        (0..count).map(move |further| (first % count + further) % count)
    }
}

async fn serve(listener: TcpListener, turns: Arc<Turns>) {
    let mut connections = JoinSet::new(); // they end with this task
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                connections.spawn(connection(client, Arc::clone(&turns)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One client: it has one request under way at a time, and so at most one connection to each instance.
async fn connection(client: TcpStream, turns: Arc<Turns>) {
    client.set_nodelay(true).ok();
    let kept: Vec<_> = turns.instances.iter().map(|_| Mutex::new(None)).collect();
    let forward = service_fn(|request| forward(&turns, &kept, request));
    http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(client), forward).await.ok();
}

type Instance = SendRequest<Incoming>;

/// An error breaks the client's connection, as the end of a single instance would: the API has no answer for it.
async fn forward(
    turns: &Turns,
    kept: &[Mutex<Option<Instance>>],
    request: Request<Incoming>,
) -> io::Result<Response<Incoming>> {
    for place in turns.take() {
        let mut kept = kept[place].lock().await;
        let is_ready = match &mut *kept {
            Some(instance) => instance.ready().await.is_ok(),
            None => false,
        };
        if !is_ready {
            *kept = connect(&turns.instances[place]).await.ok();
        }
        if let Some(instance) = &mut *kept {
            return instance.send_request(request).await.map_err(io::Error::other);
        }
    }
    Err(io::ErrorKind::ConnectionRefused.into())
}

async fn connect(address: &str) -> io::Result<Instance> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (instance, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection); // it ends with the instance's handle
    Ok(instance)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// An instance that answers each request with its name, until it is dropped.
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

    async fn before(instances: [&str; 2]) -> Balancer {
        Balancer::open("127.0.0.1:0", instances.map(str::to_owned).into()).await.unwrap()
    }

    /// Asks so often on one connection; gives the bodies, one letter each.
    async fn ask(balancer: &Balancer, times: usize) -> io::Result<String> {
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
    async fn requests_of_one_connection_go_to_the_instances_in_turn() {
        let ((a, _), (b, _)) = (instance("a").await, instance("b").await);
        let balancer = before([&a, &b]).await;
        assert_eq!(ask(&balancer, 4).await.unwrap(), "abab");
    }

    #[tokio::test]
    async fn an_instance_that_is_away_is_passed_over_and_none_at_all_is_a_broken_connection() {
        let ((a, of_a), (b, of_b)) = (instance("a").await, instance("b").await);
        let balancer = before([&a, &b]).await;
        of_a.abort();
        while TcpStream::connect(&a).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(&balancer, 3).await.unwrap(), "bbb");
        of_b.abort();
        while TcpStream::connect(&b).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(ask(&balancer, 1).await.is_err());
    }
}

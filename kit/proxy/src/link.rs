//! A TCP proxy in front of one address.

use std::{io, net::SocketAddr};

use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use crate::delay;

/// What a link does with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    /// Forwards bytes at once.
    #[default]
    Healthy,
    /// Delays bytes in both directions.
    Slow {
        /// Milliseconds in each direction.
        ms: u64,
    },
    /// Keeps and accepts connections, but forwards nothing until the state changes.
    Hung,
    /// Closes all connections, new ones included.
    Cut,
}

impl State {
    /// A description for people.
    pub fn describe(self) -> String {
        match self {
            Self::Healthy => "healthy".to_owned(),
            Self::Slow { ms } => format!("slow: {ms} ms more in each direction"),
            Self::Hung => "hung: no bytes pass".to_owned(),
            Self::Cut => "cut".to_owned(),
        }
    }
}

/// A TCP proxy in front of one address. When it is dropped, it closes its connections and stops listening.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    state: watch::Sender<State>,
    serving: AbortHandle,
}

impl Link {
    /// Opens a link to an `IP:PORT`, on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port can be bound.
    pub async fn open(to: String) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (state, _) = watch::channel(State::Healthy);
        let serving = tokio::spawn(serve(listener, to, state.subscribe())).abort_handle();
        Ok(Self { address, state, serving })
    }

    /// Where clients connect instead.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The current state.
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Changes the state, for open connections too.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, to: String, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new(); // aborted together with this task
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                connections.spawn(connection(client, to.clone(), state.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Forwards one connection until either side closes it or the link is cut.
async fn connection(client: TcpStream, to: String, state: watch::Receiver<State>) -> io::Result<()> {
    let forwarding = async {
        let server = TcpStream::connect(&to).await?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let up = delay::copy(from_client, to_server, state.clone());
        let down = delay::copy(from_server, to_client, state.clone());
        tokio::try_join!(up, down).map(drop)
    };
    let mut watched = state.clone();
    tokio::select! {
        forwarded = forwarding => forwarded,
        _ = watched.wait_for(|state| *state == State::Cut) => Ok(()), // dropping both sockets closes the connection
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::timeout,
    };

    use super::*;

    /// A link to an echo server.
    async fn link_to_echo_server() -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        Link::open(address).await.unwrap()
    }

    async fn round_trip(stream: &mut TcpStream) -> io::Result<Duration> {
        let started = Instant::now();
        stream.write_all(b"hello").await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        assert_eq!(&answer, b"hello");
        Ok(started.elapsed())
    }

    #[tokio::test]
    async fn a_healthy_link_forwards_everything_and_so_does_one_that_was_slow() {
        let link = link_to_echo_server().await;
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        round_trip(&mut stream).await.unwrap();
        link.set(State::Slow { ms: 60 });
        assert!(round_trip(&mut stream).await.unwrap() >= Duration::from_millis(120)); // both directions
        link.set(State::Healthy);
        round_trip(&mut stream).await.unwrap();
    }

    #[tokio::test]
    async fn a_slow_link_delays_bytes_without_limiting_the_throughput() {
        let link = link_to_echo_server().await;
        link.set(State::Slow { ms: 100 });
        let (mut from, mut to) = TcpStream::connect(link.address()).await.unwrap().into_split();
        let started = Instant::now();
        let sending = async {
            for _ in 0..20 {
                to.write_all(&[7; 100]).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let mut answer = [0; 2000];
        let ((), received) = tokio::join!(sending, from.read_exact(&mut answer));
        received.unwrap();
        assert!(started.elapsed() < Duration::from_secs(2), "the chunks were delayed one after the other");
    }

    #[tokio::test]
    async fn a_hung_link_keeps_its_connections_and_delivers_the_bytes_once_it_is_healthy() {
        let link = link_to_echo_server().await;
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        round_trip(&mut stream).await.unwrap();
        link.set(State::Hung);
        assert!(timeout(Duration::from_millis(100), round_trip(&mut stream)).await.is_err());
        link.set(State::Healthy);
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello");
    }

    #[tokio::test]
    async fn a_cut_link_closes_open_and_new_connections_until_it_is_healthy() {
        let link = link_to_echo_server().await;
        let mut before = TcpStream::connect(link.address()).await.unwrap();
        round_trip(&mut before).await.unwrap();
        link.set(State::Cut);
        let mut during = TcpStream::connect(link.address()).await.unwrap();
        assert!(round_trip(&mut before).await.is_err() && round_trip(&mut during).await.is_err());
        link.set(State::Healthy);
        round_trip(&mut TcpStream::connect(link.address()).await.unwrap()).await.unwrap();
    }
}

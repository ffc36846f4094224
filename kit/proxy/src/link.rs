//! One link: a listener, and what becomes of the connections through it.

use std::{io, net::SocketAddr};

use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use crate::delay;

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    /// Bytes come through at once.
    #[default]
    Well,
    /// Bytes come through later, in both directions.
    Slow {
        /// By how many milliseconds each way.
        ms: u64,
    },
    /// Connections stay and are accepted, and nothing comes through until the link is another.
    Hung,
    /// Connections are broken, new ones too.
    Cut,
}

impl State {
    /// For people.
    pub fn describe(self) -> String {
        match self {
            Self::Well => "well".to_owned(),
            Self::Slow { ms } => format!("{ms} ms slower each way"),
            Self::Hung => "hung: nothing comes through".to_owned(),
            Self::Cut => "cut".to_owned(),
        }
    }
}

/// A proxy in front of one address. Dropped, it breaks its connections and listens no more.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    state: watch::Sender<State>,
    serving: AbortHandle,
}

impl Link {
    /// Opens a link to an address, on a free port of this machine.
    ///
    /// # Errors
    /// There is no port to be had.
    pub async fn open(to: String) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (state, _) = watch::channel(State::Well);
        let serving = tokio::spawn(serve(listener, to, state.subscribe())).abort_handle();
        Ok(Self { address, state, serving })
    }

    /// Where to talk to instead.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is.
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Makes it so, for connections that are there too.
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
    let mut connections = JoinSet::new(); // they end with this task
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                connections.spawn(connection(client, to.clone(), state.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, until either side ends it or the link is cut.
async fn connection(client: TcpStream, to: String, state: watch::Receiver<State>) -> io::Result<()> {
    let carrying = async {
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
        carried = carrying => carried,
        _ = watched.wait_for(|state| *state == State::Cut) => Ok(()), // both ends are dropped: they see it broken
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

    /// A link to somebody who says everything back.
    async fn to_an_echo() -> Link {
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

    async fn say(stream: &mut TcpStream) -> io::Result<Duration> {
        let started = Instant::now();
        stream.write_all(b"hello").await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        assert_eq!(&answer, b"hello");
        Ok(started.elapsed())
    }

    #[tokio::test]
    async fn a_well_link_passes_everything_on_and_so_does_one_that_was_slow() {
        let link = to_an_echo().await;
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        say(&mut stream).await.unwrap();
        link.set(State::Slow { ms: 60 });
        assert!(say(&mut stream).await.unwrap() >= Duration::from_millis(120)); // there and back
        link.set(State::Well);
        say(&mut stream).await.unwrap();
    }

    #[tokio::test]
    async fn a_slow_link_is_long_and_not_narrow() {
        let link = to_an_echo().await;
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
        assert!(started.elapsed() < Duration::from_secs(2), "one waited for the other");
    }

    #[tokio::test]
    async fn a_hung_link_keeps_its_connections_and_what_was_sent_comes_when_it_is_well() {
        let link = to_an_echo().await;
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        say(&mut stream).await.unwrap();
        link.set(State::Hung);
        assert!(timeout(Duration::from_millis(100), say(&mut stream)).await.is_err());
        link.set(State::Well);
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello");
    }

    #[tokio::test]
    async fn a_cut_link_breaks_what_is_there_and_what_comes_until_it_is_well() {
        let link = to_an_echo().await;
        let mut before = TcpStream::connect(link.address()).await.unwrap();
        say(&mut before).await.unwrap();
        link.set(State::Cut);
        let mut during = TcpStream::connect(link.address()).await.unwrap();
        assert!(say(&mut before).await.is_err() && say(&mut during).await.is_err());
        link.set(State::Well);
        say(&mut TcpStream::connect(link.address()).await.unwrap()).await.unwrap();
    }
}

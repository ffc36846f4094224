//! Passes bytes on, each after as long as the link takes at the moment it comes. A slow link is long, not narrow: what
//! comes while others wait is not held up by them.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::link::State;

/// What is read at a time.
const CHUNK: usize = 16 * 1024;
/// Chunks on their way; more of them make the sender wait, as a full window does.
const WINDOW: usize = 256;

/// Copies one direction of a connection to its end.
pub(crate) async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    let (sender, mut on_their_way) = mpsc::channel::<(Instant, Vec<u8>)>(WINDOW);
    let reading = {
        let state = state.clone();
        async move {
            loop {
                let mut chunk = vec![0; CHUNK];
                let length = from.read(&mut chunk).await?;
                chunk.truncate(length);
                let due = Instant::now() + latency(*state.borrow());
                if length == 0 || sender.send((due, chunk)).await.is_err() {
                    return Ok::<_, io::Error>(()); // the end travels as long as the bytes before it
                }
            }
        }
    };
    let writing = async move {
        let mut state = state;
        while let Some((due, chunk)) = on_their_way.recv().await {
            sleep_until(due).await;
            // Cut ends the connection from outside; the sender of the state is gone only with the link.
            state.wait_for(|state| *state != State::Hung).await.ok();
            to.write_all(&chunk).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(reading, writing).map(drop)
}

fn latency(state: State) -> Duration {
    match state {
        State::Slow { ms } => Duration::from_millis(ms),
        State::Well | State::Hung | State::Cut => Duration::ZERO,
    }
}

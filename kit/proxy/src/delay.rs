//! Forwards bytes with the latency that the link has when they arrive. The latency does not limit the throughput: chunks that
//! arrive while others wait are delayed in parallel, not one after the other.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::link::State;

/// The size of the read buffer, in bytes.
const CHUNK: usize = 16 * 1024;
/// Chunks in flight. When it is full, reading stops, as with a full TCP window.
const WINDOW: usize = 256;

/// Copies one direction of a connection until the sender closes it.
pub(crate) async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    let (sender, mut in_flight) = mpsc::channel::<(Instant, Vec<u8>)>(WINDOW);
    let reading = {
        let state = state.clone();
        async move {
            loop {
                let mut chunk = vec![0; CHUNK];
                let length = from.read(&mut chunk).await?;
                chunk.truncate(length);
                let due = Instant::now() + latency(*state.borrow());
                if length == 0 || sender.send((due, chunk)).await.is_err() {
                    return Ok::<_, io::Error>(()); // closing the channel delays the shutdown like the bytes before it
                }
            }
        }
    };
    let writing = async move {
        let mut state = state;
        while let Some((due, chunk)) = in_flight.recv().await {
            sleep_until(due).await;
            // `Cut` needs no case here, because `link` drops this future then.
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
        State::Healthy | State::Hung | State::Cut => Duration::ZERO,
    }
}

//! Reads at a fixed rate, whatever else the shop does.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use fastrand::Rng;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hdrhistogram::Histogram;
use load::Connections;
use shop_client::Request;
use tokio::time::{Instant, interval_at};
use uuid::Uuid;

use crate::customer::{connections, is_served};

/// The results of the reads.
#[derive(Debug)]
pub struct Reads {
    /// Microseconds from when a read was due until its response arrived, refused reads included.
    pub latencies: Histogram<u64>,
    /// Responses with status 503.
    pub refused: u64,
}

/// Reads a random product every `period`, `count` times, beginning at `start`.
///
/// The loop is open: a read begins when it is due, and a slow response does not delay the others. There are as many
/// connections as reads were ever in flight.
///
/// # Errors
/// The shop does not respond, or neither with a product nor with a valid 503.
pub async fn browse(
    routes: &BTreeMap<String, String>,
    products: &[Uuid],
    start: Instant,
    period: Duration,
    count: u32,
) -> Result<Reads> {
    let mut reads = Reads { latencies: Histogram::new(3)?, refused: 0 };
    let mut rng = Rng::with_seed(0);
    let mut due = interval_at(start, period);
    let mut left = count;
    let mut idle = Vec::new();
    let mut in_flight = FuturesUnordered::new();
    loop {
        tokio::select! {
            due = due.tick(), if left > 0 => {
                left -= 1;
                let client = idle.pop().map_or_else(|| connections(routes), Ok)?;
                let product = rng.choice(products).context("there are no products to read")?;
                in_flight.push(read(client, *product, due));
            }
            Some(read) = in_flight.next() => {
                let (client, served, latency) = read?;
                idle.push(client);
                reads.refused += u64::from(!served);
                reads.latencies.record(u64::try_from(latency.as_micros())?)?;
            }
            else => return Ok(reads),
        }
    }
}

async fn read(client: Connections, product: Uuid, due: Instant) -> Result<(Connections, bool, Duration)> {
    let served = is_served(&client, &Request::get(format!("/products/{product}")), 200).await?;
    Ok((client, served, due.elapsed()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{
        Router,
        http::{StatusCode, header::RETRY_AFTER},
        routing::get,
    };
    use tokio::{net::TcpListener, sync::Barrier, time::timeout};

    use super::*;

    #[tokio::test]
    async fn a_slow_response_does_not_delay_other_reads() {
        let all_have_arrived = Arc::new(Barrier::new(10));
        let handler = async move || {
            all_have_arrived.wait().await;
        };
        let shop = Router::new().route("/products/{id}", get(handler));
        let (routes, products, now) = (serve(shop).await, [Uuid::nil()], Instant::now());
        let reads = browse(&routes, &products, now, Duration::from_millis(1), 10);
        let reads = timeout(Duration::from_secs(30), reads).await.unwrap().unwrap();
        assert_eq!((reads.latencies.len(), reads.refused), (10, 0));
    }

    #[tokio::test]
    async fn a_503_is_a_refusal_only_with_retry_after() {
        let busy = async || (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]);
        let broken = async || StatusCode::SERVICE_UNAVAILABLE;
        let shop = Router::new().route("/products/busy", get(busy)).route("/products/broken", get(broken));
        let client = connections(&serve(shop).await).unwrap();
        assert!(!is_served(&client, &Request::get("/products/busy"), 200).await.unwrap());
        assert!(is_served(&client, &Request::get("/products/broken"), 200).await.is_err());
    }

    async fn serve(shop: Router) -> BTreeMap<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, shop).into_future());
        BTreeMap::from([("/".to_owned(), base)])
    }
}

//! A closed loop that measures how many requests per second a server can answer. For the limits of the machine, not for a
//! shop.

use std::{
    cell::Cell,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use shop_client::{Request, Routes};
use stage::Status;
use tokio::{
    runtime::Builder,
    task::{JoinSet, LocalSet},
};

use crate::{connections::Connections, cores};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends requests for a while, `in_flight` at a time, and returns how many per second were answered with 2xx. `request`
/// receives the number of the request.
///
/// # Errors
/// A response had another status, or there was none.
pub async fn saturate(
    stage: &Status,
    cores: Vec<usize>,
    in_flight: usize,
    duration: Duration,
    request: impl Fn(u32) -> Request + Send + 'static,
) -> Result<f64> {
    let routes = Routes::try_from(&stage.routes)?;
    let (done, rate) = tokio::sync::oneshot::channel();
    thread::Builder::new().name("load".to_owned()).spawn(move || {
        cores::pin_to(&cores);
        let runtime = Builder::new_current_thread().enable_all().build();
        let rate = runtime.map_err(Into::into).and_then(|runtime| {
            LocalSet::new().block_on(&runtime, send_all(routes, in_flight, duration, Rc::new(request)))
        });
        done.send(rate).ok();
    })?;
    rate.await.context("the load panicked")?
}

async fn send_all(
    routes: Routes,
    in_flight: usize,
    duration: Duration,
    request: Rc<impl Fn(u32) -> Request + 'static>,
) -> Result<f64> {
    let connections = Rc::new(Connections::new(routes, TIMEOUT));
    let sent = Rc::new(Cell::new(0_u32));
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..in_flight {
        let (connections, sent, request) = (Rc::clone(&connections), Rc::clone(&sent), Rc::clone(&request));
        clients.spawn_local(async move {
            while started.elapsed() < duration {
                sent.set(sent.get() + 1);
                let answer = connections.send(&request(sent.get())).await;
                let status = answer.map(|answer| answer.status);
                ensure!(status.is_ok_and(|status| status.is_success()), "`limits` answered {status:?}");
            }
            Ok(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    Ok(f64::from(sent.get()) / started.elapsed().as_secs_f64())
}

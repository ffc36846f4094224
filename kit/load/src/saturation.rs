//! A closed loop for once: how much something can do when it is always asked. For the limits of a machine, not for a shop.

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

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the same thing, so many in flight, for a while, and says how many a second were answered with 2xx. `request` is
/// given the number of the question.
///
/// # Errors
/// Something was not answered with 2xx.
pub async fn saturate(
    stage: &Status,
    cores: Vec<usize>,
    in_flight: usize,
    lasts: Duration,
    request: impl Fn(u32) -> Request + Send + 'static,
) -> Result<f64> {
    let routes = Routes::try_from(&stage.routes)?;
    let (done, ended) = tokio::sync::oneshot::channel();
    thread::Builder::new().name("load".to_owned()).spawn(move || {
        cores::stay_on(&cores);
        let runtime = Builder::new_current_thread().enable_all().build();
        let asked = runtime.map_err(Into::into).and_then(|runtime| {
            LocalSet::new().block_on(&runtime, all(routes, in_flight, lasts, Rc::new(request)))
        });
        done.send(asked).ok();
    })?;
    ended.await.context("the load panicked")?
}

async fn all(
    routes: Routes,
    in_flight: usize,
    lasts: Duration,
    request: Rc<impl Fn(u32) -> Request + 'static>,
) -> Result<f64> {
    let connections = Rc::new(Connections::new(routes, PATIENCE));
    let asked = Rc::new(Cell::new(0_u32));
    let started = Instant::now();
    let mut askers = JoinSet::new();
    for _ in 0..in_flight {
        let (connections, asked, request) = (Rc::clone(&connections), Rc::clone(&asked), Rc::clone(&request));
        askers.spawn_local(async move {
            while started.elapsed() < lasts {
                asked.set(asked.get() + 1);
                let answer = connections.send(&request(asked.get())).await;
                let status = answer.map(|answer| answer.status);
                ensure!(status.is_ok_and(|status| status.is_success()), "a limit was answered {status:?}");
            }
            Ok(())
        });
    }
    while let Some(ended) = askers.join_next().await {
        ended??;
    }
    Ok(f64::from(asked.get()) / started.elapsed().as_secs_f64())
}

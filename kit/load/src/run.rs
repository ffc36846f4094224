//! Runs a load on a thread and a core of its own, and reports its progress.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use shop_client::Routes;
use stage::Status;
use tokio::{
    runtime::Builder,
    sync::{mpsc, watch},
    task::{JoinSet, LocalSet},
    time::interval,
};

use crate::{
    client::{RetryPolicy, RetryingClient},
    connections::Connections,
    cores,
    pacer::pace,
    record::{Record, RequestStats},
    schedule::{Arrival, Stream, arrivals},
    test_data::TestData,
    traffic::Traffic,
    visitor::Visitor,
};

/// A load to run on a stage.
#[derive(Debug, Clone)]
pub struct Load {
    /// The visitors.
    pub streams: Vec<Stream>,
    /// Comes first and counts in no metric.
    pub warm_up: Duration,
    /// How long visitors arrive after the warm-up.
    pub duration: Duration,
    /// Determines when visitors arrive and what they choose.
    pub seed: u64,
    /// How the visitors' client retries.
    pub retry_policy: RetryPolicy,
    /// The cores to pin it to. Empty: any core.
    pub cores: Vec<usize>,
}

/// A load that runs. It stops when it is dropped.
#[derive(Debug)]
pub struct Running {
    /// When the load begins.
    pub begun: Instant,
    /// Its requests in flight.
    pub traffic: Arc<Traffic>,
    progress: watch::Receiver<Progress>,
    stopped: Arc<AtomicBool>,
    outcome: tokio::sync::oneshot::Receiver<Result<Outcome>>,
}

/// The progress of a load, updated several times per second.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Since the load began.
    pub elapsed: Duration,
    /// Attempts in flight.
    pub in_flight: usize,
    /// The last full second, all kinds of requests together.
    pub second: RequestStats,
    /// Requests due in each of the last seconds, the newest last.
    pub rates: Vec<u64>,
    /// Requests that have failed since the beginning.
    pub failed: u64,
    /// Retries since the beginning.
    pub retries: u64,
}

/// The results of a load, and the CPU time that it used itself.
#[derive(Debug)]
pub struct Outcome {
    /// The results.
    pub record: Record,
    /// Its attempts that failed.
    pub traffic: Arc<Traffic>,
    /// From the beginning until the last visitor left.
    pub took: Duration,
    /// CPU time of the load, without its set-up.
    pub cpu_time: Duration,
}

/// How many seconds the progress shows.
const SHOWN_SECONDS: usize = 40;
/// The time between the start of the thread and the first possible arrival, for everything that has to be set up.
const LEAD: Duration = Duration::from_millis(300);
/// A load has fallen behind its schedule if the p99 of its lag is more than this.
const MAX_LAG: Duration = Duration::from_millis(20);
/// A load that uses more than this share of a core could not have sent many more requests.
const MAX_CPU_SHARE: f64 = 0.85;

impl Load {
    /// Starts the load.
    ///
    /// # Errors
    /// The stage's routes are not valid, or the thread cannot be started.
    pub fn start(self, stage: &Status, data: &TestData) -> Result<Running> {
        cores::raise_connection_limit();
        let routes = Routes::try_from(&stage.routes)?;
        let (reporter, progress) = watch::channel(Progress::default());
        let (done, outcome) = tokio::sync::oneshot::channel();
        let (traffic, stopped) = (Arc::<Traffic>::default(), Arc::<AtomicBool>::default());
        let begun = Instant::now() + LEAD;
        let running = Running {
            begun,
            traffic: Arc::clone(&traffic),
            progress,
            stopped: Arc::clone(&stopped),
            outcome,
        };
        let data = data.clone();
        thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || {
                cores::pin_to(&self.cores);
                done.send(self.run(routes, &data, begun, reporter, traffic, stopped)).ok();
            })
            .context("cannot start the thread of the load")?;
        Ok(running)
    }

    fn run(
        self,
        routes: Routes,
        data: &TestData,
        begun: Instant,
        reporter: watch::Sender<Progress>,
        traffic: Arc<Traffic>,
        stopped: Arc<AtomicBool>,
    ) -> Result<Outcome> {
        let arrivals = arrivals(&self.streams, self.seed, self.warm_up + self.duration);
        let (due, waiting) = mpsc::unbounded_channel();
        let pacer = thread::spawn(move || pace(arrivals, begun, &due, &stopped));
        let client = Rc::new(RetryingClient {
            connections: Connections::new(routes, self.retry_policy.attempt_timeout),
            record: RefCell::new(Record::begin(begun, self.warm_up)),
            journal: Arc::clone(&data.journal),
            traffic: Arc::clone(&traffic),
            policy: self.retry_policy,
        });
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let cpu_before = cores::thread_cpu_time();
        LocalSet::new().block_on(&runtime, serve(Rc::clone(&client), data, waiting, reporter));
        let took = begun.elapsed();
        drop(runtime); // ends the tasks of the connections; they hold no reference to the client
        let pacing = pacer.join().map_err(|_| anyhow!("the pacer of the load panicked"))?;
        let cpu_time = cores::thread_cpu_time().saturating_sub(cpu_before) + pacing;
        let client = Rc::into_inner(client).context("a visitor has not left")?;
        Ok(Outcome { record: client.record.into_inner(), traffic, took, cpu_time })
    }
}

/// Starts each visitor when it is due, and returns when the last one has left.
async fn serve(
    client: Rc<RetryingClient>,
    data: &TestData,
    mut waiting: mpsc::UnboundedReceiver<Arrival>,
    reporter: watch::Sender<Progress>,
) {
    let mut visits = JoinSet::new();
    let mut report = interval(Duration::from_millis(250));
    let begun = client.record.borrow().begun;
    loop {
        tokio::select! {
            arrival = waiting.recv() => {
                let Some(Arrival { due, visit, seed }) = arrival else { break };
                let due = begun + due;
                client.record.borrow_mut().add_start(due);
                visits.spawn_local(Visitor::new(Rc::clone(&client), data, seed).visit(visit, due));
            }
            Some(_) = visits.join_next() => {}
            _ = report.tick() => drop(reporter.send(Progress::of(&client))),
        }
    }
    loop {
        tokio::select! {
            left = visits.join_next() => if left.is_none() { break },
            _ = report.tick() => drop(reporter.send(Progress::of(&client))),
        }
    }
}

impl Progress {
    fn of(client: &RetryingClient) -> Self {
        let record = client.record.borrow();
        let elapsed = record.begun.elapsed();
        let full = usize::try_from(elapsed.as_secs()).unwrap_or(usize::MAX).min(record.seconds.len());
        let past = &record.seconds[full.saturating_sub(SHOWN_SECONDS)..full];
        Self {
            elapsed,
            in_flight: client.traffic.in_flight(),
            second: past.last().cloned().unwrap_or_default(),
            rates: past.iter().map(|second| second.requests).collect(),
            failed: record.seconds.iter().map(|second| second.failed).sum(),
            retries: record.seconds.iter().map(|second| second.retries).sum(),
        }
    }
}

impl Running {
    /// Follows the progress.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Waits until the last visitor has left.
    ///
    /// # Errors
    /// The load itself failed. A shop that fails is no error here.
    pub async fn finish(mut self) -> Result<Outcome> {
        (&mut self.outcome).await.context("the load panicked")?
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

impl Outcome {
    /// The share of a core that the load used.
    pub fn cpu_share(&self) -> f64 {
        self.cpu_time.as_secs_f64() / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// How many attempts per second this load could send with a whole core. Beyond that it would measure itself.
    #[expect(clippy::cast_precision_loss, reason = "a metric needs no more than 52 bits")]
    pub fn max_per_second(&self) -> f64 {
        self.record.attempts as f64 / self.cpu_time.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Whether the timings are those of the shop.
    ///
    /// # Errors
    /// The load fell behind its schedule, or was close to the most that it can send. The error says by how much.
    pub fn check(&self) -> Result<()> {
        let lag = Duration::from_micros(self.record.lag.value_at_quantile(0.99));
        ensure!(
            lag <= MAX_LAG,
            "the load fell behind its schedule: the p99 of its lag is {} ms, and the limit is {} ms; use a lower rate, or \
             stop other programs on this machine",
            lag.as_millis(),
            MAX_LAG.as_millis()
        );
        ensure!(
            self.cpu_share() <= MAX_CPU_SHARE,
            "the load is at its limit: it used {:.0} % of a core; use a rate below {:.0} requests per second",
            self.cpu_share() * 100.0,
            self.max_per_second() * MAX_CPU_SHARE
        );
        Ok(())
    }
}

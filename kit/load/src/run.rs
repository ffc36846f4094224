//! A load under way: a thread of its own on a core of its own, watched from outside.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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
    asker::{Asker, Patience},
    connections::Connections,
    cores,
    market::Market,
    pacer::pace,
    record::{Figures, Record},
    schedule::{Arrival, Stream, arrivals},
    visitor::Visitor,
};

/// What to ask of a stage.
#[derive(Debug, Clone)]
pub struct Load {
    /// Who comes.
    pub streams: Vec<Stream>,
    /// Comes first, and counts in no figure.
    pub warm_up: Duration,
    /// How long visitors come after the warm-up.
    pub lasts: Duration,
    /// Who comes when, and what they choose, follows from it.
    pub seed: u64,
    /// Of those who ask.
    pub patience: Patience,
    /// The cores it stays on. Empty: any.
    pub cores: Vec<usize>,
}

/// A load under way. Dropped, it stops.
#[derive(Debug)]
pub struct Running {
    /// When the first visitor could come.
    pub begun: Instant,
    progress: watch::Receiver<Progress>,
    in_flight: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    ended: tokio::sync::oneshot::Receiver<Result<Outcome>>,
}

/// How a load gets on, several times a second.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Since the first visitor could come.
    pub elapsed: Duration,
    /// Attempts under way.
    pub in_flight: usize,
    /// The last full second, of all kinds of questions together.
    pub second: Figures,
    /// Questions due in each of the last seconds, the youngest last.
    pub rates: Vec<u64>,
    /// Since the beginning: questions given up, and attempts after the first.
    pub failed: u64,
    /// See [`Progress::failed`].
    pub retries: u64,
}

/// What came of a load, and what it took to make it.
#[derive(Debug)]
pub struct Outcome {
    /// What came of it.
    pub record: Record,
    /// From the first visitor who could come to the last one who left.
    pub took: Duration,
    /// Time of a core that the load took, its set-up apart.
    pub core_time: Duration,
}

/// What the progress shows of the past.
const SHOWN_SECONDS: usize = 40;
/// Before the first visitor: so long everything may take to get going.
const LEAD: Duration = Duration::from_millis(300);
/// A load is late when more than one in a hundred visitors was let in later than this.
const TOO_LATE: Duration = Duration::from_millis(20);
/// A load that takes more of its core than this could not have taken much more.
const TOO_BUSY: f64 = 0.85;

impl Load {
    /// Lets visitors come, from very soon on.
    ///
    /// # Errors
    /// The routes of the stage make no sense, or there is no thread to be had.
    pub fn start(self, stage: &Status, market: &Market) -> Result<Running> {
        cores::allow_many_connections();
        let routes = Routes::try_from(&stage.routes)?;
        let (told, progress) = watch::channel(Progress::default());
        let (done, ended) = tokio::sync::oneshot::channel();
        let (in_flight, stopped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let begun = Instant::now() + LEAD;
        let running = Running {
            begun,
            progress,
            in_flight: Arc::clone(&in_flight),
            stopped: Arc::clone(&stopped),
            ended,
        };
        let market = market.clone();
        thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || {
                cores::stay_on(&self.cores);
                done.send(self.run(routes, &market, begun, told, in_flight, stopped)).ok();
            })
            .context("cannot start the thread of the load")?;
        Ok(running)
    }

    fn run(
        self,
        routes: Routes,
        market: &Market,
        begun: Instant,
        told: watch::Sender<Progress>,
        in_flight: Arc<AtomicUsize>,
        stopped: Arc<AtomicBool>,
    ) -> Result<Outcome> {
        let arrivals = arrivals(&self.streams, self.seed, self.warm_up + self.lasts);
        let (due, waiting) = mpsc::unbounded_channel();
        let pacer = thread::spawn(move || pace(arrivals, begun, &due, &stopped));
        let asker = Rc::new(Asker {
            connections: Connections::new(routes, self.patience.attempt),
            record: RefCell::new(Record::begin(begun, self.warm_up)),
            notes: Arc::clone(&market.notes),
            in_flight,
            patience: self.patience,
        });
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let began_with = cores::time_of_this_thread();
        LocalSet::new().block_on(&runtime, serve(Rc::clone(&asker), market, waiting, told));
        let took = begun.elapsed();
        drop(runtime); // ends the tasks of the connections, which hold nothing of the record
        let pacing = pacer.join().map_err(|_| anyhow!("the pacer of the load panicked"))?;
        let core_time = cores::time_of_this_thread().saturating_sub(began_with) + pacing;
        let asker = Rc::into_inner(asker).context("a visitor is still there")?;
        Ok(Outcome { record: asker.record.into_inner(), took, core_time })
    }
}

/// Lets visitors in as they are due, until the last one has left.
async fn serve(
    asker: Rc<Asker>,
    market: &Market,
    mut waiting: mpsc::UnboundedReceiver<Arrival>,
    told: watch::Sender<Progress>,
) {
    let mut visits = JoinSet::new();
    let mut glance = interval(Duration::from_millis(250));
    let begun = asker.record.borrow().begun;
    loop {
        tokio::select! {
            arrival = waiting.recv() => {
                let Some(Arrival { due, visit, seed }) = arrival else { break };
                let due = begun + due;
                asker.record.borrow_mut().let_in(due);
                visits.spawn_local(Visitor::new(Rc::clone(&asker), market, seed).visit(visit, due));
            }
            Some(_) = visits.join_next() => {}
            _ = glance.tick() => drop(told.send(Progress::of(&asker))),
        }
    }
    loop {
        tokio::select! {
            left = visits.join_next() => if left.is_none() { break },
            _ = glance.tick() => drop(told.send(Progress::of(&asker))),
        }
    }
}

impl Progress {
    fn of(asker: &Asker) -> Self {
        let record = asker.record.borrow();
        let elapsed = record.begun.elapsed();
        let full = usize::try_from(elapsed.as_secs()).unwrap_or(usize::MAX).min(record.seconds.len());
        let past = &record.seconds[full.saturating_sub(SHOWN_SECONDS)..full];
        Self {
            elapsed,
            in_flight: asker.in_flight.load(Ordering::Relaxed),
            second: past.last().cloned().unwrap_or_default(),
            rates: past.iter().map(|second| second.asked).collect(),
            failed: record.seconds.iter().map(|second| second.failed).sum(),
            retries: record.seconds.iter().map(|second| second.retries).sum(),
        }
    }
}

impl Running {
    /// Follows how it gets on.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Attempts under way at this moment.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Waits until the last visitor has left.
    ///
    /// # Errors
    /// The load itself broke, whatever the shop did.
    pub async fn finish(mut self) -> Result<Outcome> {
        (&mut self.ended).await.context("the load panicked")?
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

impl Outcome {
    /// The share of a core that the load took.
    pub fn core_share(&self) -> f64 {
        self.core_time.as_secs_f64() / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// How many attempts a second this load could make if it took a whole core: above it, it measures itself.
    #[expect(clippy::cast_precision_loss, reason = "a figure needs no more than 52 bits")]
    pub fn ceiling(&self) -> f64 {
        self.record.attempts as f64 / self.core_time.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Whether the figures are those of the shop.
    ///
    /// # Errors
    /// They are not: the load fell behind its own schedule, or could not have done more. The error says by how much.
    pub fn check(&self) -> Result<()> {
        let late = Duration::from_micros(self.record.lateness.value_at_quantile(0.99));
        ensure!(
            late <= TOO_LATE,
            "the load fell behind its schedule: one visitor in a hundred was let in {} ms late or more, and {} ms are \
             allowed; ask for a lower rate, or end what else uses this machine",
            late.as_millis(),
            TOO_LATE.as_millis()
        );
        ensure!(
            self.core_share() <= TOO_BUSY,
            "the load was at its ceiling: it took {:.0} % of a core; ask for less than {:.0} requests a second",
            self.core_share() * 100.0,
            self.ceiling() * TOO_BUSY
        );
        Ok(())
    }
}

//! A file of `experiments/`: a load, the faults that are injected meanwhile, and the expected results.
//!
//! ```toml
//! question = "Does browsing go on while orders is dead?"
//! warm_up = "3s"
//! duration = "20s"              # after the warm-up
//!
//! [[load]]                      # visitors of one kind; several loads run at the same time
//! mix = "browse"
//! rate = 200                    # visitors per second
//!
//! [[fault]]
//! at = "8s"                     # after the warm-up
//! jitter = "2s"                 # plus a random time up to this, drawn from the seed
//! kind = "kill"
//! target = "orders"             # the process with this role; `everything`: all processes, NATS included
//! duration = "3s"               # then it is healed
//!
//! [[expect]]
//! metric = "failed"
//! at_most = 0
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use jiff::fmt::serde::unsigned_duration::{optional, required};
use load::{Mix, Peak, Rate, Stream, test_data::DataSize};
use serde::{Deserialize, Serialize};

use crate::{metrics, role::Target};

/// A parsed and checked experiment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// The file's name without `.toml`.
    #[serde(skip)]
    pub name: String,
    /// The question that it answers.
    pub question: String,
    /// Load that comes first and counts in no metric.
    #[serde(with = "required")]
    pub warm_up: Duration,
    /// How long the load lasts after the warm-up.
    #[serde(with = "required")]
    pub duration: Duration,
    /// How long a failed request is retried; half a minute if absent.
    #[serde(default, with = "optional")]
    pub retry_for: Option<Duration>,
    /// Which CPU cores load and stage use.
    #[serde(default)]
    pub cores: CoresSpec,
    /// Environment variables of every process of the stage.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// The experiment is run once with each of these; if absent, once with as many instances as the manifest says.
    #[serde(default)]
    pub scale: Vec<Scale>,
    /// The products and accounts that exist before the load begins.
    #[serde(default)]
    pub data: DataSpec,
    /// This many orders are placed and paid before the load begins, while the payment provider is down: their payment attempts
    /// are open. The provider stays down until the experiment's fault `down` ends.
    #[serde(default)]
    pub open_payments: usize,
    /// The load.
    #[serde(rename = "load")]
    pub loads: Vec<LoadSpec>,
    /// The faults, which are injected while the load runs.
    #[serde(default, rename = "fault")]
    pub faults: Vec<FaultSpec>,
    /// The expected results.
    #[serde(default, rename = "expect")]
    pub expectations: Vec<Expectation>,
}

/// The number of instances by role. If one process has several of these roles, the largest number counts.
pub type Scale = BTreeMap<Target, u16>;

/// Which CPU cores load and stage use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CoresSpec {
    /// The load has a core of its own, so that it takes nothing from the stage.
    #[default]
    Separate,
    /// Both use all cores, for what cannot be seen in a stage with a single core.
    Shared,
}

/// See [`DataSize`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "see `DataSize`")]
pub struct DataSpec {
    pub products: usize,
    pub promotion_units: u32,
    pub accounts: usize,
}

/// Visitors of one kind, at a rate that may have a peak.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct LoadSpec {
    pub mix: Mix,
    /// Visitors per second.
    pub rate: f64,
    pub peak: Option<PeakSpec>,
}

/// A period with a rate of its own.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct PeakSpec {
    /// After the warm-up.
    #[serde(with = "required")]
    pub at: Duration,
    #[serde(with = "required")]
    pub duration: Duration,
    pub rate: f64,
}

/// A fault, and when it begins and ends.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// After the warm-up.
    #[serde(with = "required")]
    pub at: Duration,
    /// It begins later by a random time up to this, drawn from the seed.
    #[serde(default, with = "required")]
    pub jitter: Duration,
    /// What happens.
    pub kind: FaultKind,
    /// What it happens to.
    pub target: Target,
    /// How long it lasts before it is healed; zero if absent.
    #[serde(default, with = "required")]
    pub duration: Duration,
    /// For `slow`: the latency that is added, in milliseconds.
    #[serde(default)]
    pub ms: Option<u64>,
    /// For `flaky`: the share of requests that fail, 0 to 1.
    #[serde(default)]
    pub error_rate: Option<f64>,
    /// For `kill`: it is repeated, up to [`crate::faults::MAX_KILLS`] times, until it has interrupted a write. A fast stage
    /// answers many requests just before the kill, and a kill that interrupts none tests nothing.
    #[serde(default)]
    pub repeat_until_hit: bool,
}

/// The kinds of faults. [`stage::Fault`] describes those of a process and of its links to NATS and to the payment provider.
/// `down` and `flaky` are faults of the provider, and so is `slow` if the provider is the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum FaultKind {
    Kill,
    Stop,
    Freeze,
    Hang,
    Cut,
    Down,
    Slow,
    Flaky,
}

/// A metric of the report and its bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Its name, see [`metrics`].
    pub metric: String,
    /// The upper bound.
    pub at_most: Option<f64>,
    /// The lower bound.
    pub at_least: Option<f64>,
    /// Expected of these chapters only; of all chapters if absent.
    #[serde(default)]
    pub chapters: Option<Vec<u32>>,
    /// Expected with this number of instances only; with any number if absent.
    #[serde(default)]
    pub scale: Option<Scale>,
}

/// The folder of experiments in the course, and in a chapter that brings its own.
const FOLDER: &str = "experiments";

impl Experiment {
    /// Reads an experiment of the course by its name. One of the chapter's own, in its folder `experiments/`, comes first.
    ///
    /// # Errors
    /// There is no experiment of that name, or its file is not valid. The error says what is wrong and where.
    pub fn find(root: &Path, chapter_folder: Option<&Path>, name: &str) -> Result<Self> {
        let folders: Vec<_> = chapter_folder.into_iter().chain([root]).collect();
        let files = folders.iter().map(|folder| folder.join(FOLDER).join(format!("{name}.toml")));
        let names = || folders.iter().flat_map(|folder| Self::names(folder)).collect::<BTreeSet<_>>();
        match files.into_iter().find(|file| file.is_file()) {
            Some(file) => Self::read(&file),
            None => bail!("there is no experiment {name}; there are {}", Vec::from_iter(names()).join(", ")),
        }
    }

    /// The names of all experiments of a course or of a chapter.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder.join(FOLDER)).into_iter().flatten().flatten();
        let files =
            entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "toml"));
        files.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
    }

    fn read(file: &Path) -> Result<Self> {
        let shown = || file.display().to_string();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", shown()))?;
        let mut experiment: Self = toml::from_str(&text).with_context(shown)?;
        experiment.name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        experiment.check().with_context(shown)?;
        Ok(experiment)
    }

    /// Checks what the type of a single value cannot express.
    fn check(&self) -> Result<()> {
        ensure!(!self.loads.is_empty(), "`load` is missing; an experiment has at least one [[load]]");
        ensure!(
            self.duration >= Duration::from_secs(1),
            "`duration` is {:?}; use a second or more",
            self.duration
        );
        ensure!(
            self.data.accounts > 0 && self.data.products > 0,
            "`data` has no products or no accounts; use one or more of each"
        );
        ensure!(
            self.open_payments == 0 || self.faults.iter().any(|fault| fault.kind == FaultKind::Down),
            "`open_payments` needs a fault `down`, at whose end the payment provider is healthy again"
        );
        for load in &self.loads {
            ensure!(
                (0.0..=50_000.0).contains(&load.rate),
                "`rate` is {}; use 0 to 50000 per second",
                load.rate
            );
        }
        for (target, count) in self.scale.iter().flatten() {
            ensure!(
                target.is_service() && *count > 0,
                "`scale` has {count} of {target}; use one or more of users, products, orders or gateway"
            );
        }
        for fault in &self.faults {
            fault.check()?;
            ensure!(
                fault.at + fault.jitter < self.duration,
                "a fault at {:?} begins after the load, which lasts {:?}",
                fault.at,
                self.duration
            );
        }
        self.expectations.iter().try_for_each(Expectation::check)
    }

    /// One step of a ladder of rates: visitors of one kind at a steady rate, and nothing else.
    pub fn step(mix: Mix, rate: f64) -> Self {
        let [warm_up, duration, retry_for] = [1, 4, 5].map(Duration::from_secs);
        Self {
            name: format!("step-{rate}"),
            question: format!("What is the latency at {rate} visitors per second?"),
            warm_up,
            duration,
            retry_for: Some(retry_for),
            cores: CoresSpec::Separate,
            settings: BTreeMap::new(),
            scale: Vec::new(),
            data: DataSpec { accounts: 8, ..DataSpec::default() },
            open_payments: 0,
            loads: vec![LoadSpec { mix, rate, peak: None }],
            faults: Vec::new(),
            expectations: Vec::new(),
        }
    }

    /// Every scale that it is run with.
    pub fn scales(&self) -> Vec<Scale> {
        if self.scale.is_empty() { vec![Scale::new()] } else { self.scale.clone() }
    }

    /// The streams of visitors, as [`load::Load`] takes them.
    pub fn streams(&self) -> Vec<Stream> {
        let peak = |peak: PeakSpec| Peak {
            from: self.warm_up + peak.at,
            duration: peak.duration,
            per_second: peak.rate,
        };
        let stream = |load: &LoadSpec| Stream {
            mix: load.mix,
            rate: Rate { per_second: load.rate, peak: load.peak.map(peak) },
        };
        self.loads.iter().map(stream).collect()
    }

    /// Whether a fault needs proxies in the links of a process.
    pub fn needs_links(&self) -> bool {
        self.faults.iter().any(|fault| {
            matches!(fault.kind, FaultKind::Hang | FaultKind::Cut)
                || (fault.kind == FaultKind::Slow && fault.target != Target::Provider)
        })
    }

    /// When each fault begins, counted from the end of the warm-up, in order. The times are the same for every stage.
    pub fn schedule(&self, seed: u64) -> Vec<(Duration, &FaultSpec)> {
        let mut rng = Rng::with_seed(seed);
        let mut schedule: Vec<_> =
            self.faults.iter().map(|fault| (fault.at + fault.jitter.mul_f64(rng.f64()), fault)).collect();
        schedule.sort_by_key(|(at, _)| *at);
        schedule
    }
}

impl Expectation {
    fn check(&self) -> Result<()> {
        let Self { metric, at_most, at_least, .. } = self;
        ensure!(
            metrics::is_known(metric),
            "there is no metric {metric}; there are {}",
            metrics::known().join(", ")
        );
        ensure!(
            at_most.is_some() || at_least.is_some(),
            "{metric} has no bound; add `at_most` or `at_least`"
        );
        Ok(())
    }
}

impl FaultSpec {
    fn check(&self) -> Result<()> {
        let Self { kind, target, .. } = self;
        match (kind, target) {
            (FaultKind::Hang | FaultKind::Cut, Target::Provider | Target::Nats | Target::Everything)
            | (FaultKind::Slow, Target::Nats | Target::Everything) => {
                bail!("{kind} is a fault of the links of one service; name a service, not `{target}`")
            }
            (FaultKind::Down | FaultKind::Flaky, target) if *target != Target::Provider => {
                bail!("{kind} is a fault of `provider` only, not of `{target}`")
            }
            _ => {}
        }
        ensure!(
            (*kind == FaultKind::Slow) == self.ms.is_some(),
            "`ms` belongs to `slow`, and `slow` needs it"
        );
        ensure!(
            (*kind == FaultKind::Flaky) == self.error_rate.is_some(),
            "`error_rate` belongs to `flaky`, and `flaky` needs it"
        );
        let rate = self.error_rate.unwrap_or_default();
        ensure!((0.0..=1.0).contains(&rate), "`error_rate` is {rate}; use 0 to 1");
        ensure!(
            *kind == FaultKind::Kill || !self.repeat_until_hit,
            "`repeat_until_hit` belongs to `kill`, not to `{kind}`"
        );
        Ok(())
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f) // the name in experiment files
    }
}

impl Default for DataSpec {
    fn default() -> Self {
        Self { products: 200, promotion_units: 100, accounts: 32 }
    }
}

impl From<DataSpec> for DataSize {
    fn from(DataSpec { products, promotion_units, accounts }: DataSpec) -> Self {
        Self { products, promotion_units, accounts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "question = \"?\"\nwarm_up = \"1s\"\nduration = \"20s\"\n";
    const LOAD: &str = "[[load]]\nmix = \"browse\"\nrate = 10\n";

    fn parse(rest: &str) -> Result<Experiment> {
        let experiment: Experiment = toml::from_str(&format!("{HEAD}{rest}"))?;
        experiment.check()?;
        Ok(experiment)
    }

    /// A fault in an otherwise valid experiment.
    fn fault(at: &str, kind: &str, target: &str, rest: &str) -> String {
        format!("{LOAD}[[fault]]\nat = \"{at}\"\nkind = \"{kind}\"\ntarget = \"{target}\"\n{rest}")
    }

    #[test]
    fn the_seed_decides_when_a_fault_begins_within_its_jitter() {
        let second = "[[fault]]\nat = \"2s\"\njitter = \"3s\"\nkind = \"freeze\"\ntarget = \"nats\"\n";
        let experiment = parse(&fault("9s", "kill", "users", second)).unwrap();
        let times = |seed| experiment.schedule(seed).iter().map(|(at, _)| *at).collect::<Vec<_>>();
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
        assert!(times(1)[0] >= Duration::from_secs(2) && times(1)[0] < Duration::from_secs(5));
        assert_eq!(times(1)[1], Duration::from_secs(9));
    }

    #[test]
    fn the_time_of_a_peak_is_counted_from_the_end_of_the_warm_up() {
        let peak = "peak = { at = \"5s\", duration = \"2s\", rate = 50 }\n";
        let streams = parse(&format!("{LOAD}{peak}")).unwrap().streams();
        assert_eq!(streams[0].rate.peak.unwrap().from, Duration::from_secs(6));
    }

    #[test]
    fn an_invalid_experiment_is_rejected_with_the_remedy() {
        for (text, remedy) in [
            ("load = []", "at least one [[load]]"),
            ("[[load]]\nmix = \"browse\"\nrate = -1\n", "use 0 to 50000"),
            (&fault("30s", "kill", "users", ""), "begins after the load"),
            (&fault("3s", "down", "users", ""), "`provider` only"),
            (&fault("3s", "cut", "everything", ""), "not `everything`"),
            (&fault("3s", "slow", "provider", ""), "`slow` needs it"),
            (&fault("3s", "stop", "users", "repeat_until_hit = true"), "belongs to `kill`"),
            (&format!("open_payments = 10\n{LOAD}"), "needs a fault `down`"),
            (&fault("soon", "kill", "users", ""), "at = \"soon\""),
            (&fault("1s", "kill", "shop", ""), "`users`, `products`, `orders`"),
            (&format!("scale = [{{ nats = 3 }}]\n{LOAD}"), "use one or more of users"),
            (&format!("{LOAD}[[expect]]\nmetric = \"speed\"\nat_most = 1\n"), "there is no metric speed"),
            (&format!("{LOAD}[[expect]]\nmetric = \"failed\"\n"), "`at_most` or `at_least`"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(remedy), "{remedy} is not in: {error}");
        }
    }

    #[test]
    fn a_chapters_own_experiment_comes_first_and_an_unknown_name_is_answered_with_all_names() {
        let (root, chapter) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, name, question) in [
            (root.path(), "calm", "of the course?"),
            (chapter.path(), "calm", "of the chapter?"),
            (chapter.path(), "storm", "of the chapter?"),
        ] {
            let text = format!("{HEAD}{LOAD}").replacen('?', question, 1);
            fs::create_dir_all(folder.join(FOLDER)).unwrap();
            fs::write(folder.join(FOLDER).join(format!("{name}.toml")), text).unwrap();
        }
        let question = |chapter| Experiment::find(root.path(), chapter, "calm").unwrap().question;
        assert_eq!(question(Some(chapter.path())), "of the chapter?");
        assert_eq!(question(None), "of the course?");
        let unknown = Experiment::find(root.path(), Some(chapter.path()), "quake").unwrap_err().to_string();
        assert_eq!(unknown, "there is no experiment quake; there are calm, storm");
    }

    #[test]
    fn every_experiment_of_the_course_is_valid() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let names = Experiment::names(&root);
        assert!(!names.is_empty());
        for name in names {
            Experiment::find(&root, None, &name).unwrap();
        }
    }
}

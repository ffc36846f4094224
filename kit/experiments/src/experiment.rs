//! A file of `experiments/`: what is asked of a stage, what is done to it meanwhile, and what is expected.
//!
//! ```toml
//! question = "Does browsing go on while orders is dead?"
//! warm_up = "3s"
//! lasts = "20s"
//!
//! [[load]]                      # visitors of one kind; several of these come together
//! mix = "browse"
//! rate = 200                    # a second
//!
//! [[fault]]
//! at = "8s"                     # after the warm-up
//! within = "2s"                 # and up to so much later, as the seed says
//! do = "kill"
//! to = "orders"                 # the process with that duty; `everything`: all of them, NATS too
//! lasts = "3s"                  # then it is healed
//!
//! [[expect]]
//! figure = "failed"
//! at_most = 0
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
    str::FromStr,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use jiff::SignedDuration;
use load::{Mix, Peak, Rate, Stream, market::Stock};
use serde::{Deserialize, Serialize};

use crate::{duty::Target, figures};

/// A parsed and checked experiment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// The file's name without `.toml`.
    #[serde(skip)]
    pub name: String,
    /// What it answers.
    pub question: String,
    /// Visitors who come first and count in no figure.
    pub warm_up: Time,
    /// How long they come after that.
    pub lasts: Time,
    /// How long a question is repeated until it is given up; half a minute where absent.
    #[serde(default)]
    pub patience: Option<Time>,
    /// Environment variables of every process of the stage.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// It is run once with each of these; once with as many instances as the manifest says where there is none.
    #[serde(default)]
    pub scale: Vec<Scale>,
    /// What is for sale, and who buys.
    #[serde(default)]
    pub stock: StockSpec,
    /// Who comes.
    #[serde(rename = "load")]
    pub loads: Vec<LoadSpec>,
    /// What is done to the stage meanwhile.
    #[serde(default, rename = "fault")]
    pub faults: Vec<FaultSpec>,
    /// What has to come of it.
    #[serde(default, rename = "expect")]
    pub expectations: Vec<Expectation>,
}

/// Instances by duty: so many of the process that does it. Where one process has several duties, the largest counts.
pub type Scale = BTreeMap<Target, u16>;

/// A time as people write it: `250ms`, `3s`, `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(pub Duration);

/// See [`Stock`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "`Stock` says it")]
pub struct StockSpec {
    pub products: usize,
    pub promotion: u32,
    pub accounts: usize,
}

/// Visitors of one kind, at a rate that may have a peak.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct LoadSpec {
    pub mix: Mix,
    /// Visitors a second.
    pub rate: f64,
    pub peak: Option<PeakSpec>,
}

/// A while with a rate of its own.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct PeakSpec {
    /// After the warm-up.
    pub at: Time,
    pub lasts: Time,
    pub rate: f64,
}

/// Something that is done to a stage, and when it ends.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// After the warm-up.
    pub at: Time,
    /// Up to so much later, as the seed says.
    #[serde(default)]
    pub within: Option<Time>,
    /// What.
    #[serde(rename = "do")]
    pub deed: Deed,
    /// To whom.
    pub to: Target,
    /// After that it is healed; at once where it is absent.
    #[serde(default)]
    pub lasts: Option<Time>,
    /// Of `slow`: milliseconds that everything takes longer.
    #[serde(default)]
    pub ms: Option<u64>,
    /// Of `flaky`: the share of requests that fail, 0 to 1.
    #[serde(default)]
    pub share: Option<f64>,
}

/// What can be done. See [`stage::Fault`] for those to a process and to its links to NATS and to the provider; `down` and
/// `flaky` are the provider's, and `slow` too where it is done to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Deed {
    Kill,
    Stop,
    Freeze,
    Hang,
    Cut,
    Down,
    Slow,
    Flaky,
}

/// A figure of the report and its bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Its name, see [`figures`].
    pub figure: String,
    /// It is at most this.
    pub at_most: Option<f64>,
    /// It is at least this.
    pub at_least: Option<f64>,
    /// Expected of these chapters only; of all where absent.
    #[serde(default)]
    pub chapters: Option<Vec<u32>>,
    /// Expected with these instances only; whatever their number where absent.
    #[serde(default)]
    pub scale: Option<Scale>,
}

/// Of a course, and of a chapter that brings its own.
const FOLDER: &str = "experiments";

impl Experiment {
    /// Reads an experiment of a course by its name. A chapter may bring its own, in its folder `experiments/`.
    ///
    /// # Errors
    /// There is none of that name, or it cannot be used: the error says what is wrong where.
    pub fn find(root: &Path, chapter_folder: Option<&Path>, name: &str) -> Result<Self> {
        let folders: Vec<_> = chapter_folder.into_iter().chain([root]).collect();
        let files = folders.iter().map(|folder| folder.join(FOLDER).join(format!("{name}.toml")));
        let there = || folders.iter().flat_map(|folder| Self::names(folder)).collect::<BTreeSet<_>>();
        match files.into_iter().find(|file| file.is_file()) {
            Some(file) => Self::read(&file),
            None => bail!("there is no experiment {name}; there are {}", Vec::from_iter(there()).join(", ")),
        }
    }

    /// The names of all experiments that a course or a chapter has.
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

    /// What each value alone cannot say.
    fn check(&self) -> Result<()> {
        ensure!(!self.loads.is_empty(), "`load` is missing; an experiment has at least one [[load]]");
        ensure!(
            self.lasts.0 >= Duration::from_secs(1),
            "`lasts` is {}; let it last a second or more",
            self.lasts
        );
        ensure!(
            self.stock.accounts > 0 && self.stock.products > 0,
            "`stock` has neither products nor accounts"
        );
        for load in &self.loads {
            ensure!(
                (0.0..=50_000.0).contains(&load.rate),
                "`rate` is {}; use 0 to 50000 a second",
                load.rate
            );
        }
        for (to, count) in self.scale.iter().flatten() {
            ensure!(
                to.is_service() && *count > 0,
                "`scale` has {count} of {to}; use one or more of users, products, orders or gateway"
            );
        }
        for fault in &self.faults {
            fault.check()?;
            let end = fault.at.0 + fault.within.map_or(Duration::ZERO, |time| time.0);
            ensure!(
                end < self.lasts.0,
                "a fault at {} comes after the load, which lasts {}",
                fault.at,
                self.lasts
            );
        }
        self.expectations.iter().try_for_each(Expectation::check)
    }

    /// A step of a ladder: visitors of one kind at a steady rate, and nothing else.
    pub fn step(mix: Mix, rate: f64) -> Self {
        let [warm_up, lasts, patience] = [1, 4, 5].map(|seconds| Time(Duration::from_secs(seconds)));
        Self {
            name: format!("step-{rate}"),
            question: format!("How long does a customer wait at {rate} a second?"),
            warm_up,
            lasts,
            patience: Some(patience),
            settings: BTreeMap::new(),
            scale: Vec::new(),
            stock: StockSpec { accounts: 8, ..StockSpec::default() },
            loads: vec![LoadSpec { mix, rate, peak: None }],
            faults: Vec::new(),
            expectations: Vec::new(),
        }
    }

    /// Every scale that it is run with.
    pub fn scales(&self) -> Vec<Scale> {
        if self.scale.is_empty() { vec![Scale::new()] } else { self.scale.clone() }
    }

    /// The streams of visitors, as the load takes them.
    pub fn streams(&self) -> Vec<Stream> {
        let peak = |peak: PeakSpec| Peak {
            from: self.warm_up.0 + peak.at.0,
            lasts: peak.lasts.0,
            per_second: peak.rate,
        };
        let stream = |load: &LoadSpec| Stream {
            mix: load.mix,
            rate: Rate { per_second: load.rate, peak: load.peak.map(peak) },
        };
        self.loads.iter().map(stream).collect()
    }

    /// Whether a fault is done to the links of a process, so that proxies have to stand there.
    pub fn needs_links(&self) -> bool {
        self.faults.iter().any(|fault| {
            matches!(fault.deed, Deed::Hang | Deed::Cut)
                || (fault.deed == Deed::Slow && fault.to != Target::Provider)
        })
    }

    /// When each fault comes, counted from the end of the warm-up, in that order: the same for every stage.
    pub fn schedule(&self, seed: u64) -> Vec<(Duration, &FaultSpec)> {
        let mut rng = Rng::with_seed(seed);
        let mut schedule: Vec<_> = self
            .faults
            .iter()
            .map(|fault| {
                (fault.at.0 + fault.within.map_or(Duration::ZERO, |time| time.0).mul_f64(rng.f64()), fault)
            })
            .collect();
        schedule.sort_by_key(|(at, _)| *at);
        schedule
    }
}

impl Expectation {
    fn check(&self) -> Result<()> {
        let Self { figure, at_most, at_least, .. } = self;
        ensure!(figures::is_known(figure), "there is no figure {figure}; there are {}", figures::known());
        ensure!(
            at_most.is_some() || at_least.is_some(),
            "expect `at_most` or `at_least` something of {figure}"
        );
        Ok(())
    }
}

impl FaultSpec {
    fn check(&self) -> Result<()> {
        let to = &self.to;
        match (self.deed, to) {
            (Deed::Hang | Deed::Cut, Target::Provider | Target::Nats | Target::Everything)
            | (Deed::Slow, Target::Nats | Target::Everything) => {
                bail!("{} is done to the links of a service; name one, not `{to}`", self.deed)
            }
            (Deed::Down | Deed::Flaky, to) if *to != Target::Provider => {
                bail!("{} can be done to `provider` only, not to `{to}`", self.deed)
            }
            _ => {}
        }
        ensure!(
            (self.deed == Deed::Slow) == self.ms.is_some(),
            "`ms` belongs to `slow`, and `slow` needs it"
        );
        ensure!(
            (self.deed == Deed::Flaky) == self.share.is_some(),
            "`share` belongs to `flaky`, and `flaky` needs it"
        );
        let share = self.share.unwrap_or_default();
        ensure!((0.0..=1.0).contains(&share), "`share` is {share}; use 0 to 1");
        Ok(())
    }
}

impl Default for StockSpec {
    fn default() -> Self {
        Self { products: 200, promotion: 100, accounts: 32 }
    }
}

impl From<StockSpec> for Stock {
    fn from(StockSpec { products, promotion, accounts }: StockSpec) -> Self {
        Self { products, promotion, accounts }
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = text.parse::<SignedDuration>().ok().filter(|time| !time.is_negative());
        let time = time.ok_or_else(|| format!("{text:?} is no time; write 250ms, 3s or 2m"))?;
        Ok(Self(time.unsigned_abs()))
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Freeze => "freeze",
            Self::Hang => "hang",
            Self::Cut => "cut",
            Self::Down => "down",
            Self::Slow => "slow",
            Self::Flaky => "flaky",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "question = \"?\"\nwarm_up = \"1s\"\nlasts = \"20s\"\n";
    const LOAD: &str = "[[load]]\nmix = \"browse\"\nrate = 10\n";

    fn parse(rest: &str) -> Result<Experiment> {
        let experiment: Experiment = toml::from_str(&format!("{HEAD}{rest}"))?;
        experiment.check()?;
        Ok(experiment)
    }

    fn complaint(rest: &str) -> String {
        format!("{:#}", parse(rest).unwrap_err())
    }

    #[test]
    fn faults_come_when_the_seed_says_within_their_time() {
        let faults = "[[fault]]\nat = \"9s\"\ndo = \"kill\"\nto = \"users\"\n\
            [[fault]]\nat = \"2s\"\nwithin = \"3s\"\ndo = \"freeze\"\nto = \"nats\"\nlasts = \"1s\"\n";
        let experiment = parse(&format!("{LOAD}{faults}")).unwrap();
        let times = |seed| experiment.schedule(seed).iter().map(|(at, _)| *at).collect::<Vec<_>>();
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
        assert!(times(1)[0] >= Duration::from_secs(2) && times(1)[0] < Duration::from_secs(5));
        assert_eq!(times(1)[1], Duration::from_secs(9));
    }

    #[test]
    fn a_peak_counts_from_the_end_of_the_warm_up() {
        let peak = "peak = { at = \"5s\", lasts = \"2s\", rate = 50 }\n";
        let streams = parse(&format!("{LOAD}{peak}")).unwrap().streams();
        assert_eq!(streams[0].rate.peak.unwrap().from, Duration::from_secs(6));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_remedy() {
        for (text, says) in [
            ("load = []", "at least one [[load]]"),
            ("[[load]]\nmix = \"browse\"\nrate = -1\n", "use 0 to 50000"),
            (
                &format!("{LOAD}[[fault]]\nat = \"30s\"\ndo = \"kill\"\nto = \"users\"\n"),
                "comes after the load",
            ),
            (&format!("{LOAD}[[fault]]\nat = \"3s\"\ndo = \"down\"\nto = \"users\"\n"), "`provider` only"),
            (
                &format!("{LOAD}[[fault]]\nat = \"3s\"\ndo = \"cut\"\nto = \"everything\"\n"),
                "name one, not `everything`",
            ),
            (&format!("{LOAD}[[fault]]\nat = \"3s\"\ndo = \"slow\"\nto = \"provider\"\n"), "`slow` needs it"),
            (&format!("scale = [{{ nats = 3 }}]\n{LOAD}"), "use one or more of users"),
            (&format!("{LOAD}[[expect]]\nfigure = \"speed\"\nat_most = 1\n"), "there is no figure speed"),
            (&format!("{LOAD}[[expect]]\nfigure = \"failed\"\n"), "`at_most` or `at_least`"),
            (
                &format!("{LOAD}[[fault]]\nat = \"soon\"\ndo = \"kill\"\nto = \"users\"\n"),
                "write 250ms, 3s or 2m",
            ),
            (
                &format!("{LOAD}[[fault]]\nat = \"1s\"\ndo = \"kill\"\nto = \"shop\"\n"),
                "users, products, orders",
            ),
        ] {
            let error = complaint(text);
            assert!(error.contains(says), "{says} is not in: {error}");
        }
    }

    #[test]
    fn a_chapters_own_experiment_is_found_first_and_an_unknown_one_is_answered_with_all_there_are() {
        let (root, chapter) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, name, question) in [
            (root.path(), "calm", "theirs?"),
            (chapter.path(), "calm", "ours?"),
            (chapter.path(), "storm", "ours?"),
        ] {
            let text = format!("{HEAD}{LOAD}").replacen('?', question, 1);
            fs::create_dir_all(folder.join(FOLDER)).unwrap();
            fs::write(folder.join(FOLDER).join(format!("{name}.toml")), text).unwrap();
        }
        let question = |chapter| Experiment::find(root.path(), chapter, "calm").unwrap().question;
        assert_eq!(question(Some(chapter.path())), "ours?");
        assert_eq!(question(None), "theirs?");
        let unknown = Experiment::find(root.path(), Some(chapter.path()), "quake").unwrap_err().to_string();
        assert_eq!(unknown, "there is no experiment quake; there are calm, storm");
    }

    #[test]
    fn every_experiment_of_the_course_can_be_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let names = Experiment::names(&root);
        assert!(!names.is_empty());
        for name in names {
            Experiment::find(&root, None, &name).unwrap();
        }
    }
}

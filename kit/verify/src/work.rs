//! What each kind of step does. Its output goes to standard output and standard error.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use stage::{
    Course, Guard, Options, Stage,
    guard::ProcessGroup,
    nats::{Server, ToolCache},
};
use tokio::process::Command;

use crate::{
    inputs::Inputs,
    readme,
    step::{Step, Work, Workspace},
};

/// Numbers of instances with which the requests of one customer reach different instances of every service.
const SCALED: [(&str, u16); 4] = [("users", 2), ("products", 3), ("orders", 2), ("gateway", 2)];
/// Settings that let orders and tokens expire within a test.
const SHORT_LIVED: [(&str, &str); 2] = [("ORDER_TTL", "3s"), ("TOKEN_TTL", "3s")];

/// Runs a step.
///
/// # Errors
/// It failed.
pub async fn run(course: &Course, step: &Step) -> Result<()> {
    let runner = Runner { course, step };
    match step.work {
        Work::Formatting(workspace) => runner.cargo(workspace, &["fmt", "--all", "--check"]).await,
        Work::Lints(workspace) => {
            let options = ["--all-targets", "--", "-D", "warnings"];
            runner.on_new_crates(workspace, &["clippy", "--quiet"], &options).await
        }
        Work::Documentation(workspace) => {
            runner.on_new_crates(workspace, &["doc", "--quiet", "--no-deps"], &[]).await
        }
        Work::Tests(workspace) => runner.on_new_crates(workspace, &["test", "--no-fail-fast"], &[]).await,
        Work::Program(words, chapter) => {
            let chapter = chapter.map(|number| number.to_string());
            runner.program(words.iter().copied().chain(chapter.as_deref()), &[]).await
        }
        Work::Acceptance(chapter) => runner.acceptance(chapter, Options::default()).await,
        Work::AcceptanceScaled(chapter) => {
            let scale = SCALED.map(|(service, count)| (service.to_owned(), count)).into();
            runner.acceptance(chapter, Options { scale, ..Options::default() }).await
        }
        Work::Expiry(chapter) => runner.expiry(chapter).await,
        Work::Readme(chapter) => readme::run(course, &runner.run_dir(), chapter).await,
        Work::PowerCut(chapter) => {
            let run_dir = runner.run_dir();
            let command = ["experiments", "lab", "power-cut", &chapter.to_string(), "--debug"];
            runner.program(command, &[("STEPWISE_RUN_DIR", &run_dir)]).await
        }
        // Recorded output comes from the commands of `kit`.
        Work::Book => runner.program(["book", "--check"], &[("STEPWISE_KIT", &Guard::find_program()?)]).await,
    }
}

struct Runner<'a> {
    course: &'a Course,
    step: &'a Step,
}

impl Runner<'_> {
    /// The run folder of this step's stages. The logs stay there, to analyse a failure.
    fn run_dir(&self) -> PathBuf {
        self.course.run_dir().join("tests").join(self.step.slug())
    }

    async fn start_stage(&self, chapter: u32, options: Options) -> Result<Stage> {
        Ok(Stage::launch(self.course, chapter, &self.run_dir(), options).await?)
    }

    /// The acceptance suite and the tour, and the audit of the resulting data.
    async fn acceptance(&self, chapter: u32, options: Options) -> Result<()> {
        let stage = self.start_stage(chapter, options).await?;
        let results = [
            self.suite(&stage, &[]).await.context("the acceptance suite failed"),
            self.tour(&stage).await.context("the tour failed"),
            self.kit(&["audit"], Stdio::inherit()).await.context("the audit failed"),
        ];
        stage.stop().await;
        results.into_iter().collect()
    }

    async fn expiry(&self, chapter: u32) -> Result<()> {
        let settings = SHORT_LIVED.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let stage = self.start_stage(chapter, Options { settings, ..Options::default() }).await?;
        let result = self.suite(&stage, &["--short-lived"]).await;
        stage.stop().await;
        result
    }

    async fn suite(&self, stage: &Stage, more: &[&str]) -> Result<()> {
        let status = stage.status_file();
        let status = status.to_str().context("the path of the run folder is not UTF-8")?;
        self.program(["acceptance", "--status", status].into_iter().chain(more.iter().copied()), &[]).await
    }

    async fn tour(&self, stage: &Stage) -> Result<()> {
        let tour: &[_] = if stage.status().nats.is_some() { &["tour", "--messages"] } else { &["tour"] };
        self.kit(tour, Stdio::null()).await
    }

    /// Runs `kit` with the run folder of this step. The program is looked up each time, because a test may have replaced it.
    async fn kit(&self, command: &[&str], output: Stdio) -> Result<()> {
        let mut kit = Command::new(Guard::find_program()?);
        kit.arg("--run-dir").arg(self.run_dir()).args(command).stdout(output);
        run_to_success(kit).await
    }

    /// Compiles and runs a program of the kit: its name, then its arguments.
    async fn program<'b>(
        &self,
        words: impl IntoIterator<Item = &'b str>,
        variables: &[(&str, &Path)],
    ) -> Result<()> {
        let mut words = words.into_iter();
        let name = words.next().context("a program has a name")?;
        // All programs and the tests in one build, because other selections would have other features and compile dependencies again.
        let root = &self.course.root;
        run_to_success(cargo_command(root, &["build", "--quiet", "--workspace", "--bins", "--tests"]))
            .await?;
        let mut program = Command::new(root.join("target/debug").join(name));
        program.args(words).current_dir(root).env_clear().envs(stage::environment::inherited());
        program.envs(variables.iter().copied());
        run_to_success(program).await
    }

    async fn cargo(&self, workspace: Workspace, arguments: &[&str]) -> Result<()> {
        run_to_success(cargo_command(&self.folder(workspace)?, arguments)).await
    }

    /// Runs Cargo on the crates of a workspace that no stage before contains.
    async fn on_new_crates(&self, workspace: Workspace, command: &[&str], options: &[&str]) -> Result<()> {
        let packages = self.packages(workspace)?;
        let Some(packages) = packages else {
            println!("every crate was tested in an earlier chapter");
            return Ok(());
        };
        let mut cargo = cargo_command(&self.folder(workspace)?, command);
        cargo.args(packages).args(options);
        // The tests that need a NATS server start this one.
        if matches!(self.step.work, Work::Tests(Workspace::Stage(number)) if self.course.chapter(number)?.manifest.nats)
        {
            cargo.env("NATS_SERVER", nats_server(self.course).await?.program);
        }
        run_to_success(cargo).await
    }

    /// The options that select the crates to test. None if there are none.
    fn packages(&self, workspace: Workspace) -> Result<Option<Vec<String>>> {
        let all = vec!["--workspace".to_owned()];
        let Workspace::Stage(chapter) = workspace else { return Ok(Some(all)) };
        let inputs = Inputs::read(self.course)?;
        let crates = inputs.crates(chapter).context("the stage has no crates")?;
        if crates.old.is_empty() {
            return Ok(Some(all));
        }
        let selected: Vec<_> = crates.new.iter().map(|name| format!("--package={name}")).collect();
        Ok((!selected.is_empty()).then_some(selected))
    }

    fn folder(&self, workspace: Workspace) -> Result<PathBuf> {
        Ok(match workspace {
            Workspace::Kit => self.course.root.clone(),
            Workspace::Stage(number) => self.course.chapter(number)?.workspace(),
        })
    }
}

/// The server that a stage would run with. It is fetched if necessary.
///
/// # Errors
/// It cannot be fetched.
pub async fn nats_server(course: &Course) -> Result<Server> {
    Ok(ToolCache::of(&course.root).find_or_fetch(None).await?)
}

fn cargo_command<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(folder);
    cargo.env_clear().envs(stage::environment::of_workspace(folder)).env("RUSTDOCFLAGS", "-D warnings");
    cargo
}

/// Runs a command until it exits. Dropping the future ends the command and its child processes.
async fn run_to_success(mut command: Command) -> Result<()> {
    let mut child = command.stdin(Stdio::null()).process_group(0).spawn().context("cannot start it")?;
    let _group = ProcessGroup::led_by(child.id());
    let status = child.wait().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

//! `kit chapter`: builds and starts a stage, and prints its log until Ctrl-C.

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use stage::{Chapter, Course, Line, Options, Profile, Programs, RunFolder, Stage};
use tokio::sync::mpsc;

use crate::{
    merged_log,
    signals::Signals,
    status,
    table::{relative, table},
    terminal,
};

/// The stage and its options.
#[derive(clap::Args)]
#[command(
    after_help = "Ctrl-C, `just stop`, and closing the terminal stop every process. The exit code is 130 after Ctrl-C, and 0 otherwise.\n\
    A setting is an environment variable of every service, for example --set ORDER_TTL=3s."
)]
pub(crate) struct Args {
    /// The chapter's number
    chapter: u32,
    /// Keeps the data of the last run of this chapter, instead of starting empty
    #[arg(long)]
    keep_data: bool,
    /// Compiles with optimisations, for measurements; the build takes longer
    #[arg(long)]
    release: bool,
    /// A setting for every service
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// The number of instances of a service, as in users=2,products=3. The instances share one `SQLite` file, so reads
    /// scale and writes do not. The instances of a public service are behind a load balancer
    #[arg(long, value_name = "SERVICE=N", value_parser = instances, value_delimiter = ',')]
    scale: Vec<(String, u16)>,
    /// Opens a proxy from each service to NATS and to the payment provider, for `just break SERVICE slow|hang|cut`
    #[arg(long)]
    faults: bool,
    /// The first port to try; the others follow, and a port in use is skipped
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
}

/// Log lines buffered for the terminal. If it is full, further lines are only in the log files.
const BACKLOG: usize = 4096;

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE, for example ORDER_TTL=3s".to_owned()),
    }
}

fn instances(text: &str) -> Result<(String, u16), String> {
    let parsed =
        text.split_once('=').and_then(|(service, count)| Some((service.to_owned(), count.parse().ok()?)));
    parsed.ok_or_else(|| {
        "write it as SERVICE=N, or several with commas between, for example users=2,products=3".to_owned()
    })
}

pub(crate) async fn run(course: &Course, run_dir: &Path, args: Args) -> Result<ExitCode> {
    let chapter = course.chapter(args.chapter)?;
    let (log, lines) = mpsc::channel(BACKLOG);
    let options = options(args, log);
    options.check(&chapter.manifest)?; // before the build, which takes minutes
    let mut signals = Signals::new()?;
    let stage = tokio::select! {
        stage = start(course, &chapter, run_dir, options) => stage?,
        _ = signals.next() => {
            terminal::log("interrupted; all processes of the stage have been stopped");
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut printed = merged_log::print(welcome(&chapter, &stage), lines, &stage.status().processes);
    let (read, code) = tokio::select! {
        code = signals.next() => (true, code),
        _ = &mut printed => (false, ExitCode::SUCCESS), // the terminal or the pipe is closed
    };
    terminal::log("stopping");
    stage.stop().await;
    if read {
        tokio::time::timeout(Duration::from_secs(1), printed).await.ok();
    }
    terminal::log(&format!("chapter {} stopped, all of its processes have ended", chapter.manifest.number));
    Ok(code)
}

fn options(args: Args, log: mpsc::Sender<Line>) -> Options {
    Options {
        profile: if args.release { Profile::Release } else { Profile::Debug },
        keep_data: args.keep_data,
        first_port: Some(args.port),
        settings: args.settings.into_iter().collect(),
        scale: args.scale.into_iter().collect(),
        fault_proxies: args.faults,
        log: Some(log),
        ..Options::default()
    }
}

/// Builds and starts the stage. Dropping the future stops what was started.
async fn start(course: &Course, chapter: &Chapter, run_dir: &Path, options: Options) -> Result<Stage> {
    let run = RunFolder::claim(run_dir, chapter.manifest.number, &std::env::current_exe()?).await?;
    terminal::log(&format!("building chapter {}, {}", chapter.manifest.number, chapter.manifest.title));
    let programs = Programs::build(course, chapter, options.profile, &run).await?;
    let logs = run.logs();
    terminal::log("starting");
    let mut started = Box::pin(Stage::start(chapter, &programs, run, options));
    let since = Instant::now();
    loop {
        match tokio::time::timeout(Duration::from_secs(5), &mut started).await {
            Ok(stage) => return Ok(stage?),
            Err(_) => terminal::log(&format!(
                "not ready after {} s; the output of the processes is in {}",
                since.elapsed().as_secs(),
                relative(&logs)
            )),
        }
    }
}

/// The processes, the log-ins, and commands to try.
fn welcome(chapter: &Chapter, stage: &Stage) -> String {
    let status = stage.status();
    let taken = match stage.ports_taken() {
        [] => String::new(),
        ports => format!("Skipped because another program uses it: port {}.\n", join(ports)),
    };
    let api = status.routes.values().next().map_or("", String::as_str);
    let victim = chapter.manifest.processes.last().map_or("shop", |process| process.service.as_str());
    let to_try = [
        ["just tour".to_owned(), "one customer's journey, request by request".to_owned()],
        [format!("curl {api}/products"), "browse".to_owned()],
        [format!("{api}/docs"), "the whole API, in a browser".to_owned()],
        [format!("just break {victim} kill"), "a crash".to_owned()],
        [format!("just break {victim} heal"), "restart it".to_owned()],
        ["just audit".to_owned(), "was anything lost, duplicated or oversold?".to_owned()],
        ["just stop".to_owned(), "or Ctrl-C here".to_owned()],
    ];
    format!(
        "\nChapter {}, {}, is ready.\n{taken}\n{}\nTo try, in another terminal:\n\n{}\n",
        chapter.manifest.number,
        chapter.manifest.title,
        status::describe(&status),
        table(&to_try)
    )
}

fn join(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

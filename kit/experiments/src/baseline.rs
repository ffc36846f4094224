//! The limits of the machine, measured in turn with the stages: a bare read and a bare commit, each behind one HTTP handler.
//! Rates differ from machine to machine; the ratio of a stage's rate to these limits differs much less.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use load::{
    cores::{self, Cores},
    saturation::saturate,
};
use shop_client::Request;
use stage::{Chapter, Course, Manifest, Options, Profile, Programs, RunFolder, Stage};

/// How long each limit is measured.
const DURATION: Duration = Duration::from_secs(2);
const IN_FLIGHT: usize = 32;
/// About as long as a stored order.
const ROW: [u8; 300] = [b'.'; 300];
const ROWS: u32 = 1000;

/// `bare_read_per_second` and `bare_commit_per_second`, with 32 requests in flight. `program` is `limits` of `benches/`.
///
/// # Errors
/// The program is missing, or does not respond as it should.
pub async fn measure(course: &Course, program: &Path, cores: &Cores) -> Result<BTreeMap<String, f64>> {
    ensure!(
        program.is_file(),
        "{} is missing; build it: cargo build --release -p benches",
        program.display()
    );
    let folder = course.root.join("benches");
    let manifest = Manifest::read(&folder.join("limits.toml"))?;
    let run = course.run_dir().join("lab").join("limits");
    let run = RunFolder::claim(&run, manifest.number, program).await?;
    let programs = Programs::built([("limits", program.to_owned())]);
    let settings = [("STEPWISE_PRODUCTS".to_owned(), ROWS.to_string())].into();
    let cores_of_the_stage = cores.stage.clone();
    let options =
        Options { profile: Profile::Release, settings, cores: cores_of_the_stage, ..Options::default() };
    cores::pin_to(&cores.load);
    let limits = Stage::start(&Chapter { folder, manifest }, &programs, run, options).await;
    let limits = limits.context("cannot start `limits`")?;
    let status = limits.status();
    let read = |n: u32| Request::get(format!("/products/018bcfe5-6800-7000-8000-{:012x}", n % ROWS));
    let read = saturate(&status, cores.load.clone(), IN_FLIGHT, DURATION, read).await;
    let commit = |_| Request::post("/rows").body(ROW);
    let commit = saturate(&status, cores.load.clone(), IN_FLIGHT, DURATION, commit).await;
    limits.stop().await;
    Ok([("bare_read_per_second".to_owned(), read?), ("bare_commit_per_second".to_owned(), commit?)].into())
}

//! An experiment from end to end: a stage of its own, load, a kill, a provider that is away, the audit, the report.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use experiments::report::Report;
use stage::RunFolder;

#[test]
fn an_experiment_proves_what_it_did_and_leaves_nothing_running() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let run_dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_experiments"))
        .args(["lab", "smoke", "1", "--debug", "--json"])
        .current_dir(root)
        .env_clear()
        .envs(stage::environment::inherited())
        .env("STEPWISE_RUN_DIR", run_dir.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let reports: Vec<Report> = serde_json::from_slice(&output.stdout).unwrap();
    let [report] = &reports[..] else { panic!("one chapter, {} reports", reports.len()) };

    assert!(report.audit.orders > 0 && report.audit.broken.is_empty(), "{report}");
    assert!(report.expectations.iter().all(|judged| judged.met), "{report}");
    let services: Vec<_> = report.faults.iter().map(|fault| fault.service.as_deref()).collect();
    assert_eq!(services, [Some("shop"), Some("payments"), None]); // chapter 1 has no NATS to lose
    assert!(report.faults[0].cut > 0 && report.figures["retries"] > 0.0, "{report}");
    // A busy machine makes the load late: then it says so, and gives no times.
    assert_eq!(report.refused.is_none(), report.figures.contains_key("browse_p99_ms"), "{report}");
    assert_eq!(output.status.success(), report.is_good());
    assert_eq!(RunFolder::holder(&run_dir.path().join("lab/chapter-1")), None);
}

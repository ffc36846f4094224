//! One experiment from end to end: a stage, a load, a kill, a provider that is down, the audit and the report.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use experiments::report::{Report, Verdict};
use stage::RunFolder;

#[test]
fn an_experiment_reports_what_it_did_and_leaves_no_process_running() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let run_dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_experiments"))
        .args(["lab", "smoke", "1", "--debug", "--json"])
        .current_dir(root)
        .env_clear()
        .envs(stage::environment::inherited())
        .env("STEPWISE_RUN_DIR", run_dir.path())
        // Nothing listens there: a request to the stage that went through a proxy would fail.
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("http_proxy", "http://127.0.0.1:9")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let reports: Vec<Report> = serde_json::from_slice(&output.stdout).unwrap();
    let [report] = &reports[..] else { panic!("one chapter, {} reports", reports.len()) };

    assert!(report.audit.orders > 0 && report.audit.broken.is_empty(), "{report}");
    assert!(report.expectations.iter().all(|result| result.met), "{report}");
    let services: Vec<_> = report.faults.iter().map(|fault| fault.service.as_deref()).collect();
    assert_eq!(services, [Some("shop"), Some("payments"), None]); // chapter 1 has no NATS server
    assert!(report.faults[0].interrupted > 0 && report.metrics["retries"] > 0.0, "{report}");
    // On a busy machine the load may fall behind its schedule. Then the report says so and contains no timings.
    assert_eq!(report.invalid_timings.is_none(), report.metrics.contains_key("browse_p99_ms"), "{report}");
    assert_eq!(output.status.success(), report.verdict() == Verdict::Passed);
    assert_eq!(RunFolder::holder(&run_dir.path().join("lab/chapter-1")), None);
}

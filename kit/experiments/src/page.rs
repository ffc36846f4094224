//! A comparison in the book: charts among its drawings, and a table in a page, between two markers. Authors write the text
//! around them.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{
    chart::{Availability, Bars, Lines, Panel},
    compare::{Comparison, Repeated, StageResults, Step},
    spread::Spread,
};

/// The page, from the course's root.
pub const PAGE: &str = "book/src/bought.md";
const BEGIN: &str = "<!-- figures: written by `just compare --book` -->";
/// What the rates of check-outs count, so that nobody compares them with the rate of a benchmark that only places orders.
const CHECK_OUT: &str = "A *check-out* is everything that a customer does to buy: place an order, poll it until its stock is \
    held, pay, and poll until it is paid; one customer in ten logs in first. An order is *placed* when its stock is held. \
    `just bench N --only orders` measures placing alone, without log-ins, polls and payments, so its rate is higher.";
const END: &str = "<!-- end of figures -->";

/// A row of the table: its label, the experiment and the metric.
const ROWS: [(&str, &str, &str); 17] = [
    (
        "One process killed: browsing that succeeded meanwhile, %",
        "kill-one",
        "browse_success_in_faults_percent",
    ),
    (
        "One process killed: placing and paying that succeeded meanwhile, %",
        "kill-one",
        "order_success_in_faults_percent",
    ),
    ("Five kills: time until an order is placed, p95, ms", "kill-one", "placed_p95_ms"),
    ("Five kills: requests that failed after retries", "kill-one", "failed"),
    ("Five kills: orders that are stuck", "kill-one", "orders_stuck"),
    ("Flash sale: units sold of 100", "flash-sale", "promotion_units_sold"),
    ("Flash sale: browsing, p99, ms", "flash-sale", "browse_p99_ms"),
    ("Flash sale: requests that failed after retries", "flash-sale", "failed"),
    (
        "600 reads per second: served by one instance, limited to 200",
        "scale-out products=1",
        "browse_per_second",
    ),
    ("600 reads per second: served by two instances", "scale-out products=2", "browse_per_second"),
    ("600 reads per second: served by four instances", "scale-out products=4", "browse_per_second"),
    ("Memory with one instance, MB", "scale-out products=1", "memory_mb"),
    ("Memory with two instances, MB", "scale-out products=2", "memory_mb"),
    ("Memory with four instances, MB", "scale-out products=4", "memory_mb"),
    ("20 check-outs and 200 reads per second: memory, MB", "kill-one", "memory_mb"),
    ("20 check-outs and 200 reads per second: processes", "kill-one", "processes"),
    ("20 check-outs and 200 reads per second: CPU, % of one core", "kill-one", "stage_cpu_percent"),
];

/// The charts, each with the name of its drawing.
pub fn charts(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let stages = &comparison.stages;
    let lines = |title: &str, metric: &str, of: fn(&StageResults) -> &Vec<Step>, x: &str| Lines {
        title: title.to_owned(),
        x: x.to_owned(),
        y: "milliseconds".to_owned(),
        series: stages.iter().map(|stage| (name(stage), points(of(stage), metric))).collect(),
    };
    let browse = lines("Browsing: p99 by load", "browse_p99_ms", |stage| &stage.browse, "reads per second");
    let placed = lines(
        "Time until placed: p95 by load",
        "placed_p95_ms",
        |stage| &stage.checkout,
        "check-outs per second",
    );
    let panels = stages.iter().filter_map(|stage| Some(panel(stage, stage.experiments.get("kill-one")?)));
    let availability =
        Availability { title: "Browsing: success at the first attempt".to_owned(), panels: panels.collect() };
    let memory =
        |stage: &StageResults| Some((name(stage), stage.experiments.get("kill-one")?.median("memory_mb")?));
    let memory = Bars {
        title: "Memory of all processes, MB".to_owned(),
        bars: stages.iter().filter_map(memory).collect(),
    };
    vec![
        ("bought-browse", browse.svg()),
        ("bought-placed", placed.svg()),
        ("bought-kills", availability.svg()),
        ("bought-memory", memory.svg()),
    ]
}

fn name(stage: &StageResults) -> String {
    format!("{}", stage.chapter)
}

fn points(steps: &[Step], metric: &str) -> Vec<(f64, f64)> {
    steps.iter().filter_map(|step| Some((step.rate, step.results.median(metric)?))).collect()
}

fn panel(stage: &StageResults, kills: &Repeated) -> Panel {
    let second = |second: &crate::report::Second| {
        (second.browse > 0).then(|| 100.0 * second.browse_succeeded as f64 / second.browse as f64)
    };
    let applicable = kills.last.faults.iter().filter(|fault| fault.service.is_some());
    Panel {
        name: name(stage),
        percent: kills.last.timeline.iter().map(second).collect(),
        faults: applicable.map(|fault| (fault.at_s, fault.until_s, fault.target.to_string())).collect(),
    }
}

/// The table as Markdown, with the circumstances of the measurement.
pub fn markdown(comparison: &Comparison) -> String {
    let Comparison { machine, seed, runs, baseline, stages, .. } = comparison;
    let bare = |name: &str| baseline.get(name).map_or_else(|| "-".to_owned(), Spread::to_string);
    let mut text = format!(
        "Measured by `just compare {}` in {} minutes, {runs} runs of each in turn, seed {seed}, commit `{}`: {}. {}. \
         In the same minutes this machine did {} bare reads and {} bare commits per second behind one HTTP handler. Each \
         number is a median, followed by the lowest and the highest in brackets if they differ.\n\n\
         {CHECK_OUT}\n\n",
        stages.iter().map(|stage| stage.chapter.to_string()).collect::<Vec<_>>().join(" "),
        comparison.took_s.div_ceil(60),
        machine.commit,
        machine.describe(),
        machine.rustc,
        bare("bare_read_per_second"),
        bare("bare_commit_per_second"),
    );
    let heads = stages.iter().map(|stage| format!("{} · {}", stage.chapter, stage.title));
    text += &row("", heads);
    text += &row("---", stages.iter().map(|_| "---:".to_owned()));
    for (ladder, metric, what) in [
        (Ladder::Browse, "browse_p99_ms", "reads per second: p99, ms"),
        (Ladder::Checkout, "placed_p95_ms", "check-outs per second: time until the order is placed, p95, ms"),
    ] {
        for place in 0..stages.first().map_or(0, |stage| ladder.steps(stage).len()) {
            let rate = ladder.steps(&stages[0])[place].rate;
            let cells = stages.iter().map(|stage| cell(&ladder.steps(stage)[place].results, metric));
            text += &row(&format!("{rate} {what}"), cells);
        }
    }
    for (what, experiment, metric) in ROWS {
        let cells = stages.iter().map(|stage| {
            stage
                .experiments
                .get(experiment)
                .map_or_else(|| "-".to_owned(), |repeated| cell(repeated, metric))
        });
        text += &row(what, cells);
    }
    text + &row("Invariants broken", stages.iter().map(broken))
}

#[derive(Clone, Copy)]
enum Ladder {
    Browse,
    Checkout,
}

impl Ladder {
    fn steps(self, stage: &StageResults) -> &Vec<Step> {
        match self {
            Self::Browse => &stage.browse,
            Self::Checkout => &stage.checkout,
        }
    }
}

fn row(head: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {head} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn cell(repeated: &Repeated, metric: &str) -> String {
    match repeated.metrics.get(metric) {
        Some(spread) => spread.to_string(),
        None if repeated.invalid_timings.is_empty() => "-".to_owned(),
        None => "invalid".to_owned(), // the load fell behind its schedule
    }
}

fn broken(stage: &StageResults) -> String {
    let all = stage
        .experiments
        .values()
        .chain(stage.browse.iter().chain(&stage.checkout).map(|step| &step.results));
    let mut broken: Vec<_> = all.flat_map(|repeated| repeated.broken.iter().cloned()).collect();
    broken.sort();
    broken.dedup();
    if broken.is_empty() { "none".to_owned() } else { broken.join(", ") }
}

/// Writes the charts and the page of the book.
///
/// # Errors
/// A file cannot be written, or the page has lost its markers.
pub fn write(root: &Path, comparison: &Comparison) -> Result<()> {
    for (name, svg) in charts(comparison) {
        let file = root.join("book").join("drawings").join(format!("{name}.svg"));
        fs::write(&file, svg).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let file = root.join(PAGE);
    let page = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let page = between_markers(&page, &markdown(comparison)).with_context(|| file.display().to_string())?;
    fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))
}

fn between_markers(page: &str, table: &str) -> Result<String> {
    let (Some((before, rest)), true) = (page.split_once(BEGIN), page.contains(END)) else {
        bail!("the page has no place for the table: add the lines {BEGIN} and {END}");
    };
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    Ok(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One stage, with `kill-one` and one step of browsing whose timings are invalid.
    fn comparison() -> Comparison {
        let machine = json!({
            "at": "2026-01-01T00:00:00Z", "commit": "abc", "processor": "P", "cores": 2, "pinning": "apart",
            "memory_mb": 8192, "system": "S", "rustc": "rustc 1", "optimised": true,
        });
        let seconds = [(10, 10), (10, 0), (0, 0)].map(|(browse, browse_succeeded)| {
            json!({ "browse": browse, "browse_succeeded": browse_succeeded, "browse_p99_ms": 1.0, "order": 0, "order_succeeded": 0 })
        });
        let fault = json!({
            "kind": "kill", "target": "orders", "service": "shop", "at_s": 1.0, "until_s": 2.0, "in_flight": 1,
            "interrupted": 1, "browse_success_percent": 0.0, "order_success_percent": null, "log": [],
        });
        let last = json!({
            "experiment": "kill-one", "question": "?", "chapter": 1, "title": "T", "seed": 1, "machine": machine,
            "invalid_timings": null, "metrics": {}, "requests": [], "timeline": seconds, "faults": [fault],
            "failed_attempts": {},
            "audit": { "orders": 0, "held": [], "broken": {}, "not_checkable": {} }, "expectations": [],
        });
        let memory = json!({ "median": 40.0, "lowest": 38.0, "highest": 41.0, "runs": [40.0, 38.0, 41.0] });
        let repeated = |invalid_timings: &[&str]| {
            json!({
                "metrics": { "memory_mb": memory }, "invalid_timings": invalid_timings, "broken": ["no-oversell"],
                "unmet": [], "last": last,
            })
        };
        serde_json::from_value(json!({
            "machine": machine, "seed": 1, "runs": 3, "took_s": 61, "baseline": {},
            "stages": [{
                "chapter": 1, "title": "The monolith", "checkout": [], "experiments": { "kill-one": repeated(&[]) },
                "browse": [{ "rate": 500.0, "results": repeated(&["late"]) }],
            }],
        }))
        .unwrap()
    }

    #[test]
    fn the_table_contains_medians_with_their_spread_invalid_timings_and_broken_invariants() {
        let table = markdown(&comparison());
        for row in [
            "|  | 1 · The monolith |",
            "| 500 reads per second: p99, ms | invalid |",
            "| 20 check-outs and 200 reads per second: memory, MB | 40 (38–41) |",
            "| Invariants broken | no-oversell |",
            "3 runs of each in turn, seed 1, commit `abc`",
        ] {
            assert!(table.contains(row), "{row} is not in:\n{table}");
        }
    }

    #[test]
    fn the_charts_mark_the_fault_and_show_no_outage_in_a_second_without_requests() {
        let charts = charts(&comparison());
        let kills = panel(&comparison().stages[0], &comparison().stages[0].experiments["kill-one"]);
        assert_eq!(kills.percent, [Some(100.0), Some(0.0), None]);
        assert_eq!(kills.faults, [(1.0, 2.0, "orders".to_owned())]);
        assert!(charts.iter().all(|(_, svg)| svg.starts_with("<svg") && !svg.contains("NaN")));
    }

    #[test]
    fn the_table_replaces_only_what_is_between_the_markers() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nProse.\n");
        let page = between_markers(&page, "| new |\n").unwrap();
        assert_eq!(page, format!("# Title\n\n{BEGIN}\n\n| new |\n\n{END}\n\nProse.\n"));
        assert_eq!(between_markers(&page, "| new |\n").unwrap(), page);
        assert!(between_markers("# Title\n", "").unwrap_err().to_string().contains("no place"));
    }
}

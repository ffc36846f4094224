//! What the book shows of a comparison: the charts among its drawings, and the figures in a page, between two marks. What is
//! around them is written by people.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{
    chart::{Availability, Bars, Lines, Panel},
    compare::{Comparison, Measured, Repeated, Step},
    spread::Spread,
};

/// The page, from the course's root.
pub const PAGE: &str = "book/src/bought.md";
const BEGIN: &str = "<!-- figures: written by `just compare --book` -->";
const END: &str = "<!-- end of figures -->";

/// A row of the table: what it says, and the figure of an experiment.
const ROWS: [(&str, &str, &str); 19] = [
    (
        "Browsing that was answered while a process was dead, percent",
        "kill-one",
        "browse_answered_in_faults_percent",
    ),
    (
        "Placing and paying that was answered while a process was dead, percent",
        "kill-one",
        "orders_answered_in_faults_percent",
    ),
    ("Placed, p95 with these kills, ms", "kill-one", "placed_p95_ms"),
    ("Questions given up in spite of retries", "kill-one", "failed"),
    ("Orders that are stuck", "kill-one", "stuck"),
    ("Browsing p99 in a log-in storm, ms", "login-storm", "browse_p99_ms"),
    ("Log-ins served in it, a second", "login-storm", "log_in_per_second"),
    ("Flash sale: units sold of 100", "flash-sale", "sold_of_promotion"),
    ("Flash sale: browsing p99, ms", "flash-sale", "browse_p99_ms"),
    ("Flash sale: questions given up in spite of retries", "flash-sale", "failed"),
    (
        "Reads answered of 600 a second by one instance, capped at 200",
        "scale-out products=1",
        "browse_per_second",
    ),
    ("… by two", "scale-out products=2", "browse_per_second"),
    ("… by four", "scale-out products=4", "browse_per_second"),
    ("Memory with that one instance, MB", "scale-out products=1", "memory_mb"),
    ("… with two", "scale-out products=2", "memory_mb"),
    ("… with four", "scale-out products=4", "memory_mb"),
    ("Memory, MB", "kill-one", "memory_mb"),
    ("Processes", "kill-one", "processes"),
    ("Time of a core at 20 orders and 200 reads a second, percent", "kill-one", "stage_core_percent"),
];

/// The charts, each with the name of its drawing.
pub fn charts(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let stages = &comparison.stages;
    let lines = |title: &str, figure: &str, of: fn(&Measured) -> &Vec<Step>, x: &str| Lines {
        title: title.to_owned(),
        x: x.to_owned(),
        y: "milliseconds".to_owned(),
        series: stages.iter().map(|stage| (name(stage), points(of(stage), figure))).collect(),
    };
    let browse = lines("Browsing: p99 by load", "browse_p99_ms", |stage| &stage.browse, "visitors a second");
    let placed =
        lines("An order placed: p95 by load", "placed_p95_ms", |stage| &stage.checkout, "customers a second");
    let panels = stages.iter().filter_map(|stage| Some(panel(stage, stage.experiments.get("kill-one")?)));
    let availability = Availability {
        title: "Browsing answered at the first attempt, kill after kill".to_owned(),
        panels: panels.collect(),
    };
    let memory =
        |stage: &Measured| Some((name(stage), stage.experiments.get("kill-one")?.median("memory_mb")?));
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

fn name(stage: &Measured) -> String {
    format!("{}", stage.chapter)
}

fn points(steps: &[Step], figure: &str) -> Vec<(f64, f64)> {
    steps.iter().filter_map(|step| Some((step.rate, step.of.median(figure)?))).collect()
}

fn panel(stage: &Measured, kills: &Repeated) -> Panel {
    let second = |second: &crate::report::Second| {
        (second.browse > 0).then(|| 100.0 * second.browse_answered as f64 / second.browse as f64)
    };
    let done = kills.last.faults.iter().filter(|fault| fault.service.is_some());
    Panel {
        name: name(stage),
        percent: kills.last.timeline.iter().map(second).collect(),
        faults: done.map(|fault| (fault.at_s, fault.until_s, fault.to.to_string())).collect(),
    }
}

/// The figures as Markdown.
pub fn markdown(comparison: &Comparison) -> String {
    let Comparison { machine, seed, runs, baseline, stages, .. } = comparison;
    let bare = |name: &str| baseline.get(name).map_or_else(|| "-".to_owned(), Spread::to_string);
    let mut text = format!(
        "Measured by `just compare {}` in {} minutes, {runs} runs of each in turn, seed {seed}, commit `{}`: {}. {}. \
         In the same minutes this machine did {} bare reads and {} bare commits a second behind one handler. Each figure \
         is a median, with the lowest and the highest in brackets where they differ.\n\n",
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
    for (at, figure, what) in [
        (Ladder::Browse, "browse_p99_ms", "Browsing p99"),
        (Ladder::Checkout, "placed_p95_ms", "Placed, p95"),
    ] {
        for place in 0..stages.first().map_or(0, |stage| at.steps(stage).len()) {
            let rate = at.steps(&stages[0])[place].rate;
            let cells = stages.iter().map(|stage| cell(&at.steps(stage)[place].of, figure));
            text += &row(&format!("{what} at {rate} a second, ms"), cells);
        }
    }
    for (what, experiment, figure) in ROWS {
        let cells = stages.iter().map(|stage| {
            stage
                .experiments
                .get(experiment)
                .map_or_else(|| "-".to_owned(), |repeated| cell(repeated, figure))
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
    fn steps(self, stage: &Measured) -> &Vec<Step> {
        match self {
            Self::Browse => &stage.browse,
            Self::Checkout => &stage.checkout,
        }
    }
}

fn row(head: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {head} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn cell(repeated: &Repeated, figure: &str) -> String {
    match repeated.figures.get(figure) {
        Some(spread) => spread.to_string(),
        None if repeated.refused.is_empty() => "-".to_owned(),
        None => "refused".to_owned(), // the load was not what it should have been
    }
}

fn broken(stage: &Measured) -> String {
    let all =
        stage.experiments.values().chain(stage.browse.iter().chain(&stage.checkout).map(|step| &step.of));
    let mut broken: Vec<_> = all.flat_map(|repeated| repeated.broken.iter().cloned()).collect();
    broken.sort();
    broken.dedup();
    if broken.is_empty() { "none".to_owned() } else { broken.join(", ") }
}

/// Writes the charts and the page of the book.
///
/// # Errors
/// A file cannot be written, or the page has lost its marks.
pub fn write(root: &Path, comparison: &Comparison) -> Result<()> {
    for (name, svg) in charts(comparison) {
        let file = root.join("book").join("drawings").join(format!("{name}.svg"));
        fs::write(&file, svg).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let file = root.join(PAGE);
    let page = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let page = between_marks(&page, &markdown(comparison)).with_context(|| file.display().to_string())?;
    fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))
}

fn between_marks(page: &str, figures: &str) -> Result<String> {
    let (Some((before, rest)), true) = (page.split_once(BEGIN), page.contains(END)) else {
        bail!("the page has no place for figures: it needs the lines {BEGIN} and {END}");
    };
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    Ok(format!("{before}{BEGIN}\n\n{figures}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Of one stage, with `kill-one` and one step of browsing that was refused.
    fn comparison() -> Comparison {
        let machine = json!({
            "at": "2026-01-01T00:00:00Z", "commit": "abc", "processor": "P", "cores": 2, "pinning": "apart",
            "memory_mb": 8192, "system": "S", "rustc": "rustc 1", "optimised": true,
        });
        let seconds = [(10, 10), (10, 0), (0, 0)].map(|(browse, browse_answered)| {
            json!({ "browse": browse, "browse_answered": browse_answered, "browse_p99_ms": 1.0, "orders": 0, "orders_answered": 0 })
        });
        let fault = json!({
            "deed": "kill", "to": "orders", "service": "shop", "at_s": 1.0, "until_s": 2.0, "in_flight": 1, "cut": 1,
            "browse_answered_percent": 0.0, "orders_answered_percent": null, "said": [],
        });
        let last = json!({
            "experiment": "kill-one", "question": "?", "chapter": 1, "title": "T", "seed": 1, "machine": machine,
            "refused": null, "figures": {}, "kinds": [], "timeline": seconds, "faults": [fault], "causes": {},
            "audit": { "orders": 0, "held": [], "broken": {}, "not_checkable": {} }, "expectations": [],
        });
        let memory = json!({ "median": 40.0, "lowest": 38.0, "highest": 41.0, "runs": [40.0, 38.0, 41.0] });
        let repeated = |refused: &[&str]| json!({ "figures": { "memory_mb": memory }, "refused": refused, "broken": ["no-oversell"], "unmet": [], "last": last });
        serde_json::from_value(json!({
            "machine": machine, "seed": 1, "runs": 3, "took_s": 61, "baseline": {},
            "stages": [{
                "chapter": 1, "title": "The monolith", "checkout": [], "experiments": { "kill-one": repeated(&[]) },
                "browse": [{ "rate": 500.0, "of": repeated(&["late"]) }],
            }],
        }))
        .unwrap()
    }

    #[test]
    fn the_table_has_medians_with_their_spread_and_says_what_was_refused_and_broken() {
        let table = markdown(&comparison());
        for row in [
            "|  | 1 · The monolith |",
            "| Browsing p99 at 500 a second, ms | refused |",
            "| Memory, MB | 40 (38–41) |",
            "| Invariants broken | no-oversell |",
            "3 runs of each in turn, seed 1, commit `abc`",
        ] {
            assert!(table.contains(row), "{row} is not in:\n{table}");
        }
    }

    #[test]
    fn the_charts_mark_the_fault_and_show_no_outage_where_nothing_was_asked() {
        let charts = charts(&comparison());
        let kills = panel(&comparison().stages[0], &comparison().stages[0].experiments["kill-one"]);
        assert_eq!(kills.percent, [Some(100.0), Some(0.0), None]);
        assert_eq!(kills.faults, [(1.0, 2.0, "orders".to_owned())]);
        assert!(charts.iter().all(|(_, svg)| svg.starts_with("<svg") && !svg.contains("NaN")));
    }

    #[test]
    fn figures_come_between_the_marks_and_nowhere_else() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nProse.\n");
        let page = between_marks(&page, "| new |\n").unwrap();
        assert_eq!(page, format!("# Title\n\n{BEGIN}\n\n| new |\n\n{END}\n\nProse.\n"));
        assert_eq!(between_marks(&page, "| new |\n").unwrap(), page);
        assert!(between_marks("# Title\n", "").unwrap_err().to_string().contains("no place"));
    }
}

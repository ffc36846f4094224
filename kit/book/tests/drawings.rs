//! Drawings made by hand agree with the code.

use std::{collections::BTreeSet, fs, path::Path};

use regex::Regex;
use stage::Course;

#[test]
fn the_state_diagram_has_exactly_the_transitions_in_the_code() -> anyhow::Result<()> {
    let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let svg = fs::read_to_string(course.root.join("book/drawings/order.svg"))?;
    let drawn: BTreeSet<_> = Regex::new(r#"data-step="(\w+) (\w+)""#)?
        .captures_iter(&svg)
        .map(|step| step.extract::<2>().1.map(str::to_owned))
        .collect();
    let code = fs::read_to_string(course.root.join("chapters/01-monolith/shop/src/orders/status.rs"))?;
    let mut written = BTreeSet::new();
    for found in Regex::new(r"\((\w+), ([A-Z][\w |]*)\)")?.captures_iter(&code) {
        let (_, [from, to]) = found.extract();
        written.extend(to.split(" | ").map(|to| [snake_case(from), snake_case(to)]));
    }
    assert!(written.len() > 9, "the transitions are no longer written in this form: {written:?}");
    assert_eq!(drawn, written);
    Ok(())
}

#[test]
fn the_drawing_of_chapter_2_has_exactly_the_dependencies_of_its_crates() -> anyhow::Result<()> {
    let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let svg = fs::read_to_string(course.root.join("book/drawings/seams.svg"))?;
    let drawn: BTreeSet<_> = Regex::new(r#"data-names="(\w+ \w+)""#)?
        .captures_iter(&svg)
        .map(|names| names.extract::<1>().1[0].to_owned())
        .collect();
    let crates = ["chassis", "users", "products", "orders", "shop"];
    let mut written = BTreeSet::new();
    for from in crates {
        let manifest = fs::read_to_string(course.root.join(format!("chapters/02-seams/{from}/Cargo.toml")))?;
        let needed = crates.iter().filter(|to| manifest.contains(&format!("\n{to}.workspace = true\n")));
        written.extend(needed.map(|to| format!("{from} {to}")));
    }
    assert_eq!(drawn, written);
    Ok(())
}

#[test]
fn the_sequence_of_an_order_has_the_messages_of_the_tour_and_legal_transitions() -> anyhow::Result<()> {
    let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let read = |file: &str| fs::read_to_string(course.root.join(file));
    let (svg, order) = (read("book/drawings/walk.svg")?, read("book/drawings/order.svg")?);
    let all = |pattern: &str, text: &str| -> anyhow::Result<Vec<String>> {
        let found = Regex::new(pattern)?;
        Ok(found.captures_iter(text).map(|found| found.extract::<1>().1[0].to_owned()).collect())
    };
    let printed = read("book/captures/walk.txt")?;
    let (_, printed) = printed.split_once("She places an order").expect("the tour places an order");
    let (printed, _) = printed.split_once("She wants two more").expect("the tour orders too much");
    assert_eq!(all(r#"data-message="([\w.]+)""#, &svg)?, all(r"NATS ([\w.]+)", printed)?);
    for steps in all(r#"data-status="(\w+)""#, &svg)?.windows(2) {
        assert!(order.contains(&format!("data-step=\"{}\"", steps.join(" "))), "{steps:?} is no transition");
    }
    Ok(())
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

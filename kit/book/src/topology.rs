//! `{{#topology N}}`: the processes of a stage with their databases, drawn from its manifest.
//!
//! From top to bottom: the client, then each process below those that need it, its database under it. A drawing as narrow as
//! that is read on a phone without zooming.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use stage::{Course, Manifest, manifest::Process};

/// A cell of the drawing, in units of the drawing.
const WIDTH: usize = 168;
const HEIGHT: usize = 150;
/// A box in its cell.
const BOX: (usize, usize) = (146, 54);

/// The drawing as HTML.
///
/// # Errors
/// There is no such chapter.
pub fn topology(course: &Course, words: &[String]) -> Result<String> {
    let [number] = words else { bail!("a topology needs a chapter") };
    let chapter =
        course.chapter(number.parse().with_context(|| format!("{number} is no chapter's number"))?)?;
    Ok(drawing(&chapter.manifest))
}

/// Processes in rows: who is needed stands below who needs it.
fn rows(manifest: &Manifest) -> Vec<Vec<&Process>> {
    let depth = |service: &str| {
        let mut depth = 0;
        let mut frontier = vec![service];
        // The manifest has no circle: its needs were checked.
        loop {
            let above = manifest
                .processes
                .iter()
                .filter(|p| p.needs.iter().any(|need| frontier.contains(&need.as_str())));
            frontier = above.map(|process| process.service.as_str()).collect();
            if frontier.is_empty() {
                return depth;
            }
            depth += 1;
        }
    };
    let mut rows: Vec<Vec<_>> = Vec::new();
    for process in &manifest.processes {
        let depth = depth(&process.service);
        rows.resize_with(rows.len().max(depth + 1), Vec::new);
        rows[depth].push(process);
    }
    rows
}

fn drawing(manifest: &Manifest) -> String {
    let rows = rows(manifest);
    let provider = usize::from(manifest.payments);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(1) + provider;
    let (width, height) = (columns * WIDTH, 90 + rows.len() * HEIGHT + if manifest.nats { 60 } else { 0 });
    let mut svg = format!(
        "\n<figure class=\"drawing\">\n<svg class=\"topology\" viewBox=\"0 0 {width} {height}\" style=\"width: {width}px\" role=\"img\" \
         aria-label=\"The processes of chapter {}\">\n{ARROWHEAD}",
        manifest.number
    );
    let clients = columns - provider;
    boxed(&mut svg, "client", clients * WIDTH / 2, 10, "clients", "browser, curl, lab");
    let top = |row: usize| 100 + row * HEIGHT;
    let centre = |column: usize| column * WIDTH + WIDTH / 2;
    let place = |service: &str| {
        rows.iter().enumerate().find_map(|(row, processes)| {
            let column = processes.iter().position(|process| process.service == service)?;
            Some((centre(column), top(row)))
        })
    };
    for process in &manifest.processes {
        let Some((x, y)) = place(&process.service) else { continue };
        service(&mut svg, process, x, y);
        if !process.routes.is_empty() {
            arrow(&mut svg, (clients * WIDTH / 2, 10 + BOX.1), (x, y));
        }
        for (below, top) in process.needs.iter().filter_map(|need| place(need)) {
            arrow(&mut svg, (x, y + BOX.1), (below, top));
        }
    }
    if manifest.payments {
        let (x, y) = (centre(clients), top(0));
        boxed(&mut svg, "outside", x, y, "payments", "the sandbox");
        if let Some((payer, top)) = payer(manifest).and_then(place) {
            let y = top + BOX.1 / 2;
            arrow(&mut svg, (payer + BOX.0 / 2, y), (x - BOX.0 / 2, y));
        }
    }
    if manifest.nats {
        let y = height - 50;
        write!(
            svg,
            "<rect class=\"bus\" x=\"12\" y=\"{y}\" width=\"{}\" height=\"34\" rx=\"6\"/>",
            width - 24
        )
        .ok();
        text(&mut svg, "name", width / 2, y + 22, "NATS");
    }
    svg.push_str("</svg>\n<figcaption>Drawn from <code>chapter.toml</code>: boxes are processes, the cylinder is a database file, dashed is somebody else's.</figcaption>\n</figure>\n");
    svg
}

/// Who asks the payment provider: the process that has orders.
fn payer(manifest: &Manifest) -> Option<&str> {
    match manifest.processes.as_slice() {
        [only] => Some(&only.service),
        several => {
            several.iter().map(|process| process.service.as_str()).find(|service| *service == "orders")
        }
    }
}

fn service(svg: &mut String, process: &Process, x: usize, y: usize) {
    let several = if process.instances > 1 { format!(" ×{}", process.instances) } else { String::new() };
    boxed(svg, "process", x, y, &format!("{}{several}", process.service), &process.routes.join(" "));
    let Some(database) = &process.database else { return };
    let (left, top) = (x - 44, y + BOX.1 + 26);
    arrow(svg, (x, y + BOX.1), (x, top - 6));
    writeln!(
        svg,
        "<path class=\"database\" d=\"M{left} {top}v34a44 8 0 0 0 88 0v-34a44 8 0 0 0 -88 0a44 8 0 0 0 88 0\"/>"
    )
    .ok();
    text(svg, "small", x, top + 27, database);
}

fn boxed(svg: &mut String, class: &str, x: usize, y: usize, name: &str, below: &str) {
    let (width, height) = BOX;
    writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>",
        x - width / 2
    )
    .ok();
    text(svg, "name", x, y + 24, name);
    text(svg, "small", x, y + 42, below);
}

fn text(svg: &mut String, class: &str, x: usize, y: usize, text: &str) {
    writeln!(svg, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>").ok();
}

const ARROWHEAD: &str = "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
    orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n";

fn arrow(svg: &mut String, from: (usize, usize), to: (usize, usize)) {
    writeln!(
        svg,
        "<line class=\"arrow\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" marker-end=\"url(#head)\"/>",
        from.0, from.1, to.0, to.1
    )
    .ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(processes: &str) -> Manifest {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chapter.toml");
        let head =
            "number = 4\ntitle = \"T\"\nminutes = { read = 1, build = 1, exercises = 1 }\npayments = true\n";
        std::fs::write(&file, format!("{head}{processes}")).unwrap();
        Manifest::read(&file).unwrap()
    }

    #[test]
    fn every_process_and_database_is_drawn_and_the_provider_too() {
        let svg = drawing(&manifest(
            "[[process]]\nservice = \"shop\"\nroutes = [\"/\"]\ninstances = 3\ndatabase = \"shop.db\"\n",
        ));
        for part in [">shop ×3<", ">shop.db<", ">payments<", ">clients<"] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        // client → shop, shop → its database, shop → the provider
        assert_eq!(svg.matches("class=\"arrow\"").count(), 3);
        assert!(!svg.contains("\n\n<"), "a blank line would end the HTML block of the page");
    }

    #[test]
    fn who_is_needed_stands_below_who_needs_it() {
        let manifest = manifest(
            "[[process]]\nservice = \"users\"\n[[process]]\nservice = \"orders\"\nneeds = [\"users\", \"products\"]\n\
             [[process]]\nservice = \"products\"\n",
        );
        let names: Vec<Vec<_>> =
            rows(&manifest).iter().map(|row| row.iter().map(|p| p.service.as_str()).collect()).collect();
        assert_eq!(names, [vec!["orders"], vec!["users", "products"]]);
    }
}

//! `{{#topology N}}`: the processes of a stage with their databases, drawn from its manifest.
//!
//! From top to bottom: the client, then each process below those that need it, its database under it. A drawing as narrow as
//! that is read on a phone without zooming.

use std::fmt::Write;

use anyhow::{Result, bail};
use stage::{Course, Manifest, manifest::Process};

use crate::directive::chapter;

/// A cell of the drawing, in units of the drawing.
const WIDTH: usize = 168;
const HEIGHT: usize = 150;
/// A box in its cell: width and height.
const BOX: (usize, usize) = (146, 54);

/// The drawing as HTML.
///
/// # Errors
/// There is no such chapter.
pub fn topology(course: &Course, words: &[String]) -> Result<String> {
    let [number] = words else { bail!("a topology needs a chapter") };
    Ok(drawing(&chapter(course, number)?.manifest))
}

/// Where everything stands.
struct Layout<'a> {
    manifest: &'a Manifest,
    /// Processes in rows: who is needed stands below who needs it.
    rows: Vec<Vec<&'a Process>>,
}

/// A place in the drawing: the middle of a box's upper edge.
type Point = (usize, usize);

impl<'a> Layout<'a> {
    fn of(manifest: &'a Manifest) -> Self {
        let mut rows: Vec<Vec<_>> = Vec::new();
        for process in &manifest.processes {
            let depth = depth(manifest, &process.service);
            rows.resize_with(rows.len().max(depth + 1), Vec::new);
            rows[depth].push(process);
        }
        Self { manifest, rows }
    }

    /// Columns of processes; the provider has one more, at the right.
    fn columns(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(1)
    }

    fn size(&self) -> (usize, usize) {
        let columns = self.columns() + usize::from(self.manifest.payments);
        let bus = if self.manifest.nats { 60 } else { 0 };
        (columns * WIDTH, 90 + self.rows.len() * HEIGHT + bus)
    }

    fn cell(row: usize, column: usize) -> Point {
        (column * WIDTH + WIDTH / 2, 100 + row * HEIGHT)
    }

    fn clients(&self) -> Point {
        (self.columns() * WIDTH / 2, 10)
    }

    fn provider(&self) -> Point {
        Self::cell(0, self.columns())
    }

    fn process(&self, service: &str) -> Option<Point> {
        self.rows.iter().enumerate().find_map(|(row, processes)| {
            let column = processes.iter().position(|process| process.service == service)?;
            Some(Self::cell(row, column))
        })
    }
}

/// How many services need a service, one through the other. The manifest has no circle: its needs were checked.
fn depth(manifest: &Manifest, service: &str) -> usize {
    let needs_it = |process: &&Process| process.needs.iter().any(|need| need == service);
    let above = manifest.processes.iter().filter(needs_it);
    above.map(|process| depth(manifest, &process.service) + 1).max().unwrap_or(0)
}

fn drawing(manifest: &Manifest) -> String {
    let layout = Layout::of(manifest);
    let (width, height) = layout.size();
    let mut svg = format!(
        "\n<figure class=\"drawing\">\n<svg viewBox=\"0 0 {width} {height}\" style=\"width: {width}px\" role=\"img\" \
         aria-label=\"The processes of chapter {}\">\n{ARROWHEAD}",
        manifest.number
    );
    boxed(&mut svg, "client", layout.clients(), "clients", "browser, curl, lab");
    for process in &manifest.processes {
        let Some(place) = layout.process(&process.service) else { continue };
        service(&mut svg, process, place);
        if !process.routes.is_empty() {
            arrow(&mut svg, below(layout.clients()), place);
        }
        for needed in process.needs.iter().filter_map(|need| layout.process(need)) {
            arrow(&mut svg, below(place), needed);
        }
    }
    if manifest.payments {
        let (x, y) = layout.provider();
        boxed(&mut svg, "outside", (x, y), "payments", "the sandbox");
        if let Some((payer, top)) = payer(manifest).and_then(|payer| layout.process(payer)) {
            arrow(&mut svg, (payer + BOX.0 / 2, top + BOX.1 / 2), (x - BOX.0 / 2, y + BOX.1 / 2));
        }
    }
    if manifest.nats {
        let (y, width) = (height - 50, width - 24);
        writeln!(svg, "<rect class=\"bus\" x=\"12\" y=\"{y}\" width=\"{width}\" height=\"34\" rx=\"6\"/>")
            .ok();
        text(&mut svg, "name", (12 + width / 2, y + 22), "NATS");
    }
    svg + CAPTION
}

const CAPTION: &str = "</svg>\n<figcaption>Drawn from <code>chapter.toml</code>: boxes are processes, the cylinder is a \
    database file, dashed is somebody else's.</figcaption>\n</figure>\n";

fn below((x, y): Point) -> Point {
    (x, y + BOX.1)
}

/// Who asks the payment provider: the process that has orders.
fn payer(manifest: &Manifest) -> Option<&str> {
    let mut services = manifest.processes.iter().map(|process| process.service.as_str());
    match manifest.processes.as_slice() {
        [only] => Some(&only.service),
        _ => services.find(|service| *service == "orders"),
    }
}

fn service(svg: &mut String, process: &Process, place: Point) {
    let several = if process.instances > 1 { format!(" ×{}", process.instances) } else { String::new() };
    boxed(svg, "process", place, &format!("{}{several}", process.service), &process.routes.join(" "));
    let Some(database) = &process.database else { return };
    let (x, y) = below(place);
    let (left, top) = (x - 44, y + 26);
    arrow(svg, (x, y), (x, top - 6));
    let cylinder = "v34a44 8 0 0 0 88 0v-34a44 8 0 0 0 -88 0a44 8 0 0 0 88 0";
    writeln!(svg, "<path class=\"database\" d=\"M{left} {top}{cylinder}\"/>").ok();
    text(svg, "small", (x, top + 27), database);
}

fn boxed(svg: &mut String, class: &str, (x, y): Point, name: &str, more: &str) {
    let ((width, height), left) = (BOX, x - BOX.0 / 2);
    writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
    )
    .ok();
    text(svg, "name", (x, y + 24), name);
    text(svg, "small", (x, y + 42), more);
}

fn text(svg: &mut String, class: &str, (x, y): Point, text: &str) {
    writeln!(svg, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>").ok();
}

const ARROWHEAD: &str = "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
    orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n";

fn arrow(svg: &mut String, (x1, y1): Point, (x2, y2): Point) {
    writeln!(
        svg,
        "<line class=\"arrow\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" marker-end=\"url(#head)\"/>"
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
        let names: Vec<Vec<_>> = Layout::of(&manifest)
            .rows
            .iter()
            .map(|row| row.iter().map(|p| p.service.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["orders"], vec!["users", "products"]]);
    }
}

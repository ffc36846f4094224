//! `{{#topology N}}`: the processes of a stage with their databases, drawn from its manifest.
//!
//! From top to bottom: the clients, then each process below the processes that need it, with its database. With NATS, processes
//! communicate only through the server: public processes are above its bar and the others below. This keeps the drawing narrow
//! enough for a phone.

use std::fmt::Write;

use anyhow::{Result, bail};
use stage::{Course, Manifest, manifest::Process};

use crate::directive::chapter;

/// Width and height of a cell, in units of the drawing: a phone can show four cells side by side.
const WIDTH: usize = 112;
const HEIGHT: usize = 150;
/// Width and height of a box in its cell.
const BOX: (usize, usize) = (100, 54);
/// The height of the bar for NATS, and of the space above and below it.
const BAR: (usize, usize) = (34, 40);

/// The drawing as HTML.
///
/// # Errors
/// There is no such chapter.
pub fn topology(course: &Course, words: &[String]) -> Result<String> {
    let [number] = words else { bail!("a topology needs a chapter") };
    Ok(drawing(&chapter(course, number)?.manifest))
}

/// The position of everything in the drawing.
struct Layout<'a> {
    manifest: &'a Manifest,
    /// Processes in rows, and the upper edge of each row's boxes.
    rows: Vec<(usize, Vec<&'a Process>)>,
    /// The upper edge of the bar, below the first row.
    bar: usize,
    height: usize,
}

/// A position in the drawing: the middle of a box's upper edge.
type Point = (usize, usize);

impl<'a> Layout<'a> {
    fn of(manifest: &'a Manifest) -> Self {
        let mut layout = Self { manifest, rows: Vec::new(), bar: 0, height: 100 };
        for row in rows(manifest) {
            let shallow = manifest.nats && row.iter().all(|process| process.database.is_none());
            layout.rows.push((layout.height, row));
            layout.height += if shallow { BOX.1 + BAR.1 } else { HEIGHT };
            if manifest.nats && layout.bar == 0 {
                layout.bar = layout.height;
                layout.height += BAR.0 + BAR.1;
            }
        }
        layout
    }

    /// The number of columns of processes. The payment provider is in one more column, at the right.
    fn columns(&self) -> usize {
        self.rows.iter().map(|(_, row)| row.len()).max().unwrap_or(1)
    }

    fn width(&self) -> usize {
        (self.columns() + usize::from(self.manifest.payments)) * WIDTH
    }

    fn clients(&self) -> Point {
        (self.columns() * WIDTH / 2, 10)
    }

    /// The payment provider, in the row of the process that calls it.
    fn provider(&self) -> Point {
        let top = payer(self.manifest).and_then(|payer| self.process(payer)).map_or(100, |(_, top)| top);
        (self.columns() * WIDTH + WIDTH / 2, top)
    }

    /// A process. A row with fewer processes is centred.
    fn process(&self, service: &str) -> Option<Point> {
        self.rows.iter().find_map(|(top, row)| {
            let column = row.iter().position(|process| process.service == service)?;
            let empty = self.columns() - row.len();
            Some((column * WIDTH + (empty + 1) * WIDTH / 2, *top))
        })
    }
}

/// The processes in rows: a process is below those that need it, and with NATS below those that are public.
fn rows(manifest: &Manifest) -> Vec<Vec<&Process>> {
    let mut rows: Vec<Vec<_>> = Vec::new();
    for process in &manifest.processes {
        let behind = usize::from(process.routes.is_empty());
        let row = if manifest.nats { behind } else { depth(manifest, &process.service) };
        rows.resize_with(rows.len().max(row + 1), Vec::new);
        rows[row].push(process);
    }
    rows
}

/// The length of the longest chain of services that need this one. It is finite, because reading the manifest rejects cycles.
fn depth(manifest: &Manifest, service: &str) -> usize {
    let needs_it = |process: &&Process| process.needs.iter().any(|need| need == service);
    let above = manifest.processes.iter().filter(needs_it);
    above.map(|process| depth(manifest, &process.service) + 1).max().unwrap_or(0)
}

fn drawing(manifest: &Manifest) -> String {
    let layout = Layout::of(manifest);
    let (width, height) = (layout.width(), layout.height - 10);
    let mut svg = format!(
        "\n<figure class=\"drawing\">\n<svg viewBox=\"0 0 {width} {height}\" style=\"width: {width}px\" role=\"img\" \
         aria-label=\"The processes of chapter {}\">\n{ARROWHEAD}",
        manifest.number
    );
    boxed(&mut svg, "client", layout.clients(), "clients", "browser, curl");
    for process in &manifest.processes {
        let Some(place) = layout.process(&process.service) else { continue };
        service(&mut svg, process, place);
        if !process.routes.is_empty() {
            arrow(&mut svg, below(layout.clients()), place);
        }
        if manifest.nats {
            bus_arrow(&mut svg, process, place, layout.bar);
            continue;
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
        let (y, width, height) = (layout.bar, layout.columns() * WIDTH - 24, BAR.0);
        writeln!(
            svg,
            "<rect class=\"bus\" x=\"12\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        )
        .ok();
        text(&mut svg, "name", (12 + width / 2, y + 22), "NATS");
    }
    svg + &caption(manifest)
}

/// A two-way arrow between a process and the bar, beside the process's database.
fn bus_arrow(svg: &mut String, process: &Process, (x, top): Point, bar: usize) {
    let aside = if process.database.is_some() { 47 } else { 0 };
    let ends =
        if top < bar { [(x + aside, top + BOX.1), (x + aside, bar)] } else { [(x, bar + BAR.0), (x, top)] };
    line(svg, ends[0], ends[1], "marker-start=\"url(#head)\" marker-end=\"url(#head)\"");
}

fn caption(manifest: &Manifest) -> String {
    let bar = if manifest.nats { "the bar is the NATS server, " } else { "" };
    format!(
        "</svg>\n<figcaption>Drawn from <code>chapter.toml</code>: boxes are processes, {bar}the cylinder is a database \
         file, a dashed box belongs to another company.</figcaption>\n</figure>\n"
    )
}

fn below((x, y): Point) -> Point {
    (x, y + BOX.1)
}

/// The service that calls the payment provider: `orders`, or the only one.
fn payer(manifest: &Manifest) -> Option<&str> {
    let mut services = manifest.processes.iter().map(|process| process.service.as_str());
    match manifest.processes.as_slice() {
        [only] => Some(&only.service),
        _ => services.find(|service| *service == "orders"),
    }
}

fn service(svg: &mut String, process: &Process, place: Point) {
    let count = if process.instances > 1 { format!(" ×{}", process.instances) } else { String::new() };
    for behind in 1..usize::from(process.instances).min(3) {
        let (left, top) = (place.0 - BOX.0 / 2 + 5 * behind, place.1 - 5 * behind);
        let edge = format!("M{left} {}v-5h{}v{}h-5", top + 5, BOX.0, BOX.1);
        writeln!(svg, "<path class=\"behind\" d=\"{edge}\"/>").ok();
    }
    boxed(svg, "process", place, &format!("{}{count}", process.service), &process.routes.join(" "));
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
    orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n";

fn arrow(svg: &mut String, from: Point, to: Point) {
    line(svg, from, to, "marker-end=\"url(#head)\"");
}

fn line(svg: &mut String, (x1, y1): Point, (x2, y2): Point, heads: &str) {
    writeln!(svg, "<line class=\"arrow\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {heads}/>").ok();
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
    fn every_process_database_and_the_provider_are_drawn() {
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
    fn a_process_is_drawn_below_those_that_need_it() {
        let manifest = manifest(
            "[[process]]\nservice = \"users\"\n[[process]]\nservice = \"orders\"\nneeds = [\"users\", \"products\"]\n\
             [[process]]\nservice = \"products\"\n",
        );
        assert_eq!(names(&manifest), [vec!["orders"], vec!["users", "products"]]);
    }

    #[test]
    fn with_nats_every_arrow_between_processes_goes_through_its_bar() {
        let manifest = manifest(
            "nats = true\n[[process]]\nservice = \"gateway\"\nroutes = [\"/\"]\nneeds = [\"users\", \"orders\"]\n\
             [[process]]\nservice = \"users\"\ndatabase = \"users.db\"\n[[process]]\nservice = \"orders\"\n",
        );
        assert_eq!(names(&manifest), [vec!["gateway"], vec!["users", "orders"]]);
        let svg = drawing(&manifest);
        assert_eq!(svg.matches("class=\"bus\"").count(), 1);
        assert_eq!(svg.matches("marker-start").count(), 3, "one arrow between each process and the bar");
        // clients → gateway, users → its database, orders → the provider
        assert_eq!(svg.matches("class=\"arrow\"").count(), 3 + 3);
        assert!(svg.contains("the bar is the NATS server"));
        let layout = Layout::of(&manifest);
        let (_, above) = layout.process("gateway").unwrap();
        let (_, under) = layout.process("orders").unwrap();
        assert!(above + BOX.1 < layout.bar && layout.bar + BAR.0 < under);
        assert_eq!(layout.provider().1, under, "the provider is beside the process that calls it");
    }

    fn names(manifest: &Manifest) -> Vec<Vec<&str>> {
        rows(manifest).into_iter().map(|row| row.into_iter().map(|p| p.service.as_str()).collect()).collect()
    }

    #[test]
    fn further_instances_show_as_edges_behind_the_first() {
        let edges = |instances: u16| {
            let process = format!("[[process]]\nservice = \"shop\"\ninstances = {instances}\n");
            drawing(&manifest(&process)).matches("class=\"behind\"").count()
        };
        assert_eq!([1, 2, 3, 9].map(edges), [0, 1, 2, 2]);
    }
}

//! Charts as inline SVG. Text and axes use the colours of the page, so that they are readable on a light and on a dark theme;
//! no chart library supports that.

use std::fmt::Write;

use crate::spread::short;

/// Lines in a common coordinate system with logarithmic axes, because rates and latencies span orders of magnitude.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Lines {
    pub title: String,
    pub x: String,
    pub y: String,
    /// Name and points of each line.
    pub series: Vec<(String, Vec<(f64, f64)>)>,
}

/// The success rate in each second, one panel per stage, with the faults marked.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Availability {
    pub title: String,
    pub panels: Vec<Panel>,
}

/// One stage in an [`Availability`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Panel {
    pub name: String,
    /// The percentage in each second; None in a second without requests.
    pub percent: Vec<Option<f64>>,
    /// Beginning and end in seconds, and a label.
    pub faults: Vec<(f64, f64, String)>,
}

/// Bars with a label each.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Bars {
    pub title: String,
    pub bars: Vec<(String, f64)>,
}

/// Visible on white and on black. The first colour is that of the first stage, and so on.
const COLOURS: [&str; 6] = ["#3b82f6", "#f97316", "#10b981", "#a855f7", "#ef4444", "#14b8a6"];
const WIDTH: f64 = 480.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 96.0;
const TEXT: &str = "fill:var(--fg,currentColor)";
const FAINT: &str = "stroke:var(--fg,currentColor);stroke-opacity:.18;fill:none";

/// The colour of the n-th series.
fn colour(n: usize) -> &'static str {
    COLOURS[n % COLOURS.len()]
}

/// An SVG element with a label for screen readers.
fn svg(height: f64, label: &str, body: &str) -> String {
    let label = escaped(label);
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" style=\"width: {WIDTH}px\" role=\"img\" \
         aria-label=\"{label}\">\n{body}</svg>\n"
    )
}

fn text(x: f64, y: f64, anchor: &str, style: &str, text: &str) -> String {
    let text = escaped(text);
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" style=\"{TEXT};text-anchor:{anchor};{style}\">{text}</text>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A logarithmic axis from just below the lowest to just above the highest value.
#[derive(Debug, Clone, Copy)]
struct Axis {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64> + Clone, start: f64, end: f64) -> Self {
        let positive = values.filter(|value| *value > 0.0);
        let lowest = positive.clone().fold(f64::INFINITY, f64::min).min(1e9);
        let highest = positive.fold(0.0, f64::max).max(lowest);
        Self { from: (lowest * 0.8).log10(), to: (highest * 1.25).log10(), start, end }
    }

    fn place(self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).log10() - self.from) / (self.to - self.from);
        self.start + share.clamp(0.0, 1.0) * (self.end - self.start)
    }

    /// 1, 2 and 5 times powers of ten; only powers of ten if there are too many.
    fn ticks(self) -> Vec<f64> {
        let powers = (-3..=6).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        let all: Vec<_> = powers.filter(|tick| (self.from..=self.to).contains(&tick.log10())).collect();
        let is_power = |tick: &f64| (tick.log10() - tick.log10().round()).abs() < 1e-9;
        if all.len() > 8 { all.into_iter().filter(is_power).collect() } else { all }
    }
}

impl Lines {
    /// The chart.
    pub fn svg(&self) -> String {
        const TOP: f64 = 34.0;
        const BOTTOM: f64 = 250.0;
        let points = || self.series.iter().flat_map(|(_, points)| points.iter().copied());
        let x = Axis::around(points().map(|(x, _)| x), LEFT, WIDTH - RIGHT);
        let y = Axis::around(points().map(|(_, y)| y), BOTTOM, TOP);
        let mut body = text(LEFT, 16.0, "start", "font-weight:650", &self.title);
        for tick in y.ticks() {
            let at = y.place(tick);
            writeln!(body, "<path d=\"M{LEFT} {at:.1}H{:.1}\" style=\"{FAINT}\"/>", WIDTH - RIGHT).ok();
            body += &text(LEFT - 6.0, at + 4.0, "end", "font-size:11.5px", &plain(tick));
        }
        for tick in x.ticks() {
            let at = x.place(tick);
            writeln!(body, "<path d=\"M{at:.1} {TOP}V{BOTTOM}\" style=\"{FAINT}\"/>").ok();
            body += &text(at, BOTTOM + 17.0, "middle", "font-size:11.5px", &plain(tick));
        }
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        body += &text(middle, BOTTOM + 36.0, "middle", "font-size:12px;opacity:.8", &self.x);
        body += &text(WIDTH - RIGHT, 16.0, "end", "font-size:12px;opacity:.8", &self.y);
        let ends =
            self.series.iter().map(|(_, points)| points.last().map_or(BOTTOM, |(_, last)| y.place(*last)));
        for (n, ((name, points), label)) in self.series.iter().zip(apart(ends.collect())).enumerate() {
            let at = points.iter().map(|(px, py)| format!("{:.1} {:.1}", x.place(*px), y.place(*py)));
            let (path, colour) = (at.collect::<Vec<_>>().join("L"), colour(n));
            writeln!(body, "<path d=\"M{path}\" style=\"stroke:{colour};stroke-width:2.4;fill:none;stroke-linejoin:round\"/>").ok();
            for (px, py) in points {
                writeln!(
                    body,
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.4\" style=\"fill:{colour};stroke:none\"/>",
                    x.place(*px),
                    y.place(*py)
                )
                .ok();
            }
            body += &text(
                WIDTH - RIGHT + 8.0,
                label + 4.0,
                "start",
                &format!("fill:{colour};font-weight:650"),
                name,
            );
        }
        svg(BOTTOM + 46.0, &format!("{}; {} by {}", self.title, self.y, self.x), &body)
    }
}

/// Heights of labels, moved so that labels do not overlap.
fn apart(heights: Vec<f64>) -> Vec<f64> {
    const LINE: f64 = 16.0;
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    let mut moved = heights;
    for pair in order.windows(2) {
        moved[pair[1]] = moved[pair[1]].max(moved[pair[0]] + LINE);
    }
    moved
}

/// A value on an axis, without needless digits.
fn plain(tick: f64) -> String {
    if tick >= 1.0 { format!("{tick:.0}") } else { format!("{tick}") }
}

impl Availability {
    /// The chart.
    pub fn svg(&self) -> String {
        const PANEL: f64 = 74.0;
        const HEIGHT: f64 = 44.0;
        let seconds = self.panels.iter().map(|panel| panel.percent.len()).max().unwrap_or(1).max(1);
        let x = |second: f64| LEFT + second / seconds as f64 * (WIDTH - LEFT - 12.0);
        let mut body = text(LEFT, 16.0, "start", "font-weight:650", &self.title);
        for (n, panel) in self.panels.iter().enumerate() {
            let top = 44.0 + n as f64 * PANEL;
            body += &text(
                LEFT - 8.0,
                top + HEIGHT / 2.0 + 4.0,
                "end",
                &format!("fill:{};font-weight:650", colour(n)),
                &panel.name,
            );
            for (from, to, what) in &panel.faults {
                let (left, right, bottom) = (x(*from), x(*to), top + HEIGHT);
                writeln!(body, "<path d=\"M{left:.1} {top:.1}H{right:.1}V{bottom:.1}H{left:.1}Z\" style=\"fill:#ef4444;fill-opacity:.16;stroke:none\"/>").ok();
                body += &text(
                    f64::midpoint(left, right),
                    top - 4.0,
                    "middle",
                    "font-size:10.5px;opacity:.85",
                    what,
                );
            }
            writeln!(
                body,
                "<path d=\"M{LEFT} {:.1}H{:.1}\" style=\"{FAINT}\"/>",
                top + HEIGHT,
                x(seconds as f64)
            )
            .ok();
            body += &steps(panel, colour(n), top, HEIGHT, &x);
        }
        let bottom = 44.0 + self.panels.len() as f64 * PANEL;
        for second in (0..=seconds).step_by(10) {
            body += &text(x(second as f64), bottom - 8.0, "middle", "font-size:11.5px", &second.to_string());
        }
        body += &text(WIDTH - 12.0, bottom + 10.0, "end", "font-size:12px;opacity:.8", "seconds");
        svg(bottom + 18.0, &self.title, &body)
    }
}

/// The percentage of each second as a filled step line.
fn steps(panel: &Panel, colour: &str, top: f64, height: f64, x: &impl Fn(f64) -> f64) -> String {
    let bottom = top + height;
    let mut path = format!("M{:.1} {bottom:.1}", x(0.0));
    for (second, percent) in panel.percent.iter().enumerate() {
        let at = bottom - percent.unwrap_or(100.0) / 100.0 * height;
        write!(path, "V{at:.1}H{:.1}", x((second + 1) as f64)).ok();
    }
    format!(
        "<path d=\"{path}V{bottom:.1}Z\" style=\"fill:{colour};fill-opacity:.3;stroke:{colour};stroke-width:1.4\"/>\n"
    )
}

impl Bars {
    /// The chart.
    pub fn svg(&self) -> String {
        const BAR: f64 = 44.0;
        let highest = self.bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
        let mut body = text(LEFT, 16.0, "start", "font-weight:650", &self.title);
        for (n, (name, value)) in self.bars.iter().enumerate() {
            let (top, colour) = (30.0 + n as f64 * BAR, colour(n));
            let right = LEFT + value / highest * (WIDTH - LEFT - RIGHT);
            body += &text(LEFT - 8.0, top + 21.0, "end", &format!("fill:{colour};font-weight:650"), name);
            writeln!(
                body,
                "<path d=\"M{LEFT} {top:.1}H{right:.1}V{:.1}H{LEFT}Z\" style=\"fill:{colour};stroke:none\"/>",
                top + 32.0
            )
            .ok();
            body += &text(right + 7.0, top + 21.0, "start", "font-size:12px", &short(*value));
        }
        svg(36.0 + self.bars.len() as f64 * BAR, &self.title, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines {
        Lines {
            title: "a < b".to_owned(),
            x: "rate".to_owned(),
            y: "ms".to_owned(),
            series: vec![
                ("1".to_owned(), vec![(10.0, 1.0), (100.0, 2.0)]),
                ("2".to_owned(), vec![(10.0, 1.5), (100.0, 2.1)]),
            ],
        }
    }

    #[test]
    fn a_chart_has_a_line_for_each_stage_and_text_in_the_colours_of_the_page() {
        let svg = lines().svg();
        assert!(
            svg.contains(COLOURS[0]) && svg.contains(COLOURS[1]) && svg.contains("var(--fg,currentColor)")
        );
        assert!(svg.contains("a &lt; b") && !svg.contains("NaN"));
    }

    #[test]
    fn a_larger_value_is_higher() {
        let axis = Axis::around([1.0, 100.0].into_iter(), 200.0, 0.0);
        assert!(axis.place(100.0) < axis.place(10.0) && axis.place(10.0) < axis.place(1.0));
        assert_eq!(axis.ticks(), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
    }

    #[test]
    fn labels_of_lines_that_end_together_do_not_overlap() {
        let moved = apart(vec![100.0, 101.0, 99.0]);
        assert!((moved[0] - moved[2]).abs() >= 16.0 && (moved[1] - moved[0]).abs() >= 16.0, "{moved:?}");
    }

    #[test]
    fn an_empty_chart_contains_no_invalid_numbers() {
        let empty = Lines { series: vec![("1".to_owned(), vec![])], ..lines() };
        assert!(!empty.svg().contains("NaN") && !empty.svg().contains("inf"));
        let panels = vec![Panel { name: "1".to_owned(), percent: vec![None], faults: vec![] }];
        assert!(!Availability { title: "x".to_owned(), panels }.svg().contains("NaN"));
        assert!(!Bars { title: "x".to_owned(), bars: vec![("1".to_owned(), 0.0)] }.svg().contains("NaN"));
    }
}

//! Plots as SVG: axes, curves with bands, bars with whiskers, dots. Colours are attributes, so that any program draws a file in
//! its light look; style sheets, by classes, draw it in the dark.

use std::fmt::Write;

use super::svg::{escape, number};

/// Colours of series in the light look; `assets/chart.css` has those of the dark one under the same numbers.
pub const TONES: [&str; 6] = ["#2f5fb3", "#d2691e", "#2e8b57", "#8e4fa8", "#b3364a", "#6f6a60"];

const INK: &str = "#25231f";
const MUTED: &str = "#6b665c";
const LINE: &str = "#dcd8ce";

const STYLE: &str = include_str!("assets/chart.css");

/// Space around the plot for ticks and titles.
const LEFT: f64 = 64.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 50.0;

/// A range of values with ticks at round numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What is measured, with its unit.
    pub title: String,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    decimals: usize,
}

impl Axis {
    /// An axis that holds all finite `values`, widened to ticks of about `count` steps.
    pub fn round(title: &str, values: impl IntoIterator<Item = f64>, count: u32) -> Axis {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = match (low <= high, high - low > 0.0) {
            (true, true) => (low, high),
            (true, false) => (low.min(0.0), if high > 0.0 { high } else { low.min(0.0) + 1.0 }),
            _ => (0.0, 1.0),
        };
        let step = round_step((high - low) / f64::from(count.max(1)));
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let steps = (last - first).clamp(1.0, 100.0) as usize;
        let ticks = (0..=steps).map(|tick| (first + tick as f64) * step).collect();
        let decimals = (-step.log10().floor()).clamp(0.0, 8.0) as usize;
        Axis { title: title.to_owned(), low: first * step, high: (first + steps as f64) * step, ticks, decimals }
    }

    /// An axis from `low` to `high` with ticks at these values.
    pub fn fixed(title: &str, (low, high): (f64, f64), ticks: Vec<f64>) -> Axis {
        Axis { title: title.to_owned(), low, high, ticks, decimals: 0 }
    }

    /// Where a value lies, 0 to 1 within the axis.
    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// 1, 2 or 5 times a power of ten, not below `least` by more than a rounding.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= least * 0.999);
    factor.unwrap_or(10.0) * power
}

/// How a mark is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// A series, by number.
    Tone(usize),
    /// As text.
    Ink,
    /// As lesser text.
    Muted,
}

impl Paint {
    fn class(self) -> String {
        match self {
            Paint::Tone(tone) => format!("t{}", tone % TONES.len()),
            Paint::Ink => "ink".to_owned(),
            Paint::Muted => "muted".to_owned(),
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Paint::Tone(tone) => TONES[tone % TONES.len()],
            Paint::Ink => INK,
            Paint::Muted => MUTED,
        }
    }
}

/// Side of a point at which words stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// They begin there.
    Start,
    /// They are centred.
    Middle,
    /// They end there.
    End,
}

/// A plot in the making.
#[derive(Debug, Clone)]
pub struct Chart {
    width: f64,
    height: f64,
    right: f64,
    left: f64,
    x: Axis,
    y: Axis,
    body: String,
}

impl Chart {
    /// Axes and grid; `right` is the space beside the plot for names of curves.
    pub fn new((width, height): (f64, f64), right: f64, x: Axis, y: Axis) -> Chart {
        let mut chart = Chart { width, height, right, left: LEFT, x, y, body: String::new() };
        chart.draw_axes();
        chart
    }

    /// A plot whose rows have names instead of a vertical scale: row `i` of `names` is at `y = i`, the first on top.
    pub fn rows(width: f64, names: &[String], x: Axis) -> Chart {
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(28);
        let height = names.len() as f64 * 24.0 + TOP + BOTTOM;
        let y = Axis::fixed("", (names.len() as f64 - 0.5, -0.5), Vec::new());
        let left = 20.0 + 6.6 * longest as f64;
        let mut chart = Chart { width, height, right: 24.0, left: left.max(LEFT), x, y, body: String::new() };
        chart.draw_axes();
        for (row, name) in names.iter().enumerate() {
            let (x, y) = (chart.left - 10.0, chart.at_y(row as f64) + 4.0);
            chart.words((x, y), &super::svg::shorten(name, 28), Paint::Ink, Anchor::End, 12);
        }
        chart
    }

    fn at_x(&self, value: f64) -> f64 {
        self.left + (self.width - self.left - self.right) * self.x.share(value)
    }

    fn at_y(&self, value: f64) -> f64 {
        TOP + (self.height - TOP - BOTTOM) * (1.0 - self.y.share(value))
    }

    fn draw_axes(&mut self) {
        let (end, base) = (self.width - self.right, self.height - BOTTOM);
        for tick in self.y.ticks.clone() {
            let y = self.at_y(tick);
            self.rule((self.left, y), (end, y), tick.abs() < 1e-12);
            let words = signed(tick, self.y.decimals);
            self.words((self.left - 9.0, y + 4.0), &words, Paint::Muted, Anchor::End, 12);
        }
        for tick in self.x.ticks.clone() {
            let x = self.at_x(tick);
            if self.y.ticks.is_empty() {
                self.rule((x, TOP), (x, base), tick.abs() < 1e-12);
            } else {
                self.rule((x, base), (x, base + 5.0), true);
            }
            let words = signed(tick, self.x.decimals);
            self.words((x, base + 20.0), &words, Paint::Muted, Anchor::Middle, 12);
        }
        if !self.y.ticks.is_empty() {
            self.rule((self.left, base), (end, base), true);
        }
        let title = self.x.title.clone();
        self.words(((self.left + end) / 2.0, self.height - 10.0), &title, Paint::Ink, Anchor::Middle, 13);
        let (y, title) = (number((TOP + base) / 2.0, 1), escape(&self.y.title));
        let _ = writeln!(
            self.body,
            "<text class=\"ink\" fill=\"{INK}\" font-size=\"13\" text-anchor=\"middle\" transform=\"translate(17 {y}) rotate(-90)\">{title}</text>"
        );
    }

    fn rule(&mut self, from: (f64, f64), to: (f64, f64), strong: bool) {
        let (class, colour) = if strong { ("axis", MUTED) } else { ("line", LINE) };
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(|at| number(at, 2));
        let _ = writeln!(
            self.body,
            "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{colour}\" stroke-width=\"1\"/>"
        );
    }

    fn words(&mut self, (x, y): (f64, f64), text: &str, paint: Paint, anchor: Anchor, size: u32) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (class, colour, x, y) = (paint.class(), paint.colour(), number(x, 2), number(y, 2));
        let text = escape(text);
        let _ = writeln!(
            self.body,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" fill=\"{colour}\" font-size=\"{size}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let place = |(x, y): (f64, f64)| format!("{} {}", number(self.at_x(x), 2), number(self.at_y(y), 2));
        format!("M{}", points.into_iter().map(place).collect::<Vec<_>>().join("L"))
    }

    /// An area between two curves, given as `(x, low, high)`.
    pub fn band(&mut self, points: &[(f64, f64, f64)], paint: Paint) {
        let there = points.iter().map(|&(x, low, _)| (x, low));
        let back = points.iter().rev().map(|&(x, _, high)| (x, high));
        let (path, class, colour) = (self.path(there.chain(back)), paint.class(), paint.colour());
        let _ = writeln!(self.body, "<path class=\"{class}\" d=\"{path}Z\" fill=\"{colour}\" fill-opacity=\"0.16\"/>");
    }

    /// A curve.
    pub fn curve(&mut self, points: &[(f64, f64)], paint: Paint, width: f64) {
        let (path, class, colour) = (self.path(points.iter().copied()), paint.class(), paint.colour());
        let _ = writeln!(
            self.body,
            "<path class=\"{class} stroke\" d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"/>"
        );
    }

    /// A dashed line from one point to another, in the axes' units.
    pub fn dashed(&mut self, from: (f64, f64), to: (f64, f64), paint: Paint) {
        let (path, class, colour) = (self.path([from, to]), paint.class(), paint.colour());
        let _ = writeln!(
            self.body,
            "<path class=\"{class} stroke\" d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" stroke-dasharray=\"5 4\"/>"
        );
    }

    /// Dots of this radius.
    pub fn dots(&mut self, points: impl IntoIterator<Item = (f64, f64)>, paint: Paint, (radius, opacity): (f64, f64)) {
        let (class, colour) = (paint.class(), paint.colour());
        let _ = write!(self.body, "<g class=\"{class}\" fill=\"{colour}\" fill-opacity=\"{opacity}\">");
        for (x, y) in points {
            let (x, y) = (number(self.at_x(x), 1), number(self.at_y(y), 1));
            let _ = write!(self.body, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
        }
        self.body.push_str("</g>\n");
    }

    /// A bar of a row from 0 to `value`, with what it says when pointed at.
    pub fn row_bar(&mut self, row: usize, value: f64, paint: Paint, title: &str) {
        let (from, to) = (self.at_x(0.0), self.at_x(value));
        let (y, class, colour) = (number(self.at_y(row as f64) - 8.0, 2), paint.class(), paint.colour());
        let (x, width) = (number(from.min(to), 2), number((to - from).abs(), 2));
        let title = escape(title);
        let _ = writeln!(
            self.body,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"16\" rx=\"1.5\" fill=\"{colour}\" fill-opacity=\"0.85\"><title>{title}</title></rect>"
        );
    }

    /// The ends of an interval of a row, joined.
    pub fn row_whisker(&mut self, row: usize, (low, high): (f64, f64)) {
        let (from, to, y) = (self.at_x(low), self.at_x(high), self.at_y(row as f64));
        for (a, b) in [((from, y), (to, y)), ((from, y - 4.0), (from, y + 4.0)), ((to, y - 4.0), (to, y + 4.0))] {
            let [x1, y1, x2, y2] = [a.0, a.1, b.0, b.1].map(|at| number(at, 2));
            let _ = writeln!(
                self.body,
                "<line class=\"ink stroke\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{INK}\" stroke-width=\"1.3\"/>"
            );
        }
    }

    /// Words at a point, in the axes' units, moved by pixels.
    pub fn label(&mut self, (x, y): (f64, f64), (right, down): (f64, f64), text: &str, paint: Paint, anchor: Anchor) {
        let place = (self.at_x(x) + right, self.at_y(y) + down);
        self.words(place, text, paint, anchor, 12);
    }

    /// Words left of the plot, at a height in the axis' units.
    pub fn left_label(&mut self, y: f64, text: &str, paint: Paint) {
        let place = (self.left - 10.0, self.at_y(y) + 4.0);
        let room = (self.left / 6.6) as usize;
        self.words(place, &super::svg::shorten(text, room), paint, Anchor::End, 12);
    }

    /// Names at the right ends of curves, pushed apart where they would touch; `(y, name, paint)`.
    pub fn names(&mut self, mut names: Vec<(f64, String, Paint)>) {
        names.sort_by(|a, b| b.0.total_cmp(&a.0));
        let x = self.width - self.right + 9.0;
        let lowest = self.height - BOTTOM;
        let mut places: Vec<f64> = names.iter().map(|name| self.at_y(name.0) + 4.0).collect();
        for at in 1..places.len() {
            places[at] = places[at].max(places[at - 1] + 15.0);
        }
        let over = places.last().map_or(0.0, |last| (last - lowest - 4.0).max(0.0));
        let room = (self.right / 6.6) as usize;
        for ((_, name, paint), y) in names.into_iter().zip(places) {
            self.words((x, y - over), &super::svg::shorten(&name, room), paint, Anchor::Start, 12);
        }
    }

    /// As a file of its own.
    pub fn file(&self) -> String {
        file((self.width, self.height), &self.body)
    }

    /// Inside a page whose style sheet holds that of charts; `title` says what it shows.
    pub fn embedded(&self, title: &str) -> String {
        embedded((self.width, self.height), &self.body, title)
    }
}

/// A map of numbers as coloured cells, from falling to rising ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// Rows.
    pub rows: u32,
    /// Columns.
    pub columns: u32,
    /// A value for each cell, row by row; none where nothing is known.
    pub values: Vec<Option<f64>>,
    /// What is measured, with its unit.
    pub title: String,
}

/// Side of the whole map, and space for the scale beside it.
const MAP: f64 = 330.0;
const SCALE: f64 = 120.0;

impl Cells {
    fn body(&self) -> String {
        let most = self.values.iter().flatten().fold(0.0f64, |most, value| most.max(value.abs()));
        let side = MAP / f64::from(self.rows.max(self.columns).max(1));
        let mut svg = String::new();
        let cell = |svg: &mut String, (x, y, w, h): (f64, f64, f64, f64), value: f64| {
            let opacity = if most > 0.0 { (value.abs() / most).clamp(0.0, 1.0) } else { 0.0 };
            let paint = Paint::Tone(if value < 0.0 { 4 } else { 0 });
            let [x, y, w, h] = [x, y, w, h].map(|at| number(at, 2));
            let (class, colour, opacity, title) = (paint.class(), paint.colour(), number(opacity, 3), signed(value, 2));
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{colour}\" fill-opacity=\"{opacity}\"><title>{title}</title></rect>"
            );
        };
        for (place, value) in (0u32..).zip(&self.values) {
            let (row, column) = (f64::from(place / self.columns.max(1)), f64::from(place % self.columns.max(1)));
            let (x, y) = (14.0 + column * side, 14.0 + row * side);
            if let Some(value) = value {
                cell(&mut svg, (x + 0.5, y + 0.5, side - 1.0, side - 1.0), *value);
            }
        }
        let (w, h) = (number(side * f64::from(self.columns), 2), number(side * f64::from(self.rows), 2));
        let _ = writeln!(
            svg,
            "<rect class=\"line\" x=\"14\" y=\"14\" width=\"{w}\" height=\"{h}\" fill=\"none\" stroke=\"{LINE}\"/>"
        );
        let x = 14.0 + MAP + 22.0;
        for step in 0..20 {
            let value = most * (1.0 - f64::from(step) / 9.5);
            cell(&mut svg, (x, 14.0 + f64::from(step) * 10.0, 16.0, 10.0), value);
        }
        for (value, y) in [(most, 24.0), (0.0, 118.0), (-most, 212.0)] {
            let (x, y, text) = (number(x + 24.0, 1), number(y, 1), signed(value, 2));
            let _ = writeln!(
                svg,
                "<text class=\"muted\" x=\"{x}\" y=\"{y}\" fill=\"{MUTED}\" font-size=\"12\">{text}</text>"
            );
        }
        let (x, title) = (number(14.0 + MAP / 2.0, 1), escape(&self.title));
        let y = number(14.0 + side * f64::from(self.rows) + 24.0, 1);
        let _ = writeln!(
            svg,
            "<text class=\"ink\" x=\"{x}\" y=\"{y}\" fill=\"{INK}\" font-size=\"13\" text-anchor=\"middle\">{title}</text>"
        );
        svg
    }

    fn size() -> (f64, f64) {
        (14.0 + MAP + SCALE, MAP + 14.0 + 34.0)
    }

    /// As a file of its own.
    pub fn file(&self) -> String {
        file(Cells::size(), &self.body())
    }

    /// Inside a page whose style sheet holds that of charts; `title` says what it shows.
    pub fn embedded(&self, title: &str) -> String {
        embedded(Cells::size(), &self.body(), title)
    }
}

fn file((width, height): (f64, f64), body: &str) -> String {
    let (width, height) = (number(width, 1), number(height, 1));
    let (prologue, namespace, font) = (super::svg::PROLOGUE, super::svg::NAMESPACE, super::svg::FONT);
    format!(
        "{prologue}<svg {namespace} {font} class=\"chart\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

fn embedded((width, height): (f64, f64), body: &str, title: &str) -> String {
    let (width, height, title) = (number(width, 1), number(height, 1), escape(title));
    format!(
        "<svg {} class=\"chart\" role=\"img\" aria-label=\"{title}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n{body}</svg>\n",
        super::svg::NAMESPACE
    )
}

/// A number with the sign that typesetters use.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().any(|c| c.is_ascii_digit() && c != '0') => format!("−{rest}"),
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_their_values_between_ticks_at_round_numbers() {
        let axis = Axis::round("", [0.0, 53.3], 6);
        assert_eq!(axis.ticks, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        let axis = Axis::round("", [-0.013, 0.19, f64::NAN], 5);
        assert_eq!((axis.low, axis.high, axis.decimals), (-0.05, 0.2, 2));
        for values in [vec![], vec![0.0], vec![7.0, 7.0], vec![-3.0], vec![1e-9, 2e-9], vec![1e12, -1e12]] {
            let axis = Axis::round("", values.clone(), 5);
            assert!(axis.high > axis.low && axis.ticks.len() < 20, "{values:?}: {axis:?}");
            assert!(
                values.iter().all(|value| (-1e-6..=1.0 + 1e-6).contains(&axis.share(*value))),
                "{values:?}: {axis:?}"
            );
        }
    }

    #[test]
    fn a_curve_goes_where_its_values_are_and_names_cannot_leave_their_text() {
        let (x, y) = (Axis::round("a<b", [0.0, 10.0], 5), Axis::round("y", [0.0, 1.0], 5));
        let mut chart = Chart::new((200.0, 164.0), 36.0, x, y);
        chart.curve(&[(0.0, 0.0), (10.0, 1.0)], Paint::Tone(0), 2.0);
        chart.names(vec![(1.0, "<script>".into(), Paint::Ink)]);
        let svg = chart.file();
        assert!(svg.contains("d=\"M64 114L164 14\""), "{svg}");
        assert!(svg.contains("a&lt;b") && !svg.contains("<script"), "{svg}");
        assert!(chart.embedded("\"").contains("aria-label=\"&quot;\""));
    }

    #[test]
    fn names_that_would_touch_are_pushed_apart_and_stay_in_the_picture() {
        let axis = || Axis::round("", [0.0, 1.0], 2);
        let mut chart = Chart::new((200.0, 164.0), 60.0, axis(), axis());
        chart.names((0..4).map(|at| (0.01 * f64::from(at), format!("n{at}"), Paint::Ink)).collect());
        let at = |name: &str| {
            let line = chart.body.lines().find(|line| line.contains(&format!(">{name}<"))).unwrap();
            line.split("y=\"").nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap()
        };
        let places = ["n3", "n2", "n1", "n0"].map(at);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 14.9) && places[3] <= 118.1, "{places:?}");
    }

    #[test]
    fn minus_signs_are_not_hyphens_and_zero_has_none() {
        assert_eq!(
            (signed(-1.5, 1).as_str(), signed(-0.0, 2).as_str(), signed(-0.001, 2).as_str()),
            ("−1.5", "0", "0")
        );
    }
}

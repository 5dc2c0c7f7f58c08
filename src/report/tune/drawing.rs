//! The sweep as a drawing of its own: caught against falsely stopped, and under it the time to stop. One file without
//! scripts, fonts or links, readable on light and on dark pages.

use crate::model::time::Duration;
use crate::report::svg::{Node, node};
use crate::review::sweep::{Outcome, Point};

use super::{Tuned, span};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 456.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 700.0;
/// The upper panel, from its top to its bottom.
const UPPER: (f64, f64) = (86.0, 236.0);
/// The lower one.
const LOWER: (f64, f64) = (290.0, 376.0);

const STYLE: &str = "\
svg{color-scheme:light dark;font:13px system-ui,sans-serif;background:#fff;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;\
--good:#1a7f37;--bad:#cf222e;--time:#0969da}\
@media(prefers-color-scheme:dark){svg{background:#0d1117;--ink:#f0f6fc;--soft:#9198a1;--line:#3d444d;--good:#3fb950;\
--bad:#f85149;--time:#58a6ff}}\
text{fill:var(--ink)}.soft{fill:var(--soft);font-size:12px}.head{font-size:15px;font-weight:600}\
.grid{stroke:var(--line)}.now{stroke:var(--soft);stroke-dasharray:4 3}\
.caught{stroke:var(--good)}.stopped{stroke:var(--bad)}.median,.worst{stroke:var(--time)}.worst{stroke-dasharray:2 4}\
.caught,.stopped,.median,.worst{fill:none;stroke-width:2}\
.refused{fill:var(--line);opacity:.5}\
.dot-caught{fill:var(--good)}.dot-stopped{fill:var(--bad)}.dot-median{fill:var(--time)}.dot-worst{fill:none;stroke:var(--time)}";

/// The file.
#[must_use]
pub fn svg(tuned: &Tuned) -> String {
    let chart = Chart::of(tuned);
    let mut svg = node("svg")
        .set("xmlns", "http://www.w3.org/2000/svg")
        .set("viewBox", format_args!("0 0 {WIDTH} {HEIGHT}"))
        .at("width", WIDTH)
        .at("height", HEIGHT)
        .set("role", "img")
        .set("aria-label", format_args!("{}; {}", tuned.head(), tuned.says.join("; ")))
        .child(node("title").text(&tuned.head()))
        .child(node("desc").text(&tuned.says.join("; ")))
        .child(node("style").text(STYLE))
        .child(words(LEFT, 26.0, "head", &tuned.head()))
        .child(words(LEFT, 46.0, "soft", &tuned.evidence()));
    svg = svg
        .children(chart.refused(tuned))
        .children(chart.legend(tuned))
        .children(chart.shares(tuned))
        .children(chart.times(tuned));
    format!("{}\n", svg.children(chart.axis(tuned)))
}

fn words(x: f64, y: f64, class: &str, text: &str) -> Node {
    node("text").at("x", x).at("y", y).class(class).text(text)
}

/// Where values lie.
struct Chart {
    low: f64,
    high: f64,
}

/// What is drawn of an outcome, between 0 and 1.
type Share<'s> = dyn Fn(&Outcome) -> Option<f64> + 's;

impl Chart {
    fn of(tuned: &Tuned) -> Chart {
        let at = || tuned.values.iter().map(|point| point.at);
        Chart { low: at().fold(f64::INFINITY, f64::min), high: at().fold(f64::NEG_INFINITY, f64::max) }
    }

    fn x(&self, at: f64) -> f64 {
        let span = self.high - self.low;
        if span > 0.0 { LEFT + (at - self.low) / span * (RIGHT - LEFT) } else { f64::midpoint(LEFT, RIGHT) }
    }

    /// A line through the values that compile, broken where one does not, with a dot and its words at each.
    fn series(
        &self,
        tuned: &Tuned,
        (top, bottom): (f64, f64),
        class: &str,
        share: &Share<'_>,
        hover: &dyn Fn(&Outcome) -> String,
    ) -> Vec<Node> {
        let (mut path, mut dots, mut joined) = (String::new(), Vec::new(), false);
        for point in &tuned.values {
            let Some((outcome, share)) = point.outcome.as_ref().and_then(|outcome| Some((outcome, share(outcome)?)))
            else {
                joined = false;
                continue;
            };
            let (x, y) = (self.x(point.at), bottom - share.clamp(0.0, 1.0) * (bottom - top));
            path.push_str(&format!("{}{x:.1} {y:.1}", if joined { 'L' } else { 'M' }));
            joined = true;
            let dot = node("circle").at("cx", x).at("cy", y).at("r", 3.0).class(&format!("dot-{class}"));
            dots.push(dot.title(&format!("{} {}: {}", tuned.key, point.value, hover(outcome))));
        }
        if dots.is_empty() {
            return dots;
        }
        std::iter::once(node("path").class(class).set("d", path)).chain(dots).collect()
    }

    fn shares(&self, tuned: &Tuned) -> Vec<Node> {
        let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
        let (top, bottom) = UPPER;
        let mut nodes = grid(UPPER, &[(0.0, "0%".to_owned()), (0.5, "50%".to_owned()), (1.0, "100%".to_owned())]);
        let stopped = |outcome: &Outcome| share(outcome.tally.stopped, outcome.tally.good);
        let caught = |outcome: &Outcome| share(outcome.tally.caught, outcome.tally.incidents);
        nodes.extend(self.series(tuned, (top, bottom), "stopped", &stopped, &|outcome| {
            format!("stopped {} of {} good releases", outcome.tally.stopped, outcome.tally.good)
        }));
        nodes.extend(self.series(tuned, (top, bottom), "caught", &caught, &|outcome| {
            format!("caught {} of {} incidents", outcome.tally.caught, outcome.tally.incidents)
        }));
        nodes
    }

    fn times(&self, tuned: &Tuned) -> Vec<Node> {
        let outcomes = || tuned.values.iter().filter_map(|point| point.outcome.as_ref());
        let Some(longest) = outcomes().filter_map(|outcome| outcome.worst_to_stop).max().filter(|time| !time.is_zero())
        else {
            return vec![words(LEFT, LOWER.0 + 20.0, "soft", "no incident was stopped: there is no time to show")];
        };
        let share = |time: Option<Duration>| time.map(|time| time.as_millis() as f64 / longest.as_millis() as f64);
        let mut nodes = grid(LOWER, &[(0.0, "0s".to_owned()), (1.0, longest.to_string())]);
        let said = |what: &'static str, time: Option<Duration>| {
            format!("{what} {}", time.map_or_else(String::new, |time| time.to_string()))
        };
        nodes.extend(self.series(tuned, LOWER, "worst", &|outcome| share(outcome.worst_to_stop), &|outcome| {
            said("at worst", outcome.worst_to_stop)
        }));
        nodes.extend(self.series(tuned, LOWER, "median", &|outcome| share(outcome.tally.median_to_stop), &|outcome| {
            said("in the middle", outcome.tally.median_to_stop)
        }));
        nodes
    }

    fn legend(&self, tuned: &Tuned) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut entry = |x: f64, y: f64, class: &str, text: &str| {
            nodes.push(node("line").at("x1", x).at("x2", x + 22.0).at("y1", y - 4.0).at("y2", y - 4.0).class(class));
            nodes.push(words(x + 28.0, y, "soft", text));
        };
        let upper = UPPER.0 - 8.0;
        entry(LEFT, upper, "caught", "incidents caught");
        entry(LEFT + 170.0, upper, "stopped", "good releases stopped");
        let lower = LOWER.0 - 8.0;
        entry(LEFT, lower, "median", "time to stop those caught: median");
        entry(LEFT + 250.0, lower, "worst", "worst");
        if let Some(point) = tuned.values.iter().find(|point| point.current) {
            let x = self.x(point.at);
            nodes.push(node("line").at("x1", x).at("x2", x).at("y1", UPPER.0).at("y2", LOWER.1).class("now"));
        }
        nodes
    }

    /// Values under the chart: the one in force and the ends always, others where there is room.
    fn axis(&self, tuned: &Tuned) -> Vec<Node> {
        let points = &tuned.values;
        let current = points.iter().find(|point| point.current);
        let ends = points.first().into_iter().chain(points.last());
        let due: Vec<&Point> = current.into_iter().chain(ends.filter(|point| !point.current)).collect();
        let mut labels: Vec<Label> = Vec::new();
        for (nth, point) in due.iter().copied().chain(points).enumerate() {
            let text = if point.current { format!("{} (in force)", point.value) } else { point.value.clone() };
            let mut label = Label { x: self.x(point.at), row: 0.0, text };
            let is_free = |label: &Label| labels.iter().all(|other| label.is_apart(other));
            if nth < due.len() && !is_free(&label) {
                // An end so close to the value in force stands below it.
                label.row = 14.0;
            }
            if is_free(&label) {
                labels.push(label);
            }
        }
        let y = LOWER.1 + 18.0;
        let label = |label: &Label| words(label.x, y + label.row, "soft", &label.text).set("text-anchor", "middle");
        let mut nodes: Vec<Node> = labels.iter().map(label).collect();
        let name = format!("{} {}", tuned.check, tuned.key);
        let middle = |below: f64, text: &str| {
            words(f64::midpoint(LEFT, RIGHT), y + below, "soft", text).set("text-anchor", "middle")
        };
        nodes.push(middle(32.0, &name));
        let refused: Vec<String> = refused(points).map(span).collect();
        if !refused.is_empty() {
            nodes.push(middle(50.0, &format!("shaded: the policy does not compile with {}", refused.join(", "))));
        }
        nodes
    }

    /// Where the policy does not compile nothing was tried.
    fn refused(&self, tuned: &Tuned) -> Vec<Node> {
        let shade = |run: &[Point]| {
            let (first, last) = (run.first()?, run.last()?);
            let (from, to) = (self.x(first.at) - 4.0, self.x(last.at) + 4.0);
            let shade = node("rect").at("x", from).at("y", UPPER.0).at("width", to - from).class("refused");
            let why = first.refused.as_deref().unwrap_or("does not compile");
            Some(shade.at("height", LOWER.1 - UPPER.0).title(&format!("{} {}: {why}", tuned.key, span(run))))
        };
        refused(&tuned.values).filter_map(shade).collect()
    }
}

/// Runs of neighbours that are refused.
fn refused(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    let runs = points.chunk_by(|one, next| one.outcome.is_none() == next.outcome.is_none());
    runs.filter(|run| run.iter().all(|point| point.outcome.is_none()))
}

/// A value under the chart.
struct Label {
    x: f64,
    row: f64,
    text: String,
}

impl Label {
    /// Half of what it takes up, about.
    fn half(&self) -> f64 {
        self.text.chars().count() as f64 * 3.4 + 5.0
    }

    fn is_apart(&self, other: &Label) -> bool {
        (self.row - other.row).abs() > 1.0 || (self.x - other.x).abs() >= self.half() + other.half()
    }
}

/// Level lines with their labels at the left.
fn grid((top, bottom): (f64, f64), levels: &[(f64, String)]) -> Vec<Node> {
    let level = |(share, label): &(f64, String)| {
        let y = bottom - share * (bottom - top);
        let line = node("line").at("x1", LEFT).at("x2", RIGHT).at("y1", y).at("y2", y).class("grid");
        [line, words(LEFT - 8.0, y + 4.0, "soft", label).set("text-anchor", "end")]
    };
    levels.iter().flat_map(level).collect()
}

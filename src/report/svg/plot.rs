//! What charts are drawn from: blocks, steps, lines, areas, points, marks and words, on one time axis.
//!
//! Instants are shares of the width, so a drawing stretches with the page; lines that need coordinates stand in a
//! `viewBox` of their own that stretches sideways only, with strokes that keep their width.

use crate::model::time::Time;

use super::clock::Tick;
use super::scale::{Extent, Scale};
use super::{Node, Number, node};

/// Units of the stretched coordinates for one percent of the width.
const FINE: f64 = 10.0;

/// A drawing of so many pixels' height and all the width there is. Screen readers say `title` and `description`.
#[must_use]
pub fn drawing(height: f64, title: &str, description: &str) -> Node {
    let label = if description.is_empty() { title.to_owned() } else { format!("{title}: {description}") };
    let drawing = node("svg").class("plot").at("height", height).set("role", "img").set("aria-label", label);
    let drawing = drawing.child(node("title").text(title));
    if description.is_empty() { drawing } else { drawing.child(node("desc").text(description)) }
}

/// Stretched coordinates of so many pixels' height, for lines and areas.
#[must_use]
pub fn stretched(height: f64, children: impl IntoIterator<Item = Node>) -> Node {
    let inner = node("svg").set("width", "100%").at("height", height).set("preserveAspectRatio", "none");
    inner.set("viewBox", format_args!("0 0 {} {}", Number(100.0 * FINE), Number(height))).children(children)
}

/// A line through `points`, for [`stretched`].
#[must_use]
pub fn line(extent: &Extent, scale: &Scale, points: &[(Time, f64)], class: &str) -> Node {
    let mut path = String::new();
    for (at, (time, value)) in points.iter().enumerate() {
        let command = if at == 0 { 'M' } else { 'L' };
        path.push_str(&format!(
            "{command}{} {}",
            Number(round(extent.x(*time) * FINE)),
            Number(round(scale.y(*value)))
        ));
    }
    node("path").class(class).set("d", path)
}

/// A tenth of a pixel is finer than anybody sees; more digits only make the file larger.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A line of steps: each value stands until the next one, the last until `end`; for [`stretched`].
#[must_use]
pub fn steps(extent: &Extent, scale: &Scale, values: &[(Time, f64)], end: Time, class: &str) -> Node {
    let mut corners: Vec<(Time, f64)> = Vec::new();
    for (at, (time, value)) in values.iter().enumerate() {
        let until = values.get(at + 1).map_or(end, |(next, _)| *next);
        corners.extend([(*time, *value), (until, *value)]);
    }
    line(extent, scale, &corners, class)
}

/// Everything between steps and the upper or the lower edge of the chart; for [`stretched`].
#[must_use]
pub fn beyond(
    extent: &Extent,
    scale: &Scale,
    values: &[(Time, f64)],
    end: Time,
    above: bool,
    class: &str,
) -> Vec<Node> {
    let edge = if above { scale.top() } else { scale.bottom() };
    let block = |(at, (time, value)): (usize, &(Time, f64))| {
        let until = values.get(at + 1).map_or(end, |(next, _)| *next);
        let (x, y) = (extent.x(*time) * FINE, scale.y(*value));
        let width = (extent.x(until) * FINE - x).max(0.0);
        let rect = node("rect").class(class).at("x", x).at("y", y.min(edge));
        rect.at("width", width).at("height", (y - edge).abs())
    };
    values.iter().enumerate().map(block).collect()
}

/// A block from one instant to another, with words inside that are cut off where it ends.
#[must_use]
pub fn block(
    extent: &Extent,
    (from, to): (Time, Time),
    (top, height): (f64, f64),
    class: &str,
    words: &str,
    hover: &str,
) -> Node {
    let (x, width) = (extent.x(from), (extent.x(to) - extent.x(from)).max(0.15));
    let rect = node("rect").class(class).share("x", x).at("y", top).share("width", width).at("height", height);
    let drawn = node("g").title(hover).child(rect);
    // Nothing legible fits into less.
    if words.is_empty() || width < 1.2 {
        return drawn;
    }
    let inside = node("svg").share("x", x).at("y", top).share("width", width).at("height", height);
    let text = node("text").class("inside").at("x", 5.0).at("y", height / 2.0).set("dominant-baseline", "central");
    drawn.child(inside.child(text.text(words)))
}

/// A vertical mark through the whole drawing.
#[must_use]
pub fn upright(extent: &Extent, at: Time, (top, bottom): (f64, f64), class: &str, hover: &str) -> Node {
    let x = extent.x(at);
    node("line").class(class).share("x1", x).share("x2", x).at("y1", top).at("y2", bottom).title(hover)
}

/// A dot.
#[must_use]
pub fn point(extent: &Extent, scale: &Scale, (at, value): (Time, f64), class: &str, hover: &str) -> Node {
    let dot = node("circle").class(class).share("cx", extent.x(at)).at("cy", scale.y(value)).at("r", 3.5);
    dot.title(hover)
}

/// Words that begin at an instant, or end there when it lies in the last part of the drawing.
#[must_use]
pub fn words(extent: &Extent, at: Time, y: f64, class: &str, words: &str) -> Node {
    let x = extent.x(at);
    let anchor = if x > 85.0 { "end" } else { "start" };
    node("text").class(class).share("x", x).at("y", y).set("text-anchor", anchor).text(words)
}

/// The horizontal lines of a chart at round values, with the values at the left for where [`gauge`] has no room.
#[must_use]
pub fn grid(scale: &Scale) -> Vec<Node> {
    let mark = |(value, label): (f64, String)| {
        let y = scale.y(value);
        let line = node("line").class("grid").set("x1", "0").set("x2", "100%").at("y1", y).at("y2", y);
        let below = if y - 4.0 < scale.top() + 4.0 { y + 11.0 } else { y - 3.0 };
        [line, node("text").class("tick narrow").set("x", "2").at("y", below).text(&label)]
    };
    scale.ticks().into_iter().flat_map(mark).collect()
}

/// The round values of a chart as a drawing of their own, beside it.
#[must_use]
pub fn gauge(scale: &Scale, height: f64) -> Node {
    let mark = |(value, label): (f64, String)| {
        let y = scale.y(value).clamp(scale.top() + 2.0, scale.bottom() - 2.0) + 3.5;
        node("text").class("tick").set("x", "100%").set("text-anchor", "end").at("y", y).text(&label)
    };
    let drawing = node("svg").class("gauge").at("height", height).set("aria-hidden", "true");
    drawing.children(scale.ticks().into_iter().map(mark))
}

/// The vertical lines of a chart at round times.
#[must_use]
pub fn hours(extent: &Extent, ticks: &[Tick], (top, bottom): (f64, f64)) -> Vec<Node> {
    ticks.iter().enumerate().map(|(at, tick)| upright(extent, tick.at, (top, bottom), grid_class(at), "")).collect()
}

/// The labels of the time axis, two lines high: the time, and the date where it changes. Every other label gives way
/// where the page is narrow.
#[must_use]
pub fn axis(extent: &Extent, ticks: &[Tick]) -> Vec<Node> {
    let label = |(at, tick): (usize, &Tick)| {
        let x = extent.x(tick.at);
        let anchor = if x > 96.0 {
            "end"
        } else if x < 3.0 {
            "start"
        } else {
            "middle"
        };
        let class = if at % 2 == 1 { "tick wide" } else { "tick" };
        let text = |y: f64, words: &str, class: &str| {
            node("text").class(class).share("x", x).at("y", y).set("text-anchor", anchor).text(words)
        };
        let mut lines = vec![text(12.0, &tick.label, class)];
        if !tick.date.is_empty() {
            lines.push(text(25.0, &tick.date, "tick date"));
        }
        lines
    };
    ticks.iter().enumerate().flat_map(label).collect()
}

const fn grid_class(at: usize) -> &'static str {
    if at % 2 == 1 { "grid wide" } else { "grid" }
}

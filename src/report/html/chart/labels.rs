//! The names of the bounds, at the height of their lines where there is room beside the chart, and as a list where
//! there is none.

use crate::model::finding::{CheckKind, Side};
use crate::model::units::Unit;
use crate::report::layout::cut;
use crate::report::svg::scale::{Scale, rounded};
use crate::report::svg::{Node, node};

use super::super::levels;
use super::Bound;

/// How far two names are apart at least.
pub(super) const APART: f64 = 27.0;
/// Characters that fit beside the chart.
const ROOM: usize = 25;

/// Where a bound last stood.
pub(super) fn level(bound: &Bound<'_>) -> Option<f64> {
    bound.track.bounds.values().filter_map(|value| *value).last()
}

/// `P0 isolation_score.p0`.
pub(super) fn name(bound: &Bound<'_>) -> String {
    let region = if bound.regional { format!(" {}", bound.track.region) } else { String::new() };
    let was = if bound.was { "was " } else { "" };
    match bound.check.kind {
        CheckKind::Gate => format!("{was}gate {}{region}", bound.check.id),
        _ => format!("{was}{} {}{region}", bound.check.severity, bound.check.id),
    }
}

/// Its class of the style.
pub(super) fn class(bound: &Bound<'_>) -> &'static str {
    if bound.was {
        return "was";
    }
    levels::of_severity((bound.check.kind != CheckKind::Gate).then_some(bound.check.severity))
}

/// Beside the chart: two lines each, moved apart where they would meet.
pub(super) fn beside(bounds: &[Bound<'_>], scale: &Scale, unit: Unit, height: f64) -> Node {
    let mut placed: Vec<(f64, &Bound<'_>, f64)> =
        bounds.iter().filter_map(|bound| level(bound).map(|level| (scale.y(level), bound, level))).collect();
    // As many as fit: those in the chart, then the most severe; the list for narrow pages has them all.
    let most = (height / APART).floor().max(1.0) as usize;
    if placed.len() > most {
        placed.sort_by_key(|(_, bound, level)| (scale.shows(*level), bound.check.severity));
        placed.drain(..placed.len() - most);
    }
    // Those outside of the chart keep their order at its edge.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.2.total_cmp(&a.2)));
    let mut heights: Vec<f64> = Vec::new();
    for (y, ..) in &placed {
        let lowest = heights.last().map_or(11.0, |last: &f64| last + APART);
        heights.push((y - 2.0).max(lowest));
    }
    // Pushed below the edge: move all of them up, keeping their distance.
    let mut limit = height - 15.0;
    for y in heights.iter_mut().rev() {
        *y = y.min(limit);
        limit = *y - APART;
    }
    let label = |((line, bound, level), y): (&(f64, &Bound<'_>, f64), &f64)| {
        let class = class(bound);
        let lead = node("line").class(&format!("lead {class}")).set("x1", "0").set("x2", "9");
        let lead = lead.at("y1", *line).at("y2", *y);
        let first = node("text").class(&format!("bound-name {class}")).set("x", "12").at("y", y + 3.0);
        let below = node("text").class("bound-words").set("x", "12").at("y", y + 15.0);
        let hover = format!("{}: {}", name(bound), bound.check.words);
        let words = words(bound, scale, unit, *level);
        node("g").title(&hover).children([lead, first.text(&cut(&name(bound), ROOM, "…")), below.text(&words)])
    };
    let drawn = placed.iter().zip(&heights).map(label);
    node("svg").class("bounds").at("height", height).set("aria-hidden", "true").children(drawn)
}

/// `below 95%: roll back`, with an arrow where the line is outside of the chart.
fn words(bound: &Bound<'_>, scale: &Scale, unit: Unit, level: f64) -> String {
    let obliges = levels::obliges(bound.check.response);
    let relation = match bound.side {
        Side::Above => "above",
        Side::Below => "below",
    };
    let outside = match scale.shows(level) {
        true => "",
        false if scale.y(level) <= scale.top() => "↑ ",
        false => "↓ ",
    };
    match bound.check.kind {
        CheckKind::Gate => format!("{outside}closed {relation} {}", rounded(unit, level)),
        _ if unit == Unit::State => format!("{}: {obliges}", bound.check.words),
        _ => format!("{outside}{relation} {}: {obliges}", rounded(unit, level)),
    }
}

/// As a list: the class and the words of each.
pub(super) fn legend(bounds: &[Bound<'_>], scale: &Scale) -> Vec<(&'static str, String)> {
    let outside = |bound: &Bound<'_>| level(bound).is_some_and(|level| !scale.shows(level));
    let words = |bound: &Bound<'_>| {
        let outside = if outside(bound) { " (outside of the chart)" } else { "" };
        (class(bound), format!("{}: {}{outside}", name(bound), bound.check.words))
    };
    bounds.iter().map(words).collect()
}

//! The names of the bounds, at the height of their lines where there is room beside the chart, and as a list where
//! there is none.

use crate::model::finding::{CheckKind, Side};
use crate::model::units::Unit;
use crate::report::layout::cut;
use crate::report::svg::scale::{Scale, brief};
use crate::report::svg::{Node, node};

use super::super::levels;
use super::Bound;

/// How far two names are apart at least.
const APART: f64 = 27.0;
/// Characters that fit beside the chart.
const ROOM: usize = 27;

/// Where a bound last stood.
pub(super) fn level(bound: &Bound<'_>) -> Option<f64> {
    bound.track.bounds.values().filter_map(|value| *value).last()
}

/// `P0 isolation_score.p0`.
pub(super) fn name(bound: &Bound<'_>) -> String {
    let region =
        if bound.track.region.as_str().is_empty() { String::new() } else { format!(" {}", bound.track.region) };
    match bound.check.kind {
        CheckKind::Gate => format!("gate {}{region}", bound.check.id),
        _ => format!("{} {}{region}", bound.check.severity, bound.check.id),
    }
}

fn class(bound: &Bound<'_>) -> &'static str {
    levels::of_severity((bound.check.kind != CheckKind::Gate).then_some(bound.check.severity))
}

/// Beside the chart: two lines each, moved apart where they would meet.
pub(super) fn beside(bounds: &[Bound<'_>], scale: &Scale, unit: Unit, height: f64) -> Node {
    let mut placed: Vec<(f64, &Bound<'_>, f64)> =
        bounds.iter().filter_map(|bound| level(bound).map(|level| (scale.y(level), bound, level))).collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    // As many as fit, the most severe first; the list below the chart has them all.
    let most = (height / APART).floor().max(1.0) as usize;
    if placed.len() > most {
        let mut by_severity: Vec<_> = placed.iter().map(|(y, bound, _)| (bound.check.severity, *y)).collect();
        by_severity.sort_by(|a, b| b.0.cmp(&a.0));
        by_severity.truncate(most);
        placed.retain(|(y, bound, _)| by_severity.contains(&(bound.check.severity, *y)));
        placed.truncate(most);
    }
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
        let relation = match bound.side {
            Side::Above => "above",
            Side::Below => "below",
        };
        let second = format!("{relation} {}: {}", brief(unit, *level), levels::obliges(bound.check.response));
        let second = if bound.check.kind == CheckKind::Gate {
            format!("open unless {relation} {}", brief(unit, *level))
        } else {
            second
        };
        let lead =
            node("line").class(&format!("lead {class}")).set("x1", "0").set("x2", "9").at("y1", *line).at("y2", *y);
        let first = node("text").class(&format!("bound-name {class}")).set("x", "12").at("y", y + 3.0);
        let below = node("text").class("bound-words").set("x", "12").at("y", y + 15.0);
        let hover = format!("{}: {}", name(bound), bound.check.words);
        let lines = [lead, first.text(&cut(&name(bound), ROOM, "…")), below.text(&second)];
        node("g").title(&hover).children(lines)
    };
    let drawn = placed.iter().zip(&heights).map(label);
    node("svg").class("bounds").at("height", height).set("aria-hidden", "true").children(drawn)
}

/// As a list: the class and the words of each.
pub(super) fn legend(bounds: &[Bound<'_>]) -> Vec<(&'static str, String)> {
    bounds.iter().map(|bound| (class(bound), format!("{}: {}", name(bound), bound.check.words))).collect()
}

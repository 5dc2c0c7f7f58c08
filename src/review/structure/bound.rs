//! Two bounds on the same metric, component by component: which breaks on more readings, whatever they are compared
//! with.

use std::cmp::Ordering;

use crate::model::finding::Side;
use crate::model::frame::Metric;
use crate::model::units::Unit;
use crate::policy::compiled::{Bound, Check, Floor, Limit, Policy, Than};
use crate::review::change::{Bearing, Direction};

use super::{Edit, words};

/// Every edited part of the bound. Both watch the same metric.
pub(crate) fn edits(metric: &Metric, old: (&Check, &Bound), new: (&Check, &Bound)) -> Vec<Edit> {
    let ((old_check, was), (new_check, is)) = (old, new);
    let unit = metric.unit;
    let mut edits = Vec::new();
    let (before, after) = (words::limit(old_check, was, unit), words::limit(new_check, is, unit));
    let (old_key, new_key) = (words::key(old_check, was), words::key(new_check, is));
    if was.side != is.side {
        let edit = if unit == Unit::State {
            Edit::new("is", before, after)
        } else {
            Edit::new("side", format!("{old_key} {before}"), format!("{new_key} {after}"))
        };
        edits.push(edit.because("the other side of the bound is a breach now"));
        return edits;
    }
    if was.limit.than() != is.limit.than() {
        let edit = match (was.limit.than(), is.limit.than()) {
            (Some(old), Some(new)) if before == after => {
                Edit::new("than", words::than(Some(old)), words::than(Some(new)))
            }
            (old, new) => Edit::new(new_key, compared(before, old), compared(after, new)),
        };
        edits.push(edit.because("what it is compared with differs, so neither contains the other"));
    } else if was.limit != is.limit {
        let edit = Edit::new(new_key, before, after);
        edits.push(limit(edit, metric, was, is));
    }
    if was.floor != is.floor {
        let edit =
            Edit::of(words::floor_key(is.side), words::floor(old_check, was, unit), words::floor(new_check, is, unit));
        edits.push(floor(edit, metric, was, is));
    }
    if was.group != is.group {
        let edit = Edit::new("group", was.group.name(), is.group.name());
        edits.push(edit.because("it watches others now"));
    }
    edits
}

/// `+10% than control`; a level is compared with nothing.
fn compared(limit: String, than: Option<Than>) -> String {
    than.map_or_else(|| limit.clone(), |_| format!("{limit} than {}", words::than(than)))
}

fn limit(edit: Edit, metric: &Metric, was: &Bound, is: &Bound) -> Edit {
    let is_as_it_was = Bound { limit: is.limit, ..*was };
    if let (Some(before), Some(after)) = (effective(was), effective(&is_as_it_was)) {
        return by_level(edit, is.side, before, after);
    }
    let order = match (was.limit, is.limit) {
        (Limit::Relative { fraction: a, .. }, Limit::Relative { fraction: b, .. })
            if is_monotone(metric, was) && is_monotone(metric, is) =>
        {
            strictness(is.side, a, b)
        }
        (Limit::Difference { delta: a, .. }, Limit::Difference { delta: b, .. }) => strictness(is.side, a, b),
        (Limit::Relative { .. }, Limit::Relative { .. }) => {
            return edit.because("a comparison below zero turns a percentage around, so neither contains the other");
        }
        _ => {
            return edit
                .because("a percentage and an amount cross: which of them acts on more depends on the comparison");
        }
    };
    edit.goes(Direction::of(order))
}

fn floor(edit: Edit, metric: &Metric, was: &Bound, is: &Bound) -> Edit {
    let is_as_it_was = Bound { floor: is.floor, ..*was };
    if let (Some(before), Some(after)) = (effective(was), effective(&is_as_it_was)) {
        return by_level(edit, is.side, before, after);
    }
    match (was.floor, is.floor) {
        (None, Some(_)) | (Some(_), None) if defines(metric, was) || defines(metric, is) => edit.because(
            "with a comparison of zero the floor decides alone, and without a floor nothing does; \
             elsewhere a bound with a floor acts on less",
        ),
        (None, Some(_)) => edit.goes(Direction::Looser),
        (Some(_), None) => edit.goes(Direction::Tighter),
        (Some(Floor::Level(a)), Some(Floor::Level(b))) | (Some(Floor::Difference(a)), Some(Floor::Difference(b))) => {
            edit.goes(Direction::of(strictness(is.side, a, b)))
        }
        _ => edit.because("a level and a difference cross: which of them acts on more depends on the comparison"),
    }
}

/// Whether only a floor says what the bound is where the comparison is zero or less, and it may be.
pub(crate) fn defines(metric: &Metric, bound: &Bound) -> bool {
    matches!(bound.limit, Limit::Relative { .. }) && metric.range.is_none_or(|range| range.lo <= 0.0)
}

fn by_level(edit: Edit, side: Side, before: f64, after: f64) -> Edit {
    match strictness(side, before, after) {
        Ordering::Equal => {
            edit.bears(Bearing::AsBefore).because("acts on the same readings: the other of its two bounds decides")
        }
        order => edit.goes(Direction::of(order)),
    }
}

/// How the bound at `new` compares with the one at `old`: greater acts on more.
fn strictness(side: Side, old: f64, new: f64) -> Ordering {
    let order = old.partial_cmp(&new).unwrap_or(Ordering::Equal);
    match side {
        Side::Above => order,
        Side::Below => order.reverse(),
    }
}

/// Where bound and floor are of one kind, the one further out decides, whatever the comparison is.
fn effective(bound: &Bound) -> Option<f64> {
    let outer = |a: f64, b: f64| match bound.side {
        Side::Above => a.max(b),
        Side::Below => a.min(b),
    };
    match (bound.limit, bound.floor) {
        (Limit::Absolute(level), None) => Some(level),
        (Limit::Absolute(level), Some(Floor::Level(floor))) => Some(outer(level, floor)),
        (Limit::Difference { delta, .. }, Some(Floor::Difference(floor))) => Some(outer(delta, floor)),
        _ => None,
    }
}

/// Whether a larger percentage is further out for every comparison. Below zero it is not; without a floor such a
/// comparison is unknown, and with a fitting one the floor decides alone.
fn is_monotone(metric: &Metric, bound: &Bound) -> bool {
    let can_be_negative = metric.range.is_none_or(|range| range.lo < 0.0);
    let Limit::Relative { fraction, .. } = bound.limit else { return true };
    match (bound.floor, bound.side) {
        (None, _) => true,
        (Some(Floor::Level(level)), Side::Above) => !can_be_negative || (level >= 0.0 && fraction >= -1.0),
        (Some(Floor::Level(_)), Side::Below) => !can_be_negative,
        (Some(Floor::Difference(delta)), Side::Above) => !can_be_negative || (delta >= 0.0 && fraction >= 0.0),
        (Some(Floor::Difference(delta)), Side::Below) => !can_be_negative || (delta <= 0.0 && fraction <= 0.0),
    }
}

/// The bound in the metric's unit against one comparison value: where to look for a reading that shows an edit. The
/// engine, not this, says whether the reading does.
pub(crate) fn level(bound: &Bound, comparison: f64) -> f64 {
    let relative = match bound.limit {
        Limit::Absolute(level) => level,
        Limit::Relative { fraction, .. } => comparison * (1.0 + fraction),
        Limit::Difference { delta, .. } => comparison + delta,
    };
    let floor = match bound.floor {
        None => return relative,
        Some(Floor::Level(level)) => level,
        Some(Floor::Difference(delta)) => comparison + delta,
    };
    match bound.side {
        Side::Above => relative.max(floor),
        Side::Below => relative.min(floor),
    }
}

/// Whether two bounds of two policies mean the same.
pub(crate) fn is_same(old: (&Policy, &Bound), new: (&Policy, &Bound)) -> bool {
    let name = |(policy, bound): (&Policy, &Bound)| {
        policy.catalogue.metric(bound.metric).map(|metric| (metric.name.clone(), metric.unit))
    };
    let (a, b) = (old.1, new.1);
    name(old) == name(new) && a.side == b.side && a.limit == b.limit && a.floor == b.floor && a.group == b.group
}

//! How metrics are judged, and what severities oblige.

use crate::model::finding::CheckKind;
use crate::model::frame::{Kind, Metric, MetricIx};
use crate::model::severity::Severity;
use crate::model::units::Better;
use crate::model::units::Unit;
use crate::policy::compiled::{Check, Condition, MetricRules, OnUnknown, Policy};
use crate::review::change::{Bearing, Change, Direction, Subject};

use super::reading::{Shows, example};
use super::weight::{self, Weight};
use super::{Edit, Pair, words};

/// What each severity obliges, and whom it tells.
pub(crate) fn severities(pair: &Pair<'_>) -> Vec<Change> {
    let mut all = Vec::new();
    for severity in Severity::ALL {
        let (Some(was), Some(is)) =
            (pair.old.severities.get(severity.index()), pair.new.severities.get(severity.index()))
        else {
            continue;
        };
        if was.then != is.then {
            let both = pair.old.checks.iter().filter_map(|old| {
                let new = pair.new.check(pair.new.find_check(old.id.as_str())?)?;
                let of_it = old.kind == CheckKind::Threshold && old.severity == severity && new.severity == severity;
                of_it.then_some((old, new))
            });
            let both: Vec<_> = both.collect();
            let names: Vec<&str> = both.iter().map(|(_, check)| check.id.as_str()).collect();
            let direction = Direction::of(is.then.cmp(&was.then));
            let edit = Edit::new("then", was.then.to_string(), is.then.to_string()).goes(direction);
            let mut change =
                edit.because(format!("what {} do", words::listed(&names))).about(Subject::Severity(severity));
            change.severity = Some(severity);
            change.response = Some(was.then.max(is.then));
            change.counterexample =
                both.iter().find_map(|(old, new)| example(pair, Some(old), Some(new), direction, Shows::Response));
            all.push(change);
        }
        if was.notify != is.notify {
            let edit = Edit::new("notify", words::listed(&was.notify), words::listed(&is.notify));
            let edit = edit.bears(Bearing::Untouched).because("who is told; nothing is decided by it");
            let mut change = edit.about(Subject::Severity(severity));
            change.severity = Some(severity);
            all.push(change);
        }
    }
    all
}

/// Every edit of how a metric is judged.
pub(crate) fn metrics(pair: &Pair<'_>) -> Vec<Change> {
    let mut all = Vec::new();
    for (metric, rules) in each(pair.old) {
        let subject = Subject::Metric(metric.name.clone());
        let there = pair.new.catalogue.find(metric.name.as_str());
        let Some((is, new_rules)) = there.and_then(|ix| one(pair.new, ix)) else {
            let edit = Edit::of("", Some(described(metric)), None);
            all.push(edit.because("not declared any more; the checks on it are gone too").about(subject));
            continue;
        };
        let edits = declared(metric, is).into_iter().chain(judged(rules, new_rules));
        all.extend(edits.map(|edit| {
            let weight = weight(pair, metric, rules, &edit, is_wider((metric, rules), (is, new_rules), &edit.part));
            weight.on(edit.about(subject.clone()))
        }));
    }
    for (metric, _) in each(pair.new).filter(|(metric, _)| pair.old.catalogue.find(metric.name.as_str()).is_none()) {
        let used: Vec<String> = readers(pair.new, metric).map(|check| check.id.to_string()).collect();
        let words = match used.as_slice() {
            [] => "declared, and no check reads it".to_owned(),
            used => format!("unknown, and so holding, until a source carries it; read by {}", words::listed(used)),
        };
        let edit = Edit::of("", None, Some(described(metric)));
        all.push(edit.because(words).about(Subject::Metric(metric.name.clone())));
    }
    all
}

/// The worst that the edit of one part may keep from happening.
fn weight(pair: &Pair<'_>, metric: &Metric, was: &MetricRules, edit: &Edit, wider: bool) -> Weight {
    match edit.part.as_str() {
        "on_unknown" | "unknown_after" => weight::of_silence(was),
        "group" => weight::of_group(pair, &metric.name),
        _ => weight::of_limit(pair, metric, was, wider, None),
    }
}

/// Whether every reading that was known is known still.
fn is_wider(was: (&Metric, &MetricRules), is: (&Metric, &MetricRules), part: &str) -> bool {
    match part {
        "min_samples" => is.1.min_samples <= was.1.min_samples,
        "max_age" => is.1.max_age >= was.1.max_age,
        "stuck_after" => match (was.1.stuck_after, is.1.stuck_after) {
            (Some(was), Some(is)) => is >= was,
            (_, is) => is.is_none(),
        },
        "range" => match (was.0.range, is.0.range) {
            (Some(was), Some(is)) => is.lo <= was.lo && is.hi >= was.hi,
            (_, is) => is.is_none(),
        },
        _ => false,
    }
}

fn each(policy: &Policy) -> impl Iterator<Item = (&Metric, &MetricRules)> {
    policy.catalogue.metrics().iter().zip(&policy.metrics)
}

fn one(policy: &Policy, ix: MetricIx) -> Option<(&Metric, &MetricRules)> {
    Some((policy.catalogue.metric(ix)?, policy.metrics.get(usize::from(ix.0))?))
}

fn readers<'p>(policy: &'p Policy, metric: &Metric) -> impl Iterator<Item = &'p Check> + use<'p> {
    let ix = policy.catalogue.find(metric.name.as_str());
    let reads = move |check: &&Check| match &check.condition {
        Condition::Bound(bound) => Some(bound.metric) == ix,
        Condition::Script { reads, .. } => reads.iter().any(|(metric, _)| Some(*metric) == ix),
    };
    policy.checks.iter().filter(reads)
}

fn described(metric: &Metric) -> String {
    format!("in {}, better {}", metric.unit, better(metric.better))
}

const fn better(better: Better) -> &'static str {
    match better {
        Better::Higher => "higher",
        Better::Lower => "lower",
    }
}

/// What a metric is.
fn declared(was: &Metric, is: &Metric) -> Vec<Edit> {
    let mut edits = Vec::new();
    if was.unit != is.unit {
        edits.push(Edit::new("unit", was.unit.name(), is.unit.name()).because("its numbers mean something else"));
    }
    if was.better != is.better {
        let edit = Edit::new("better", better(was.better), better(is.better));
        edits.push(edit.because("of two readings of one instant the worse one counts, and that is another one now"));
    }
    if was.range != is.range {
        let shown = |metric: &Metric| metric.range.map(|range| shown_range(metric.unit, range.lo, range.hi));
        let edit = Edit::of("range", shown(was), shown(is));
        edits.push(edit.because("readings outside are unknown: they hold, and fire nothing"));
    }
    if was.kind != is.kind {
        let shown = |kind: Kind| if kind == Kind::Counter { "counter" } else { "gauge" };
        let edit = Edit::new("kind", shown(was.kind), shown(is.kind));
        edits.push(edit.because("a counter's reading is its increase, a gauge's is itself"));
    }
    edits
}

fn shown_range(unit: Unit, lo: f64, hi: f64) -> String {
    format!("{} to {}", unit.show(lo), unit.show(hi))
}

/// How its readings are judged.
fn judged(was: &MetricRules, is: &MetricRules) -> Vec<Edit> {
    let mut edits = Vec::new();
    if was.max_age != is.max_age {
        edits.push(max_age(was.max_age, is.max_age));
    }
    if was.min_samples != is.min_samples {
        edits.push(min_samples(was.min_samples, is.min_samples));
    }
    if was.on_unknown != is.on_unknown {
        let shown = |what: OnUnknown| if what == OnUnknown::Rollback { "rollback" } else { "hold" };
        let direction = if is.on_unknown == OnUnknown::Rollback { Direction::Tighter } else { Direction::Looser };
        let edit = Edit::new("on_unknown", shown(was.on_unknown), shown(is.on_unknown)).goes(direction);
        edits.push(edit.because("what a silence that lasts does"));
    }
    // Where nobody wrote it, it follows max_age, and is told there.
    let follows = |rules: &MetricRules| rules.unknown_after == rules.max_age.saturating_mul(3);
    if was.unknown_after != is.unknown_after && !(follows(was) && follows(is)) {
        let direction = Direction::of(was.unknown_after.cmp(&is.unknown_after));
        let edit = Edit::new("unknown_after", was.unknown_after.to_string(), is.unknown_after.to_string());
        let words = if is.on_unknown == OnUnknown::Rollback {
            "how long a silence may last before the exposure is taken back"
        } else {
            "how long a silence may last before somebody is told"
        };
        edits.push(edit.goes(direction).because(words));
    }
    if was.stuck_after != is.stuck_after {
        let shown = |rules: &MetricRules| rules.stuck_after.map(|after| after.to_string());
        let edit = Edit::of("stuck_after", shown(was), shown(is));
        edits.push(edit.because("a value that repeats for longer is unknown: it holds, and fires nothing"));
    }
    if was.group != is.group {
        let edit = Edit::new("group", was.group.name(), is.group.name());
        edits.push(edit.because("whom the checks on it watch, unless they say otherwise"));
    }
    edits
}

/// A reading that is unknown never advances and never fires.
pub(crate) fn min_samples(was: u64, is: u64) -> Edit {
    let words = if is > was {
        "more readings are unknown: it holds more often, and fires less"
    } else {
        "fewer readings are unknown: it holds less often, and fires more"
    };
    Edit::new("min_samples", was.to_string(), is.to_string()).because(words)
}

/// The same of readings that are too old.
pub(crate) fn max_age(was: crate::model::time::Duration, is: crate::model::time::Duration) -> Edit {
    let words = if is > was {
        "old readings count for longer: fewer are unknown, so it holds less often, and fires more"
    } else {
        "readings turn unknown sooner: it holds more often, and fires less"
    };
    Edit::new("max_age", was.to_string(), is.to_string()).because(words)
}

//! Values of a policy in its own words.

use crate::model::finding::{CheckKind, Side};
use crate::model::severity::Response;
use crate::model::units::Unit;
use crate::policy::compiled::{Bound, Check, Floor, Limit, Policy, StageSet, Than};

/// The key that the bound of `check` is written with.
pub(crate) fn key(check: &Check, bound: &Bound) -> &'static str {
    match (check.kind, bound.side) {
        (CheckKind::Gate, Side::Below) => "at_least",
        (CheckKind::Gate, Side::Above) => "at_most",
        (_, Side::Above) => "above",
        (_, Side::Below) => "below",
    }
}

/// The key that its floor is written with.
pub(crate) const fn floor_key(side: Side) -> &'static str {
    match side {
        Side::Above => "and_above",
        Side::Below => "and_below",
    }
}

/// The literals of a condition as written: the bound's, and the floor's.
pub(crate) fn literals(check: &Check) -> (Option<&str>, Option<&str>) {
    let mut found = ["above ", "below ", "at least ", "at most "].into_iter().flat_map(|word| {
        check.words.match_indices(word).filter_map(move |(at, _)| {
            let text = check.words.get(at + word.len()..)?.split(' ').next()?;
            Some((at, text))
        })
    });
    let first = found.next();
    let second = found.next();
    match (first, second) {
        (Some((a, text)), Some((b, other))) if b < a => (Some(other), Some(text)),
        (first, second) => (first.map(|(_, text)| text), second.map(|(_, text)| text)),
    }
}

/// The bound as written, or as its unit shows it: `95%`, `+10%`, `failed`.
pub(crate) fn limit(check: &Check, bound: &Bound, unit: Unit) -> String {
    if unit == Unit::State {
        let breach = bound.side == Side::Above;
        return (if breach == (check.kind != CheckKind::Gate) { "failed" } else { "ok" }).to_owned();
    }
    if let (Some(text), _) = literals(check) {
        return text.to_owned();
    }
    match bound.limit {
        Limit::Absolute(level) => unit.show(level).to_string(),
        Limit::Relative { fraction, .. } => format!("{:+}%", fraction * 100.0),
        Limit::Difference { delta, .. } => unit.show_difference(delta).to_string(),
    }
}

/// The floor as written.
pub(crate) fn floor(check: &Check, bound: &Bound, unit: Unit) -> Option<String> {
    let floor = bound.floor?;
    Some(literals(check).1.map_or_else(
        || match floor {
            Floor::Level(level) => unit.show(level).to_string(),
            Floor::Difference(delta) => unit.show_difference(delta).to_string(),
        },
        str::to_owned,
    ))
}

pub(crate) const fn than(than: Option<Than>) -> &'static str {
    match than {
        None => "a level",
        Some(Than::Baseline) => "baseline",
        Some(Than::Control) => "control",
    }
}

/// The whole check: `error_rate above 1% for 2m, rolls back`.
pub(crate) fn check(policy: &Policy, check: &Check) -> String {
    use crate::policy::compiled::Condition;
    let what = match &check.condition {
        Condition::Bound(bound) => {
            let name = policy.catalogue.metric(bound.metric).map_or("?", |metric| metric.name.as_str());
            format!("{name} {}", check.words)
        }
        Condition::Script { .. } => check.words.to_string(),
    };
    match check.kind {
        CheckKind::Gate => what,
        _ => format!("{what}, {}", does(check.response)),
    }
}

/// `rolls back`, `holds`, `warns`.
pub(crate) const fn does(response: Response) -> &'static str {
    match response {
        Response::Warn => "warns",
        Response::Hold => "holds",
        Response::Rollback => "rolls back",
    }
}

/// `rolled back`, `held`, `warned`.
pub(crate) const fn did(response: Response) -> &'static str {
    match response {
        Response::Warn => "warned",
        Response::Hold => "held",
        Response::Rollback => "rolled back",
    }
}

/// The stages of a set by name; `every stage` for all.
pub(crate) fn stages(policy: &Policy, set: StageSet) -> String {
    let inside = |at: usize| u8::try_from(at).is_ok_and(|at| set.contains(crate::policy::compiled::StageIx(at)));
    let names: Vec<&str> =
        policy.stages.iter().enumerate().filter(|(at, _)| inside(*at)).map(|(_, stage)| stage.name.as_str()).collect();
    if names.len() == policy.stages.len() { "every stage".to_owned() } else { listed(&names) }
}

/// `a, b`; `none` for nothing.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ")
}

/// `yes`, `no`.
pub(crate) fn flag(set: bool) -> &'static str {
    if set { "true" } else { "false" }
}

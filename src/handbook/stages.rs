//! A rung of the ladder in words: who sees it, what must be served, who says yes.

use crate::model::units::Unit;
use crate::policy::compiled::{CheckIx, OnMax, Stage};

use super::Handbook;
use super::markdown::{and, code, codes};
use super::words::{grouped, long};

/// Who sees the change.
pub(super) fn exposure(stage: &Stage) -> String {
    let share = Unit::Percent.show(stage.traffic);
    match (stage.traffic, stage.audience.is_empty()) {
        (traffic, _) if traffic >= 100.0 => "everybody (100%)".to_owned(),
        (traffic, true) if traffic <= 0.0 => "nobody (0%)".to_owned(),
        (traffic, false) if traffic <= 0.0 => format!("only {}", codes(&stage.audience)),
        (_, true) => format!("{share} of traffic"),
        (_, false) => format!("{share} of traffic, and {}", codes(&stage.audience)),
    }
}

/// The share alone: `0%`, `10%`, `audience`.
pub(super) fn share(stage: &Stage) -> String {
    if stage.traffic <= 0.0 && !stage.audience.is_empty() {
        return "audience only".to_owned();
    }
    Unit::Percent.show(stage.traffic).to_string()
}

/// Good time to serve.
pub(super) fn bake(stage: &Stage, is_last: bool) -> String {
    match (stage.bake, is_last) {
        (Some(bake), _) => bake.to_string(),
        (None, true) => "none: ongoing".to_owned(),
        (None, false) => "none: left by a person".to_owned(),
    }
}

/// Wall time, and what passing it does.
pub(super) fn max(book: &Handbook<'_>, stage: &Stage) -> String {
    match (stage.max, stage.on_max) {
        (None, _) => "none".to_owned(),
        (Some(max), OnMax::Hold) => format!("{max}, then hold"),
        (Some(max), OnMax::Rollback) => {
            format!("{max}, then roll back to {}", code(book.stage_name(stage.rollback_to)))
        }
    }
}

/// Who must say yes before it is left.
pub(super) fn approvals(stage: &Stage) -> Option<String> {
    let wanted = stage.approvals.as_ref()?;
    let roles = codes(wanted.roles.iter());
    Some(match wanted.people {
        0 | 1 => roles,
        people => format!("{roles}, at least {people} different people"),
    })
}

/// What leaving before the bake is served takes.
pub(super) fn early_exit(book: &Handbook<'_>, stage: &Stage) -> Option<String> {
    let exit = stage.early_exit.as_ref()?;
    let mut needs = vec![format!("{} of good time", exit.after)];
    if !exit.gates.is_empty() {
        needs.push(format!("{} open", gates(book, &exit.gates)));
    }
    if exit.samples > 0 {
        needs.push(format!("{} samples of every metric that counts them", grouped(exit.samples)));
    }
    Some(and(needs))
}

/// Gates by name.
pub(super) fn gates(book: &Handbook<'_>, gates: &[CheckIx]) -> String {
    codes(gates.iter().filter_map(|ix| book.policy.check(*ix)).map(|check| check.id.as_str()))
}

/// How long good time is at most counted: a sentence for the bake.
pub(super) fn bake_sentence(stage: &Stage) -> Option<String> {
    let bake = stage.bake?;
    Some(format!(
        "{} of good time: everything known, nothing at hold or worse broken. Time with a finding or a missing reading \
         does not count and does not reset it",
        long(bake)
    ))
}

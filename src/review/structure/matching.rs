//! Which check of the new policy is which of the old one. Ids are permanent, but a list of bounds may lose its first
//! one, and people rename triggers.

use std::collections::BTreeSet;

use crate::model::finding::CheckKind;
use crate::policy::compiled::{Check, Condition, Policy, StageIx};

use super::{Pair, bound, window};

/// A check as it was, as it is.
pub(crate) type Matched<'a> = (Option<&'a Check>, Option<&'a Check>);

/// Every check of both, in the order of the new policy; those that are gone come last.
pub(crate) fn checks<'a>(pair: &Pair<'a>) -> Vec<Matched<'a>> {
    let mut old: Vec<&'a Check> = pair.old.checks.iter().collect();
    let mut new: Vec<Option<&'a Check>> = pair.new.checks.iter().map(Some).collect();
    let mut found: Vec<(usize, Option<&'a Check>, &'a Check)> = Vec::new();
    let ids = |checks: &[Check]| checks.iter().map(|check| check.id.clone()).collect::<BTreeSet<_>>();
    let (old_ids, new_ids) = (ids(&pair.old.checks), ids(&pair.new.checks));
    let mut take = |fits: &dyn Fn(&Check, &Check) -> bool| {
        for (at, slot) in new.iter_mut().enumerate() {
            let Some(is) = *slot else { continue };
            let Some(was) = old.iter().position(|was| fits(was, is)) else { continue };
            found.push((at, Some(old.remove(was)), is));
            *slot = None;
        }
    };
    take(&|was, is| was.id == is.id && means_the_same(pair, was, is));
    take(&|was, is| {
        let free = !new_ids.contains(&was.id) && !old_ids.contains(&is.id);
        (free || are_of_one_list(was, is)) && means_the_same(pair, was, is) && are_where_they_were(pair, was, is)
    });
    take(&|was, is| was.id == is.id);
    found.extend(new.iter().enumerate().filter_map(|(at, is)| is.map(|is| (at, None, is))));
    found.sort_by_key(|(at, ..)| *at);
    let mut all: Vec<Matched<'a>> = found.into_iter().map(|(_, was, is)| (was, Some(is))).collect();
    all.extend(old.into_iter().map(|was| (Some(was), None)));
    all
}

/// Two bounds of the same metric and level: `error_rate.p0` and `error_rate.p0.2`.
fn are_of_one_list(was: &Check, is: &Check) -> bool {
    let list = |check: &Check| {
        let mut parts = check.id.as_str().splitn(3, '.');
        (parts.next().map(str::to_owned), parts.next().map(str::to_owned))
    };
    was.kind == CheckKind::Threshold && is.kind == CheckKind::Threshold && list(was) == list(is)
}

/// Whether the two watch the same, the same way. Who is told, and what is done, is no part of it.
fn means_the_same(pair: &Pair<'_>, was: &Check, is: &Check) -> bool {
    let gates = (was.kind == CheckKind::Gate) == (is.kind == CheckKind::Gate);
    let condition = match (&was.condition, &is.condition) {
        (Condition::Bound(a), Condition::Bound(b)) => bound::is_same((pair.old, a), (pair.new, b)),
        (Condition::Script { text: a, .. }, Condition::Script { text: b, .. }) => a == b && was.words == is.words,
        _ => false,
    };
    gates && condition && window::is_same(was.window, is.window) && was.clear == is.clear
}

fn are_where_they_were(pair: &Pair<'_>, was: &Check, is: &Check) -> bool {
    was.kind == CheckKind::Gate
        || pair.stages.iter().all(|(old, new)| was.stages.contains(*old) == is.stages.contains(*new))
}

/// Whether `check` is asked anything in `stage`: a gate where the stage or its early exit names it.
pub(crate) fn is_active(policy: &Policy, check: &Check, stage: StageIx) -> bool {
    if check.kind != CheckKind::Gate {
        return check.stages.contains(stage);
    }
    let (Some(at), Some(ix)) = (policy.stage(stage), policy.find_check(check.id.as_str())) else { return false };
    at.gates.contains(&ix) || at.early_exit.as_ref().is_some_and(|exit| exit.gates.contains(&ix))
}

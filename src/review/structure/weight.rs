//! What an edit weighs that is of no check itself: the worst of the checks that it may keep from acting. Readings that
//! turn unknown fire nothing, so a metric's limits weigh as much as the bounds on it.

use crate::model::finding::CheckKind;
use crate::model::frame::{Group, Metric, MetricIx};
use crate::model::ids::MetricName;
use crate::model::severity::{Response, Severity};
use crate::policy::compiled::{Check, Condition, MetricRules, OnMax, OnUnknown, Policy, StageIx, Than};
use crate::review::change::Change;

use super::Pair;

/// The worst severity and response of some checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Weight {
    pub(crate) severity: Option<Severity>,
    pub(crate) response: Option<Response>,
}

impl Weight {
    /// A roll back by silence or by a deadline, that no check decides.
    pub(crate) const ROLL_BACK: Weight = Weight { severity: None, response: Some(Response::Rollback) };

    fn of<'c>(checks: impl Iterator<Item = &'c Check>) -> Weight {
        let acting = checks.filter(|check| check.kind != CheckKind::Gate && !check.shadow);
        acting.fold(Weight::default(), |worst, check| Weight {
            severity: worst.severity.max(Some(check.severity)),
            response: worst.response.max(Some(check.response)),
        })
    }

    /// The change, weighing so much at least.
    pub(crate) fn on(self, change: Change) -> Change {
        Change { severity: change.severity.max(self.severity), response: change.response.max(self.response), ..change }
    }
}

/// The hardest that a policy does by anything: a check, a silence, a deadline. No severity: it is of no one check.
pub(crate) fn of_all(policy: &Policy) -> Weight {
    let silence = policy.metrics.iter().any(|rules| rules.on_unknown == OnUnknown::Rollback);
    let deadline = policy.stages.iter().any(|stage| stage.max.is_some() && stage.on_max == OnMax::Rollback);
    let by_itself = (silence || deadline).then_some(Response::Rollback);
    Weight { severity: None, response: Weight::of(policy.checks.iter()).response.max(by_itself) }
}

/// The old policy's checks that read `metric`, or ask a check that does; with a stage, those active there.
pub(crate) fn of_metric(pair: &Pair<'_>, metric: &MetricName, stage: Option<StageIx>) -> Weight {
    let Some(ix) = pair.old.catalogue.find(metric.as_str()) else { return Weight::default() };
    let there = |check: &Check| stage.is_none_or(|stage| check.stages.contains(stage));
    Weight::of(pair.old.checks.iter().filter(|check| there(check) && !groups(pair.old, check, ix).is_empty()))
}

/// The worst that the edit of a limit may keep from happening. What only makes more readings known keeps no check from
/// firing, but it may keep a silence from lasting.
pub(crate) fn of_limit(
    pair: &Pair<'_>,
    metric: &Metric,
    was: &MetricRules,
    wider: bool,
    stage: Option<StageIx>,
) -> Weight {
    if wider { of_silence(was) } else { of_metric(pair, &metric.name, stage) }
}

/// A roll back by silence, where the old policy has one.
pub(crate) const fn of_silence(was: &MetricRules) -> Weight {
    match was.on_unknown {
        OnUnknown::Rollback => Weight::ROLL_BACK,
        OnUnknown::Hold => Weight { severity: None, response: None },
    }
}

/// The old policy's checks that watch another group of `metric` now.
pub(crate) fn of_group(pair: &Pair<'_>, metric: &MetricName) -> Weight {
    let read = |policy: &Policy, check: &Check| {
        policy.catalogue.find(metric.as_str()).map_or_else(Vec::new, |ix| groups(policy, check, ix))
    };
    Weight::of(pair.old.checks.iter().filter(|was| {
        let is = pair.new.find_check(was.id.as_str()).and_then(|ix| pair.new.check(ix));
        is.is_some_and(|is| read(pair.old, was) != read(pair.new, is))
    }))
}

/// The old policy's checks that compare with a baseline.
pub(crate) fn of_baseline(pair: &Pair<'_>) -> Weight {
    Weight::of(pair.old.checks.iter().filter(|check| compares(pair.old, check)))
}

/// The groups of `metric` that `check` reads, directly or by asking another check.
fn groups(policy: &Policy, check: &Check, metric: MetricIx) -> Vec<Group> {
    match &check.condition {
        Condition::Bound(bound) if bound.metric == metric => vec![bound.group],
        Condition::Bound(_) => Vec::new(),
        Condition::Script { reads, baselines, asks, .. } => {
            let own = reads.iter().filter(|(read, _)| *read == metric).map(|(_, group)| *group);
            let frozen = baselines.iter().filter(|read| **read == metric).map(|_| Group::Treatment);
            // A script asks bounds only, never another script.
            let asked = asks.iter().filter_map(|ix| match &policy.check(*ix)?.condition {
                Condition::Bound(bound) if bound.metric == metric => Some(bound.group),
                _ => None,
            });
            own.chain(frozen).chain(asked).collect()
        }
    }
}

fn compares(policy: &Policy, check: &Check) -> bool {
    let bound = |condition: &Condition| matches!(condition, Condition::Bound(bound) if bound.limit.than() == Some(Than::Baseline));
    match &check.condition {
        Condition::Script { baselines, asks, .. } => {
            let asked = asks.iter().filter_map(|ix| policy.check(*ix));
            !baselines.is_empty() || asked.into_iter().any(|check| bound(&check.condition))
        }
        condition @ Condition::Bound(_) => bound(condition),
    }
}

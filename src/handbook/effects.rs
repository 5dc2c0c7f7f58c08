//! What each check does in each stage, and what each stage reads: the facts behind every page.

use std::collections::BTreeSet;

use crate::model::finding::CheckKind;
use crate::model::frame::{Group, MetricIx};
use crate::model::severity::Response;
use crate::model::time::Duration;
use crate::policy::compiled::{Bound, Check, CheckIx, Condition, OnUnknown, Policy, Stage, StageIx, Than};

/// What a check does in one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Not asked there.
    Inactive,
    /// Asked, but the stage leaves the group it watches empty by design.
    NotApplicable,
    /// Takes the exposure back to this stage when it fires.
    RollBack(StageIx),
    /// Nothing lower to go to: latches where it is.
    Latch,
    /// Blocks the advance.
    Hold,
    /// Tells people.
    Warn,
    /// Must be open to leave.
    Gate,
    /// Must be open to leave early, and for nothing else.
    EarlyGate,
}

/// What `check` does in the stage at `ix`. Whether it is in shadow is told apart.
pub(super) fn effect(policy: &Policy, at: CheckIx, ix: StageIx) -> Effect {
    let (Some(check), Some(stage)) = (policy.check(at), policy.stage(ix)) else { return Effect::Inactive };
    if check.kind == CheckKind::Gate {
        let early = || stage.early_exit.as_ref().is_some_and(|exit| exit.gates.contains(&at));
        return match (stage.gates.contains(&at), early()) {
            (true, _) => Effect::Gate,
            (false, true) => Effect::EarlyGate,
            (false, false) => Effect::Inactive,
        };
    }
    if !check.stages.contains(ix) {
        return Effect::Inactive;
    }
    if !applies(check, stage) {
        return Effect::NotApplicable;
    }
    match check.response {
        Response::Warn => Effect::Warn,
        Response::Hold => Effect::Hold,
        Response::Rollback => {
            let own = check.target.filter(|target| *target < ix);
            let to = own.unwrap_or(stage.rollback_to).min(ix);
            if to == ix { Effect::Latch } else { Effect::RollBack(to) }
        }
    }
}

/// Whether anything that `check` reads can have a reading in `stage`.
pub(super) fn applies(check: &Check, stage: &Stage) -> bool {
    match &check.condition {
        Condition::Bound(bound) => {
            let compares = bound.limit.than() == Some(Than::Control);
            let empty = stage.leaves_empty(bound.group) || (compares && stage.leaves_empty(Group::Control));
            !empty
        }
        Condition::Script { reads, .. } => {
            reads.is_empty() || reads.iter().any(|(_, group)| !stage.leaves_empty(*group))
        }
    }
}

impl super::Handbook<'_> {
    /// The stages with their positions.
    pub(super) fn ladder(&self) -> impl DoubleEndedIterator<Item = (StageIx, &Stage)> + Clone {
        let stages = self.policy.stages.iter().enumerate();
        stages.filter_map(|(at, stage)| Some((StageIx(u8::try_from(at).ok()?), stage)))
    }

    /// The checks with their positions.
    pub(super) fn checks(&self) -> impl Iterator<Item = (CheckIx, &Check)> + Clone {
        let checks = self.policy.checks.iter().enumerate();
        checks.filter_map(|(at, check)| Some((CheckIx(u16::try_from(at).ok()?), check)))
    }

    /// Checks of a stage whose effect there is wanted.
    pub(super) fn checks_in(&self, ix: StageIx, wanted: impl Fn(Effect) -> bool) -> Vec<&Check> {
        self.checks().filter(|(at, _)| wanted(effect(self.policy, *at, ix))).map(|(_, check)| check).collect()
    }

    /// The name of a stage.
    pub(super) fn stage_name(&self, ix: StageIx) -> &str {
        self.policy.stage(ix).map_or("?", |stage| stage.name.as_str())
    }

    /// The series that a stage's checks and gates rest on, in order; what the stage leaves empty is not among them.
    pub(super) fn series_of(&self, ix: StageIx) -> BTreeSet<(MetricIx, Group)> {
        let Some(stage) = self.policy.stage(ix) else { return BTreeSet::new() };
        let mut found = BTreeSet::new();
        for (at, check) in self.checks() {
            if !matches!(effect(self.policy, at, ix), Effect::Inactive | Effect::NotApplicable) {
                found.extend(series(check));
            }
        }
        found.retain(|(_, group)| !stage.leaves_empty(*group));
        found
    }

    /// The metrics of a stage whose silence takes it back, with how long they must have been silent.
    pub(super) fn silences(&self, ix: StageIx) -> Vec<(&str, Duration)> {
        let Some(stage) = self.policy.stage(ix) else { return Vec::new() };
        let acting = self.checks().filter(|(at, check)| {
            !check.shadow && !matches!(effect(self.policy, *at, ix), Effect::Inactive | Effect::NotApplicable)
        });
        let read = acting.flat_map(|(_, check)| series(check)).filter(|(_, group)| !stage.leaves_empty(*group));
        let metrics: BTreeSet<MetricIx> = read.map(|(metric, _)| metric).collect();
        let silent = metrics.into_iter().filter_map(|ix| {
            let rules = self.policy.metrics.get(usize::from(ix.0))?;
            (rules.on_unknown == OnUnknown::Rollback).then(|| (self.metric_name(ix), rules.unknown_after))
        });
        silent.collect()
    }

    /// Where a stage goes when no check says so: by silence.
    pub(super) fn by_itself(&self, ix: StageIx) -> Effect {
        match self.policy.stage(ix).map(|stage| stage.rollback_to.min(ix)) {
            Some(to) if to != ix => Effect::RollBack(to),
            _ => Effect::Latch,
        }
    }

    /// The metrics whose frozen median is compared with, anywhere.
    pub(super) fn baselines(&self) -> BTreeSet<MetricIx> {
        let mut found = BTreeSet::new();
        for check in &self.policy.checks {
            match &check.condition {
                Condition::Bound(Bound { metric, limit, .. }) if limit.than() == Some(Than::Baseline) => {
                    found.insert(*metric);
                }
                Condition::Script { baselines, .. } => found.extend(baselines.iter().copied()),
                Condition::Bound(_) => {}
            }
        }
        found
    }

    /// The name of a metric.
    pub(super) fn metric_name(&self, ix: MetricIx) -> &str {
        self.policy.catalogue.metric(ix).map_or("?", |metric| metric.name.as_str())
    }

    /// The first stage that exposes anybody.
    pub(super) fn first_exposed(&self) -> Option<StageIx> {
        self.ladder().find(|(_, stage)| !stage.is_unexposed()).map(|(ix, _)| ix)
    }

    /// The top of the ladder.
    pub(super) fn last(&self) -> StageIx {
        self.ladder().next_back().map_or(StageIx(0), |(ix, _)| ix)
    }
}

/// Every series a check reads, the ones it compares with included.
pub(super) fn series(check: &Check) -> Vec<(MetricIx, Group)> {
    match &check.condition {
        Condition::Script { reads, .. } => reads.clone(),
        Condition::Bound(bound) => {
            let compares = bound.limit.than() == Some(Than::Control) || check.unless_control;
            let control = compares.then_some((bound.metric, Group::Control));
            std::iter::once((bound.metric, bound.group)).chain(control).collect()
        }
    }
}

/// The metrics a check rests on, each once.
pub(super) fn metrics(check: &Check) -> BTreeSet<MetricIx> {
    series(check).into_iter().map(|(metric, _)| metric).collect()
}

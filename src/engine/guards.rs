//! What forbids an advance, in the order that matters to the person who asks "why is it not moving?".
//!
//! Guards are visited as small references, so the quiet hold of every few seconds allocates nothing; they become
//! sentences only when somebody looks.

use std::ops::ControlFlow;

use crate::model::frame::MetricIx;
use crate::model::ids::Role;
use crate::model::state::BaselineValue;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{Approvals, OnMax, Stage, StageIx};

use super::machine::Machine;

/// One thing that forbids the advance, by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    NotStarted,
    /// The policy has no stage of the name in which the rollout stands.
    NoSuchStage,
    Latched,
    Complete,
    /// A row at hold or worse.
    Check(usize),
    /// A row whose reading is unknown.
    Unknown(usize),
    /// The n-th of the latched regions, whether the policy still names it or not.
    RegionLatched(usize),
    Paused,
    Held,
    NotApplied,
    Exposure,
    PastMax,
    Final,
    Manual,
    Bake,
    /// A row of a gate.
    Gate(usize),
    Approval,
    Frozen,
    LateEvidence,
    /// The metric whose baseline cannot be frozen yet.
    Baseline(MetricIx),
}

impl Guard {
    /// Whether a person's `advance` goes past it: it is about patience, not about evidence.
    pub(crate) const fn yields_to_a_person(self) -> bool {
        matches!(self, Guard::Bake | Guard::Frozen | Guard::Manual | Guard::Held | Guard::PastMax | Guard::LateEvidence)
    }
}

impl Machine {
    /// Visits every guard that stands, the one that matters most first.
    pub(crate) fn guards(&self, visit: &mut dyn FnMut(Guard) -> ControlFlow<()>) -> ControlFlow<()> {
        let state = self.state();
        if state.revision.is_none() {
            visit(Guard::NotStarted)?;
        }
        // Before the first start there is no stage to know.
        if !self.knows_its_stage() && (state.revision.is_some() || state.latch.is_some()) {
            visit(Guard::NoSuchStage)?;
        }
        if state.latch.is_some() {
            visit(Guard::Latched)?;
        }
        if state.complete {
            visit(Guard::Complete)?;
        }
        if let Some(row) = self.tally.blocking {
            visit(Guard::Check(row))?;
        }
        if let Some(row) = self.tally.unknown {
            visit(Guard::Unknown(row))?;
        }
        for nth in 0..state.latched_regions.len() {
            visit(Guard::RegionLatched(nth))?;
        }
        let Some(stage) = self.stage() else { return ControlFlow::Continue(()) };
        self.patience_guards(stage, visit)?;
        self.paper_guards(stage, visit)
    }

    /// Orders, exposure and time.
    fn patience_guards(&self, stage: &Stage, visit: &mut dyn FnMut(Guard) -> ControlFlow<()>) -> ControlFlow<()> {
        let state = self.state();
        if state.paused.is_some() {
            visit(Guard::Paused)?;
        }
        if state.held.as_ref().is_some_and(|held| held.until.is_none_or(|until| self.now() < until)) {
            visit(Guard::Held)?;
        }
        if state.applied_at.is_none() {
            visit(Guard::NotApplied)?;
        }
        let off_by = self.evidence.exposure.map(|seen| (seen - stage.traffic).abs());
        if off_by.is_some_and(|off| off.is_nan() || off > self.policy().exposure_tolerance) {
            visit(Guard::Exposure)?;
        }
        if self.is_past_max(stage) && stage.on_max == OnMax::Hold && !state.complete {
            visit(Guard::PastMax)?;
        }
        match stage.bake {
            None if self.is_last_stage() => visit(Guard::Final)?,
            None => visit(Guard::Manual)?,
            Some(bake) if self.bake < bake && !self.may_exit_early(stage) => visit(Guard::Bake)?,
            Some(_) => {}
        }
        ControlFlow::Continue(())
    }

    /// Gates, approvals, calendars and comparison values.
    fn paper_guards(&self, stage: &Stage, visit: &mut dyn FnMut(Guard) -> ControlFlow<()>) -> ControlFlow<()> {
        if let Some(row) = self.tally.gate {
            visit(Guard::Gate(row))?;
        }
        if stage.approvals.as_ref().is_some_and(|wanted| self.missing_approvals(wanted) != (Vec::new(), 0)) {
            visit(Guard::Approval)?;
        }
        if self.frozen.until.is_some() {
            visit(Guard::Frozen)?;
        }
        if self.late_only {
            visit(Guard::LateEvidence)?;
        }
        if let Some((metric, _)) = self.baseline_in_doubt() {
            visit(Guard::Baseline(metric))?;
        }
        ControlFlow::Continue(())
    }

    /// Whether this is the top of the ladder.
    pub(crate) fn is_last_stage(&self) -> bool {
        self.stage_ix.0 as usize + 1 >= self.policy().stages.len()
    }

    /// Whether the rollout has been in the stage for longer than the policy wants.
    pub(crate) fn is_past_max(&self, stage: &Stage) -> bool {
        stage.max.is_some_and(|max| self.time_in_stage() > max)
    }

    /// Wall time in the stage.
    pub(crate) fn time_in_stage(&self) -> Duration {
        let state = self.state();
        // Before the first start no stage was ever entered.
        if state.revision.is_none() { Duration::ZERO } else { self.now().since(state.entered_at) }
    }

    /// Whether the stage's early-exit condition is met.
    pub(crate) fn may_exit_early(&self, stage: &Stage) -> bool {
        stage.early_exit.as_ref().is_some_and(|exit| {
            let gates_open = exit.gates.is_empty() || self.tally.early_gates_open;
            self.bake >= exit.after && gates_open && self.evidence.fewest_samples() >= exit.samples
        })
    }

    /// The roles still to approve, and how many different people are still needed.
    pub(crate) fn missing_approvals(&self, wanted: &Approvals) -> (Vec<Role>, u32) {
        let given = &self.state().approvals;
        let roles = wanted.roles.iter().filter(|role| !given.contains_key(*role)).cloned().collect();
        let mut people: Vec<&str> = given.values().map(|note| note.by.as_str()).collect();
        people.sort_unstable();
        people.dedup();
        (roles, wanted.people.saturating_sub(u32::try_from(people.len()).unwrap_or(u32::MAX)))
    }

    /// The first comparison value that leaving an unexposed stage would freeze as missing, with the reason.
    ///
    /// Once exposed there is no going back to measure it, and the checks that need it would hold for ever.
    pub(crate) fn baseline_in_doubt(&self) -> Option<(MetricIx, String)> {
        if !self.would_freeze_baselines() {
            return None;
        }
        let frozen = self.evidence.reservoirs.freeze(self.policy(), self.now());
        frozen.into_iter().find_map(|baseline| match baseline.value {
            BaselineValue::Missing { note, .. } => {
                Some((self.policy().catalogue.find(baseline.metric.as_str())?, note))
            }
            BaselineValue::Known { .. } => None,
        })
    }

    /// While only the comparison values forbid the advance: when the oldest reading behind them drops out, which may
    /// settle them without a new one.
    pub(crate) fn baseline_may_settle_at(&self) -> Option<Time> {
        matches!(self.last_guard(), Some(Guard::Baseline(_)))
            .then(|| self.evidence.reservoirs.next_to_drop_out(self.policy(), self.now()))?
    }

    /// Whether going up one stage is the moment at which comparison values freeze.
    pub(crate) fn would_freeze_baselines(&self) -> bool {
        let next = StageIx(self.stage_ix.0.saturating_add(1));
        let exposes_next = self.policy().stage(next).is_some_and(|stage| !stage.is_unexposed());
        let unexposed_now = self.stage().is_some_and(Stage::is_unexposed);
        unexposed_now && exposes_next && self.state().baselines.is_empty() && !self.evidence.reservoirs.is_empty()
    }
}

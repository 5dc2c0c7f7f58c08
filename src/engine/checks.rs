//! The checks of one stage by themselves, without the rollout around them.
//!
//! It is the part of the machine that runs on every snapshot, and the same code: what is measured here is what a
//! decision costs before bake times, orders and records come in.

use std::sync::Arc;

use crate::model::decision::Answer;
use crate::model::finding::FindingState;
use crate::model::frame::{Frame, RegionIx};
use crate::model::reading::{Truth, Unknown};
use crate::model::severity::Severity;
use crate::model::state::Baseline;
use crate::model::time::Time;
use crate::policy::compiled::{CheckIx, Policy, StageIx};

use super::evidence::Evidence;

/// What the checks of a stage call for, were they all that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called {
    /// Roll back, hold, or nothing in the way of an advance.
    pub answer: Answer,
    /// The worst severity firing.
    pub severity: Option<Severity>,
}

/// The checks of one stage over the readings loaded so far.
#[derive(Debug)]
pub struct Checks {
    policy: Arc<Policy>,
    stage: StageIx,
    baselines: Vec<Baseline>,
    evidence: Evidence,
    changes: Vec<(usize, FindingState)>,
}

impl Checks {
    /// The checks of `stage`, nothing observed yet. Bounds relative to a baseline compare with `baselines`.
    #[must_use]
    pub fn new(policy: Arc<Policy>, stage: StageIx, baselines: Vec<Baseline>) -> Checks {
        let evidence = Evidence::new(&policy, stage, &baselines, Time::NEVER, Time::NEVER);
        Checks { policy, stage, baselines, evidence, changes: Vec::new() }
    }

    /// How many checks the stage has, each region counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.evidence.table.rows.len()
    }

    /// Whether the stage has no check at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in readings.
    pub fn load(&mut self, frame: &Frame) {
        self.evidence.take_in(&self.policy, self.stage, frame, false, frame.time);
    }

    /// What each TOML check says about the readings as they stand at `now`, in the order of the policy. Nothing is
    /// remembered: `for` and `clear_after` are not asked.
    pub fn test(&self, now: Time, truths: &mut Vec<Truth>) {
        truths.resize(self.evidence.table.hot.len(), Truth::Unknown(Unknown::Absent));
        self.evidence.table.test(&self.evidence.columns, now, truths);
    }

    /// Tests everything at `now`, scripts included, moves every run on and sums up.
    pub fn evaluate(&mut self, now: Time) -> Called {
        let tally = self.evidence.evaluate(&self.policy, self.stage, &self.baselines, now, &mut self.changes);
        let answer = if tally.roll_back.is_some() {
            Answer::RollBack
        } else if tally.blocking.is_some() || tally.unknown.is_some() || tally.gate.is_some() {
            Answer::Hold
        } else {
            Answer::Advance
        };
        Called { answer, severity: tally.severity }
    }

    /// Where one check stands in the first region after [`Checks::evaluate`]; none where it is not active.
    #[must_use]
    pub fn state(&self, check: CheckIx) -> Option<FindingState> {
        let row = self.evidence.table.row_of(check, RegionIx(0))?;
        self.evidence.states.get(row).copied()
    }

    /// Where each check stands after [`Checks::evaluate`].
    #[must_use]
    pub fn states(&self) -> &[FindingState] {
        &self.evidence.states
    }
}

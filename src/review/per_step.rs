//! Every recorded moment judged by both policies from the same standing: the new one re-enters, at each of them, the
//! state that the old one's run was in. There is no open loop; what differs is what the edit changed about that moment.
//!
//! Stage, bake, latch, approvals, mutes and comparison values are the old run's. Readings and runs are the new
//! policy's own, under its own bounds and durations; its runs start empty whenever the old run entered a stage.
//! Moments are recorded snapshots, and the instants at which the old policy looked by itself.

use std::sync::Arc;

use crate::engine::{Input, Machine, Output};
use crate::fixture::play::Happened;
use crate::model::decision::{Answer, Decision};
use crate::model::frame::Frame;
use crate::model::state::Baseline;
use crate::model::time::Time;
use crate::policy::compiled::Policy;

use super::compare::Key;
use super::verdict::{PerStep, Step};

/// How many of the moments that differ are described.
const FIRST: usize = 10;

/// The new policy beside the old one's run.
#[derive(Debug)]
pub struct Beside {
    policy: Arc<Policy>,
    follower: Option<Machine>,
    result: PerStep,
}

impl Beside {
    /// Before the old policy's run has begun.
    #[must_use]
    pub fn new(policy: &Arc<Policy>) -> Beside {
        Beside { policy: Arc::clone(policy), follower: None, result: PerStep::default() }
    }

    /// The old policy's run stands at its start, the first frame not played yet; `own` are the comparison values that
    /// the new policy would have. Only the first call counts.
    pub fn begins(&mut self, old: &Machine, own: &[Baseline]) {
        if self.follower.is_none() {
            self.follower = Some(Machine::beside(Arc::clone(&self.policy), old, own.to_vec()));
        }
    }

    /// The old policy's machine took an input in. `frame` is what the new policy reads at that instant.
    pub fn look(&mut self, old: &Machine, at: Time, output: &Output, happened: Happened, frame: Option<&Frame>) {
        if happened == Happened::Rearmed {
            // A new machine without evidence.
            let own = self.follower.as_ref().map(|machine| machine.state().baselines.clone()).unwrap_or_default();
            self.follower = Some(Machine::beside(Arc::clone(&self.policy), old, own));
        }
        let Some(follower) = &mut self.follower else { return };
        let moved = !output.events.is_empty();
        if matches!(happened, Happened::Order | Happened::Applied) {
            follower.stand_with(old, moved);
        }
        let answer = match frame.filter(|_| happened == Happened::Frame) {
            Some(frame) => follower.handle(at, Input::Frame(frame)).answer,
            None => follower.handle(at, Input::Tick).answer,
        };
        if matches!(happened, Happened::Frame | Happened::Tick) {
            self.result.judged += 1;
            if answer != Answer::Hold || output.answer != Answer::Hold {
                compare(&mut self.result, at, &old.decision(), &follower.decision());
            }
        }
        follower.stand_with(old, moved);
    }

    /// A frame that only the new policy reads.
    pub fn reads(&mut self, frame: &Frame) {
        if let Some(follower) = &mut self.follower {
            follower.handle(frame.time, Input::Frame(frame));
        }
    }

    /// What came of it.
    #[must_use]
    pub fn finish(self) -> PerStep {
        self.result
    }
}

#[cold]
fn compare(result: &mut PerStep, at: Time, before: &Decision, after: &Decision) {
    if Key::of(before) == Key::of(after) {
        return;
    }
    let (was, is) = (before.verdict.answer(), after.verdict.answer());
    result.differ += 1;
    result.rolls_back_now += u64::from(is == Answer::RollBack && was != Answer::RollBack);
    result.rolled_back_before += u64::from(was == Answer::RollBack && is != Answer::RollBack);
    if result.first.len() < FIRST {
        let words =
            |decision: &Decision| format!("{}: {}", decision.verdict.answer().shout(), decision.verdict.headline());
        let step = Step { at, stage: before.stage.clone(), before: words(before), after: words(after) };
        result.first.push(step);
    }
}

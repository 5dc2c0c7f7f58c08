//! What a controller needs of its machine beyond inputs: to know again what it knew before a restart, to stand where
//! the ledger says, and to watch without moving.

use std::sync::Arc;

use crate::model::decision::Answer;
use crate::model::event::What;
use crate::model::frame::Frame;
use crate::model::state::RolloutState;
use crate::model::time::Time;
use crate::policy::compiled::{Policy, StageIx};

use super::decide::Why;
use super::fold;
use super::machine::{Input, Machine, Output};

impl Output {
    /// Whether a record of the decision is worth keeping: the answer, its reason or a finding changed, somebody was
    /// told, or the rollout moved. Quiet holds are not.
    #[must_use]
    pub fn tells(&self) -> bool {
        let told = |what: &What| matches!(what, What::UnknownTooLong { .. } | What::PastMax { .. });
        self.changed || self.plan.is_some() || self.events.iter().any(|event| told(&event.what))
    }
}

impl Machine {
    /// Takes in readings that came in at `at`, before this process began: runs, comparison values and silences are as
    /// they were. Nothing moves, nobody is told a second time, and no bake is served.
    pub fn recall(&mut self, at: Time, frame: &Frame) {
        let follows = std::mem::replace(&mut self.follows, true);
        let bake = self.bake;
        let _: Output = self.handle(at, Input::Frame(frame));
        self.follows = follows;
        self.bake = bake;
        self.mark = None;
    }

    /// Whether it only watches: it judges every input and moves nothing, for want of a lease or of a store.
    pub const fn watch_only(&mut self, only: bool) {
        self.follows = only;
    }

    /// A machine for `state` that will recall what came in before: of that, only what was observed since the stage was
    /// entered counts towards its runs.
    #[must_use]
    pub fn recalling(policy: Arc<Policy>, state: RolloutState) -> Machine {
        let mut machine = Machine::new(policy, state);
        machine.restart_runs();
        machine.mark_acting_rows();
        machine
    }

    /// Whether the answer is to roll back, and for nothing but that a reading has been unknown for too long. No breach was
    /// seen: somebody who hears more may know better.
    #[must_use]
    pub fn rolls_back_for_silence(&self) -> bool {
        self.answer() == Answer::RollBack && matches!(self.last_why(), Why::Silence { .. })
    }

    /// What is unknown counts as unknown since `now`, and nobody was told: until now another listened, or nobody, and what
    /// was silent here need not have been silent there.
    pub fn silence_begins_anew(&mut self, now: Time) {
        let evidence = &mut self.evidence;
        evidence.unknown_since.iter_mut().filter(|since| **since < Time::FOREVER).for_each(|since| *since = now);
        evidence.told_unknown.fill(false);
    }

    /// The clock was set back: what was observed by the wrong one would look old, or new, for as long as it was ahead.
    /// Everything is unknown until readings come in.
    pub fn begin_anew(&mut self, now: Time) {
        self.forget_evidence(now);
    }

    /// The time until the next evaluation is not counted as good: nobody knows when in it what was asked for became so.
    pub const fn count_from_next_look(&mut self) {
        self.mark = None;
    }

    /// Takes over the ledger's word for the state that this machine's own events made: it differs where an entry was
    /// stamped later than its event, because time in a ledger never goes back.
    pub fn trust(&mut self, state: &RolloutState) {
        if self.state() != state {
            self.replace_state(state.clone());
        }
    }

    /// Stands at `now` where the ledger says. Readings go on; runs go on as well, unless a stage was entered since. Time
    /// served is what the ledger knows of.
    pub fn stand_at(&mut self, now: Time, state: RolloutState) {
        self.go_on_to(now);
        let mine = self.state();
        let entered = fold::is_entered_anew(mine, &state);
        let compares_anew = mine.baselines != state.baselines;
        self.replace_state(state);
        if entered {
            self.enter_stage();
            self.believe_the_entry(now);
        } else if compares_anew {
            self.compare_anew();
        }
        self.bake = self.state().bake;
        self.mark_acting_rows();
    }

    /// A person named the policy for what comes: whatever waited for the next stage is older than that.
    pub fn wait_for_none(&mut self) {
        self.waiting_policy = None;
    }

    /// Judges by `policy` from now on, because the ledger says that it is in force. Readings, and the runs of unchanged
    /// checks, are kept; where the stage is none of its own, it holds.
    pub fn judge_by(&mut self, policy: Arc<Policy>) {
        if policy.digest == self.policy().digest {
            return;
        }
        let mut unheard = Output::quiet();
        self.put_in_force(policy, &mut unheard);
        self.stage_ix = self.policy().find_stage(self.state().stage.as_str()).unwrap_or(StageIx(0));
    }
}

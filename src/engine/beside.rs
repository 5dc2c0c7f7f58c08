//! A machine that stands beside another one: it goes wherever the other goes, judges every moment by its own policy
//! and its own evidence, and moves nothing itself.
//!
//! This is how a new policy is asked about recorded moments without an open loop: at each of them the rollout stands
//! where it really stood.

use std::sync::Arc;

use crate::model::state::{Baseline, RolloutState};
use crate::policy::compiled::{Policy, StageIx};

use super::fold;
use super::machine::Machine;

impl Machine {
    /// A machine under `policy` that stands where `other` stands. `own` are comparison values for what `other` has
    /// none of.
    #[must_use]
    pub fn beside(policy: Arc<Policy>, other: &Machine, own: Vec<Baseline>) -> Machine {
        let mut state = other.state().clone();
        fill(&mut state.baselines, own);
        let mut machine = Machine::new(policy, state);
        machine.follows = true;
        machine.bake = other.bake;
        machine
    }

    /// Goes where `other` went: its stage, bake, latch, approvals, mutes and comparison values. Readings go on. Runs
    /// go on as well, unless `other` entered a stage since: then they start empty, as its own did.
    ///
    /// To be called after each of `other`'s inputs; `moved` says that it told events, without which its state is the
    /// same.
    pub fn stand_with(&mut self, other: &Machine, moved: bool) {
        if moved {
            self.take_over(other.state());
        }
        // The time served is the other's, to the instant; whether the time since was good is one's own to say.
        self.bake = other.bake;
        self.mark = other.mark.zip(self.mark).map(|((at, _), (_, good))| (at, good));
    }

    fn take_over(&mut self, state: &RolloutState) {
        let mine = self.state();
        let entered = fold::is_entered_anew(mine, state);
        let frozen = mine.baselines.is_empty() && !state.baselines.is_empty();
        let own = if frozen { self.baselines_so_far() } else { mine.baselines.clone() };
        let mut state = state.clone();
        fill(&mut state.baselines, own);
        let compares_anew = state.baselines != self.state().baselines;
        self.replace_state(state);
        if entered {
            self.stage_ix = self.policy().find_stage(self.state().stage.as_str()).unwrap_or(StageIx(0));
            self.restart_runs();
            self.mark = None;
        } else if compares_anew {
            self.compare_anew();
        }
        self.mark_acting_rows();
    }
}

/// Adds what `own` has and `all` lacks; without any in `all` nothing was frozen yet, and nothing is added.
fn fill(all: &mut Vec<Baseline>, own: Vec<Baseline>) {
    if all.is_empty() {
        return;
    }
    for baseline in own {
        let is_there = all.iter().any(|other| (&other.metric, &other.region) == (&baseline.metric, &baseline.region));
        if !is_there {
            all.push(baseline);
        }
    }
}

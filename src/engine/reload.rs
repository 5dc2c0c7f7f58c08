//! A new policy takes over between two inputs. It never advances by itself: bounds take effect at the next input.

use std::sync::Arc;

use crate::model::event::What;
use crate::model::time::Time;
use crate::policy::compiled::{Policy, StageIx};

use super::evidence::Evidence;
use super::machine::{Machine, Output};

impl Machine {
    /// Takes the policy over, keeps it for the next stage, or refuses it.
    pub(crate) fn reload(&mut self, policy: Arc<Policy>, output: &mut Output) {
        if policy.digest == self.policy().digest {
            self.waiting_policy = None;
            return;
        }
        output.changed = true;
        if let Some(why) = self.why_refused(&policy, self.stage_ix) {
            let digest = policy.digest.clone();
            return self.emit(What::PolicyRejected { digest, why }, output);
        }
        if self.policy().pin && self.state().revision.is_some() && self.state().latch.is_none() {
            self.waiting_policy = Some(policy);
            return;
        }
        // Whatever waited is older than this one.
        self.waiting_policy = None;
        // What was decided last was decided by the old policy, and is shown with it until the next input.
        let shown = self.decision();
        self.put_in_force(policy, output);
        self.show(shown);
    }

    /// The policy that waited for the stage to end, unless it does not go with `next`, the stage to be entered.
    pub(crate) fn waiting_policy_for(&mut self, next: StageIx, output: &mut Output) -> Option<Arc<Policy>> {
        let policy = self.waiting_policy.take()?;
        match self.why_refused(&policy, next) {
            None => Some(policy),
            Some(why) => {
                let digest = policy.digest.clone();
                self.emit(What::PolicyRejected { digest, why }, output);
                None
            }
        }
    }

    /// Makes `policy` the one in force. Readings, and the runs of unchanged checks, move over to its numbering.
    pub(crate) fn put_in_force(&mut self, policy: Arc<Policy>, output: &mut Output) {
        let old_policy = self.swap_policy(policy, output);
        let stage = self.policy().find_stage(self.state().stage.as_str()).unwrap_or(self.stage_ix);
        self.stage_ix = stage;
        let watched = self.watched_stage();
        let seen = Time::NEVER.max(self.state().entered_at);
        let fresh = Evidence::new(self.policy(), watched, &self.state().baselines, self.now(), seen);
        let old = self.replace_evidence(fresh, stage);
        let new_policy = Arc::clone(self.policy());
        self.evidence.carry_over(&new_policy, &old_policy, &old);
        self.believe_the_entry(self.now());
        self.mark_acting_rows();
    }

    /// A policy that drops or reorders a stage at or below the current one would pull the ladder away.
    fn why_refused(&self, policy: &Policy, current: StageIx) -> Option<String> {
        if policy.rollout != self.policy().rollout {
            return Some(format!("it governs {}, not {}", policy.rollout, self.policy().rollout));
        }
        if policy.environment != self.policy().environment {
            return Some(format!("it is for {}, not {}", policy.environment, self.policy().environment));
        }
        let current = current.0 as usize;
        self.policy().stages.iter().take(current + 1).enumerate().find_map(|(at, stage)| {
            let same = policy.stages.get(at).is_some_and(|other| other.name == stage.name);
            (!same).then(|| format!("it drops or moves stage {}, at or below the current one", stage.name))
        })
    }
}

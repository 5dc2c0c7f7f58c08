//! A new policy takes over between two inputs. It never advances by itself: bounds take effect at the next input.

use std::sync::Arc;

use crate::model::event::What;
use crate::model::time::Time;
use crate::policy::compiled::Policy;

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
        if let Some(why) = self.why_refused(&policy) {
            let digest = policy.digest.clone();
            return self.emit(What::PolicyRejected { digest, why }, output);
        }
        if self.policy().pin && self.state().revision.is_some() && self.state().latch.is_none() {
            self.waiting_policy = Some(policy);
            return;
        }
        let old_policy = self.swap_policy(policy, output);
        let stage = self.policy().find_stage(self.state().stage.as_str()).unwrap_or(self.stage_ix);
        self.stage_ix = stage;
        let watched = self.watched_stage();
        let seen = Time::NEVER.max(self.state().entered_at);
        let fresh = Evidence::new(self.policy(), watched, &self.state().baselines, self.now(), seen);
        let old = self.replace_evidence(fresh, stage);
        let new_policy = Arc::clone(self.policy());
        self.evidence.carry_over(&new_policy, &old_policy, &old);
        self.mark_acting_rows();
    }

    /// A policy that drops or reorders a stage at or below the current one would pull the ladder away.
    fn why_refused(&self, policy: &Policy) -> Option<String> {
        if policy.rollout != self.policy().rollout {
            return Some(format!("it governs {}, not {}", policy.rollout, self.policy().rollout));
        }
        if policy.environment != self.policy().environment {
            return Some(format!("it is for {}, not {}", policy.environment, self.policy().environment));
        }
        let current = self.stage_ix.0 as usize;
        self.policy().stages.iter().take(current + 1).enumerate().find_map(|(at, stage)| {
            let same = policy.stages.get(at).is_some_and(|other| other.name == stage.name);
            (!same).then(|| format!("it drops or moves stage {}, at or below the current one", stage.name))
        })
    }
}

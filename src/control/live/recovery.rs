//! The store is back, somebody else wrote, or something was left undone: the controller looks, and goes on from what is
//! recorded.

use std::sync::Arc;

use crate::control::direct::Direct;
use crate::control::exposure;
use crate::control::load::{InForce, Rollout};
use crate::control::spooled;
use crate::engine::{self, Input, Machine};
use crate::model::event::{Event, What};
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::ports::store::StoreError;

use super::super::command::Command;
use super::super::record::PolicyRecord;
use super::controller::{Controller, PATIENCE, Ports};
use super::recorder::{Draft, Written};

/// Versions of a policy kept by text until one comes into force: one waits for the next stage, one was just saved.
const OFFERED: usize = 4;

impl Controller {
    /// Before every input: whatever is due of looking, retrying and taking over.
    pub(super) fn recover(&mut self, ports: Ports<'_>, now: Time) {
        let retry = self.trouble.as_ref().map(|trouble| trouble.retry_at);
        if retry.map_or(now >= self.look_at, |at| now >= at || self.look_at == Time::NEVER) {
            self.look(ports, now);
        }
        if !self.may_move() {
            return;
        }
        if let Some((plan, _)) = self.unapplied.take_if(|(_, at)| *at <= now)
            && plan.generation == self.rollout.state.generation
            && let Some(output) = self.act(ports, now, plan)
        {
            self.follow_up(ports, now, output);
        }
        if let Some((record, policy)) = self.candidate.take() {
            self.take_over(ports, now, record, policy, None);
        }
    }

    /// Looks at the end of the ledger, and reads on where others wrote.
    fn look(&mut self, ports: Ports<'_>, now: Time) {
        self.look_at = now + PATIENCE;
        if let Err(error) = self.catch_up(ports, now) {
            self.troubled(error, now);
        }
    }

    fn catch_up(&mut self, ports: Ports<'_>, now: Time) -> Result<(), StoreError> {
        let head = ports.store.head(&self.rollout.key)?;
        if self.took_back_alone {
            let direct = Direct::new(ports.store, ports.actuator);
            let told = spooled::replay(&direct, ports.spool, now).map_err(|error| match error {
                super::super::command::OperateError::Store(error) => error,
                other => StoreError::Unavailable(other.to_string()),
            })?;
            self.news.notes.extend(told);
        }
        if self.took_back_alone || head != self.rollout.head {
            let from = self.rollout.head.seq.saturating_add(1);
            let rollout = Rollout::load(ports.store, &self.rollout.key)?;
            self.news.entries.extend(ports.store.entries(&rollout.key, from, super::super::load::PAGE)?);
            self.stand_with(rollout, now);
        }
        self.trouble = None;
        Ok(())
    }

    /// Goes where the ledger says.
    pub(super) fn stand_with(&mut self, rollout: Rollout, now: Time) {
        self.took_back_alone = false;
        match (&mut self.machine, &rollout.policy) {
            (Some(machine), InForce::Ready(policy)) => {
                machine.judge_by(Arc::clone(policy));
                machine.stand_at(rollout.state.clone());
            }
            (Some(machine), _) => machine.stand_at(rollout.state.clone()),
            (None, InForce::Ready(policy)) => {
                self.machine = Some(Machine::new(Arc::clone(policy), rollout.state.clone()));
            }
            (None, _) => {}
        }
        self.rollout = rollout;
        self.note_unconfirmed(now);
    }

    /// An exposure that is recorded and was never confirmed is carried out again, by whoever leads.
    pub(super) fn note_unconfirmed(&mut self, now: Time) {
        if self.rollout.is_unconfirmed() {
            self.unapplied = Some((exposure::plan(&self.rollout.exposed), now));
        }
    }

    /// Another version of the policy was saved. It takes over now, or when this controller leads.
    pub(super) fn offer(&mut self, ports: Ports<'_>, now: Time, (record, policy): (PolicyRecord, Arc<Policy>)) {
        if self.may_move() {
            self.take_over(ports, now, record, policy, None);
            return;
        }
        if self.machine.is_none() {
            self.machine = Some(Machine::new(Arc::clone(&policy), self.rollout.state.clone()));
        }
        self.candidate = Some((record, policy));
    }

    /// Puts a policy in force, keeps it for the next stage, or turns it away; the entries say which.
    pub(super) fn take_over(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        record: PolicyRecord,
        policy: Arc<Policy>,
        command: Option<&Command>,
    ) {
        self.offered.retain(|known| known.digest != record.digest);
        self.offered.push(record);
        if self.offered.len() > OFFERED {
            self.offered.remove(0);
        }
        let at = now.max(self.rollout.head.at);
        let before = self.machine.clone();
        let events = match (&mut self.machine, &self.rollout.policy) {
            (Some(machine), InForce::Ready(_)) => {
                machine.watch_only(false);
                machine.handle(at, Input::Policy(Arc::clone(&policy))).events
            }
            _ => self.first_policy(&policy, at),
        };
        if events.is_empty() {
            return;
        }
        match self.append(ports, Draft { events, plan: None, decision: None, command, token: None }) {
            Ok(Written::Now) => {}
            Ok(Written::Before(head)) => self.overtaken(ports, now, &StoreError::Conflict(head)),
            Err((error, _)) => {
                // It is offered again as soon as the store takes it.
                self.machine = before;
                self.candidate = self.offered.last().cloned().map(|record| (record, policy));
                if error.is_race() || matches!(error, StoreError::NotLeader { .. }) {
                    self.overtaken(ports, now, &error);
                } else {
                    self.troubled(error, now);
                }
            }
        }
    }

    /// The first policy of a rollout, or the first after one that cannot be used any more.
    fn first_policy(&mut self, policy: &Arc<Policy>, at: Time) -> Vec<Event> {
        let state = &self.rollout.state;
        let (old, new) = (state.policy.clone(), policy.digest.clone());
        if old.as_ref() == Some(&new) {
            return Vec::new();
        }
        let known = state.revision.is_none() || policy.find_stage(state.stage.as_str()).is_some();
        if !known {
            let why = format!("it has no stage {}, which is the current one", state.stage);
            return vec![Event { time: at, what: What::PolicyRejected { digest: new, why } }];
        }
        let event = Event { time: at, what: What::PolicyChanged { old, new } };
        let state = engine::fold(state.clone(), &event);
        match &mut self.machine {
            Some(machine) if machine.policy().digest == policy.digest => machine.stand_at(state),
            machine => *machine = Some(Machine::new(Arc::clone(policy), state)),
        }
        vec![event]
    }
}

//! The store is back, somebody else wrote, or something was left undone: the controller looks, and goes on from what is
//! recorded.

use std::sync::Arc;

use crate::control::direct::Direct;
use crate::control::load::{InForce, PAGE, Rollout};
use crate::control::spooled;
use crate::engine::{self, Input, Machine, Output};
use crate::model::event::{Event, What};
use crate::model::ids::Actor;
use crate::model::operator::{Order, Verb};
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::ports::spool::Waiting;
use crate::ports::store::StoreError;

use super::super::command::{Command, OperateError};
use super::super::record::PolicyRecord;
use super::super::seal::MACHINE;
use super::controller::{Controller, PATIENCE, Ports};
use super::recorder::{Draft, Written};
use super::remarks::enters;

/// Versions of a policy kept by text until one comes into force: one waits for the next stage, one was just saved.
const OFFERED: usize = 4;

impl Controller {
    /// Before every input: whatever is due of looking, retrying and taking over.
    pub(super) fn recover(&mut self, ports: Ports<'_>, now: Time) {
        let retry = self.trouble.as_ref().map(|trouble| trouble.retry_at);
        if retry.map_or(now >= self.look_at, |at| now >= at || self.look_at == Time::NEVER) {
            self.look(ports, now);
        }
        self.carry_out_what_is_left(ports, now);
        if self.may_move()
            && let Some((record, policy)) = self.candidate.take()
        {
            self.take_over(ports, now, record, policy);
        }
    }

    /// What is to be tried again, or looked at, is due by `latest`: by a clock that goes on it never is later.
    pub(super) fn wait_no_longer_than(&mut self, latest: Time) {
        let trouble = self.trouble.as_mut().map(|trouble| &mut trouble.retry_at);
        let unapplied = self.unapplied.as_mut().map(|(_, at)| at);
        let refused = self.refused.as_mut().map(|(_, until)| until);
        for at in [trouble, unapplied, refused, Some(&mut self.look_at)].into_iter().flatten() {
            *at = latest.min(*at);
        }
    }

    /// An exposure that is recorded, or spooled, and that nobody confirmed is carried out.
    fn carry_out_what_is_left(&mut self, ports: Ports<'_>, now: Time) {
        if self.may_move() && self.unapplied.is_none() {
            self.note_unconfirmed(now);
        }
        if !self.may_carry_out() {
            return;
        }
        let Some((plan, _)) = self.unapplied.take_if(|(_, at)| *at <= now) else { return };
        let stands = self.machine.as_ref().map(|machine| machine.state().generation);
        if stands.is_none_or(|generation| generation == plan.generation)
            && let Some(output) = self.act(ports, now, plan)
        {
            self.follow_up(ports, now, output);
        }
    }

    /// Looks at the end of the ledger, and reads on where others wrote.
    pub(super) fn look(&mut self, ports: Ports<'_>, now: Time) {
        self.look_at = now + PATIENCE;
        let looked = self.catch_up(ports, now, false).and_then(|()| self.ask_who_leads(ports));
        if let Err(error) = looked {
            self.troubled(error, now);
        }
    }

    /// Somebody who was cut off took it back, and the ledger does not know to where: a step back from where the ledger has
    /// it could be a step up from there. So it goes to where nobody sees anything.
    pub(super) fn give_way(&mut self, now: Time) -> Option<Output> {
        let machine = self.machine.as_mut().filter(|_| self.lead.is_some() && self.trouble.is_none())?;
        let lowest = machine.policy().stages.first()?.name.clone();
        if machine.state().stage == lowest {
            return None;
        }
        let reason = "another controller took it back, and could not record it".to_owned();
        let order = Order { actor: Actor::new(MACHINE), reason, verb: Verb::RollBack { to: Some(lowest) } };
        machine.watch_only(false);
        Some(machine.handle(now, Input::Order(order)))
    }

    /// Whoever led last and does not lead any more finds out whether another does.
    fn ask_who_leads(&mut self, ports: Ports<'_>) -> Result<(), StoreError> {
        if self.lead.is_some() || self.led.is_none() {
            return Ok(());
        }
        if ports.store.leader()?.is_some_and(|lease| Some(&lease.token) != self.led.as_ref()) {
            self.led = None;
            self.remarks.leave_it_to_another();
        }
        Ok(())
    }

    /// Knows again what the ledger was told of how things look in this stage, page by page back to where it was entered.
    pub(super) fn hear_what_was_said(&mut self, ports: Ports<'_>) -> Result<(), StoreError> {
        if self.rollout.state.revision.is_none() {
            return Ok(());
        }
        let (mut end, mut pages) = (self.rollout.head.seq, Vec::new());
        while end > 0 {
            let from = end.saturating_sub(PAGE as u64).saturating_add(1);
            let limit = usize::try_from(end.saturating_sub(from).saturating_add(1)).unwrap_or(PAGE);
            let page = ports.store.entries(&self.rollout.key, from, limit)?;
            // What was pruned says nothing any more.
            let is_all = page.is_empty() || page.iter().any(enters);
            pages.push(page);
            end = if is_all { 0 } else { from.saturating_sub(1) };
        }
        pages.iter().rev().flatten().for_each(|entry| self.remarks.recorded(entry));
        self.remarks.fall_behind();
        Ok(())
    }

    /// Reads on where others wrote, once the ledger has what was done without it. `wrote`: they surely did.
    pub(super) fn catch_up(&mut self, ports: Ports<'_>, now: Time, wrote: bool) -> Result<(), StoreError> {
        let alone = self.took_back_alone;
        if alone {
            self.hand_in(ports, now)?;
        }
        let head = ports.store.head(&self.rollout.key)?;
        if alone || wrote || head != self.rollout.head {
            let from = self.rollout.head.seq.saturating_add(1);
            let rollout = self.rollout.read_on(ports.store, self.candidate.as_ref().map(|(_, policy)| policy))?;
            let entries = ports.store.entries(&rollout.key, from, PAGE)?;
            entries.iter().for_each(|entry| self.remarks.recorded(entry));
            self.news.entries.extend(entries);
            self.took_back_alone = false;
            self.stand_with(rollout, now);
        }
        self.trouble = None;
        Ok(())
    }

    /// Takes to the ledger what was done without it: what the spool has, and what it did not take.
    fn hand_in(&mut self, ports: Ports<'_>, now: Time) -> Result<(), StoreError> {
        let direct = Direct::new(ports.store, ports.actuator);
        let in_words = |error| match error {
            OperateError::Store(error) => error,
            other => StoreError::Unavailable(other.to_string()),
        };
        while let Some(order) = self.unkept.first() {
            let told = spooled::carry_out(&direct, order, &self.rollout.key, now).map_err(in_words)?;
            self.news.notes.push(told);
            self.unkept.remove(0);
        }
        loop {
            self.news.notes.extend(spooled::replay(&direct, ports.spool, now).map_err(in_words)?);
            // Somebody may have put more into it meanwhile.
            if !self.is_waited_for(&ports.spool.waiting()?) {
                return Ok(());
            }
        }
    }

    /// Whether a roll back of this rollout is among what waits.
    pub(super) fn is_waited_for(&self, waiting: &Waiting) -> bool {
        waiting.orders.iter().any(|order| spooled::is_meant(order, &self.rollout.key))
    }

    /// Goes where the ledger says.
    fn stand_with(&mut self, rollout: Rollout, now: Time) {
        match (&mut self.machine, &rollout.policy) {
            (Some(machine), InForce::Ready(policy)) => {
                machine.judge_by(Arc::clone(policy));
                machine.stand_at(now, rollout.state.clone());
            }
            (Some(machine), _) => machine.stand_at(now, rollout.state.clone()),
            (None, InForce::Ready(policy)) => {
                self.machine = Some(Machine::recalling(Arc::clone(policy), rollout.state.clone()));
            }
            (None, _) => {}
        }
        (self.rollout, self.acted_at) = (rollout, Some(now));
        self.remarks.fall_behind();
        self.offer_pinned();
        self.note_unconfirmed(now);
    }

    /// An exposure that is recorded and was never confirmed is carried out again, by whoever leads.
    pub(super) fn note_unconfirmed(&mut self, now: Time) {
        let left = self.rollout.is_unconfirmed().then(|| (self.rollout.plan(), now));
        if left.is_some() || !self.took_back_alone {
            self.unapplied = left;
        }
    }

    /// Another version of the policy was saved. It takes over now, or when this controller leads.
    pub(super) fn offer(&mut self, ports: Ports<'_>, now: Time, (record, policy): (PolicyRecord, Arc<Policy>)) {
        if self.may_move() {
            self.take_over(ports, now, record, policy);
            return;
        }
        if self.machine.is_none() {
            self.machine = Some(Machine::recalling(Arc::clone(&policy), self.rollout.state.clone()));
        }
        self.candidate = Some((record, policy));
    }

    /// The policy's files were saved: that version comes into force, waits for the next stage, or is turned away; the
    /// entries say which.
    fn take_over(&mut self, ports: Ports<'_>, now: Time, record: PolicyRecord, policy: Arc<Policy>) {
        match self.put_forward(ports, now, (&record, &policy), None) {
            Ok(Written::Now) => {
                let waits = self.machine.as_ref().is_some_and(|machine| machine.waiting_policy.is_some());
                self.pinned = waits.then_some((record, policy));
            }
            Ok(Written::Before(there)) => self.overtaken(ports, now, &StoreError::Conflict(there.head)),
            Err(error) => {
                // It is offered again as soon as the store takes it.
                self.candidate = Some((record, policy));
                if error.is_race() || matches!(error, StoreError::NotLeader { .. }) {
                    self.overtaken(ports, now, &error);
                } else {
                    self.troubled(error, now);
                }
            }
        }
    }

    /// Asks the machine what it makes of a policy, and records that. Whatever cannot be recorded did not happen.
    pub(super) fn put_forward(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        (record, policy): (&PolicyRecord, &Arc<Policy>),
        command: Option<&Command>,
    ) -> Result<Written, StoreError> {
        self.keep_text(record);
        let before = self.machine.clone();
        let mut events = match (&mut self.machine, &self.rollout.policy) {
            (Some(machine), InForce::Ready(_)) => {
                machine.watch_only(false);
                machine.handle(now, Input::Policy(Arc::clone(policy))).events
            }
            _ => self.first_policy(policy, now),
        };
        let waits = self.machine.as_ref().is_some_and(|machine| machine.waiting_policy.is_some());
        if command.is_some() && events.is_empty() && waits {
            // A person's word is carried out or turned away; what only waits would be gone with this process.
            self.machine.clone_from(&before);
            let (digest, why) =
                (policy.digest.clone(), "this rollout keeps its policy until the next stage (`pin = true`)");
            events = vec![Event { time: now, what: What::PolicyRejected { digest, why: why.to_owned() } }];
        }
        if events.is_empty() {
            return Ok(Written::Now);
        }
        let token = command.map(|command| command.token.as_str());
        let written = self.append(ports, Draft { events, plan: None, decision: None, command, token });
        if !matches!(written, Ok(Written::Now)) {
            self.machine = before;
        }
        written.map_err(|(error, _)| error)
    }

    /// The text of a policy that may come into force goes into the store when it does.
    pub(super) fn keep_text(&mut self, record: &PolicyRecord) {
        self.offered.retain(|known| known.digest != record.digest);
        self.offered.push(record.clone());
        if self.offered.len() > OFFERED {
            self.offered.remove(0);
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
            Some(machine) if machine.policy().digest == policy.digest => machine.stand_at(at, state),
            machine => *machine = Some(Machine::recalling(Arc::clone(policy), state)),
        }
        vec![event]
    }
}

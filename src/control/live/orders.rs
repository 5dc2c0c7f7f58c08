//! What people ask for, while a controller runs: the same commands as on a store, judged with the readings at hand.

use std::sync::Arc;

use crate::control::propose::{propose, stands_against};
use crate::engine::{Input, Machine, Output};
use crate::ledger::Entry;
use crate::model::event::What;
use crate::model::operator::{Order, Verb};
use crate::model::time::Time;
use crate::ports::store::StoreError;

use super::super::command::{Ask, Command, OperateError, Outcome};
use super::super::direct::Direct;
use super::super::record::PolicyRecord;
use super::super::seal::seal;
use super::controller::{Controller, Ports, ROUNDS};
use super::recorder::{Draft, Written};

impl Controller {
    /// Carries a command out; with `dry_run` only says what would come of it.
    ///
    /// # Errors
    /// It could not be recorded. A command that was *refused* is recorded, and no error; a roll back that could not be
    /// recorded is done, waits in the spool, and is no error either.
    pub fn order(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        command: &Command,
        dry_run: bool,
    ) -> Result<Outcome, OperateError> {
        self.recover(ports, now);
        if !dry_run && !command.takes_back() {
            self.needs_to_lead(ports)?;
        }
        let noted = self.news.entries.len();
        let mut outcome = match &command.ask {
            Ask::Start { policy, .. } | Ask::Adopt { policy } if dry_run || self.machine.is_none() => {
                self.without_readings(ports, now, command, policy, dry_run)?
            }
            Ask::Start { policy, revision } => {
                let verb = Verb::Start { revision: revision.clone() };
                match self.adopt(ports, now, command, policy)? {
                    refused @ Outcome { refused: Some(_), .. } => return Ok(refused),
                    _ => self.give(ports, now, command, &verb, dry_run)?,
                }
            }
            Ask::Adopt { policy } => self.adopt(ports, now, command, policy)?,
            Ask::Order(verb) => self.give(ports, now, command, verb, dry_run)?,
        };
        if !dry_run {
            outcome.entries = self.news.entries.get(noted..).unwrap_or_default().to_vec();
            outcome.after = self.machine.as_ref().map_or_else(|| self.rollout.state.clone(), |m| m.state().clone());
        }
        Ok(outcome)
    }

    fn needs_to_lead(&self, ports: Ports<'_>) -> Result<(), OperateError> {
        if let Some(trouble) = &self.trouble {
            return Err(trouble.error.clone().into());
        }
        if self.lead.is_some() {
            return Ok(());
        }
        let holder = ports.store.leader()?.map(|lease| lease.token.holder);
        Err(StoreError::NotLeader { holder }.into())
    }

    fn outcome(&self, dry_run: bool) -> Outcome {
        Outcome {
            key: self.rollout.key.clone(),
            before: self.rollout.state.clone(),
            after: self.rollout.state.clone(),
            was: self.rollout.exposed.clone(),
            entries: Vec::new(),
            plan: None,
            refused: None,
            waits: Vec::new(),
            applied: None,
            notes: Vec::new(),
            dry_run,
        }
    }

    /// What a command comes to that needs no readings, or for which there is no machine yet.
    fn without_readings(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        command: &Command,
        policy: &PolicyRecord,
        dry_run: bool,
    ) -> Result<Outcome, OperateError> {
        if dry_run {
            let proposal = propose(&self.rollout, command, now)?;
            let mut outcome = self.outcome(true);
            outcome.after = proposal.after;
            (outcome.entries, outcome.plan) = (proposal.entries, proposal.plan);
            (outcome.refused, outcome.waits, outcome.notes) = (proposal.refused, proposal.waits, proposal.notes);
            return Ok(outcome);
        }
        let compiled = policy.compile().map_err(OperateError::Policy)?;
        self.take_over(ports, now, policy.clone(), Arc::clone(&compiled), Some(command));
        match &command.ask {
            Ask::Start { revision, .. } if self.machine.is_some() => {
                let verb = Verb::Start { revision: revision.clone() };
                self.give(ports, now, command, &verb, false)
            }
            _ => Ok(self.outcome(false)),
        }
    }

    /// Puts a policy in force on a person's word.
    fn adopt(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        command: &Command,
        policy: &PolicyRecord,
    ) -> Result<Outcome, OperateError> {
        let mut outcome = self.outcome(false);
        let compiled = policy.compile().map_err(OperateError::Policy)?;
        if self.rollout.state.policy.as_ref() == Some(&compiled.digest) {
            if matches!(command.ask, Ask::Adopt { .. }) {
                outcome.notes.push("it is in force already".to_owned());
            }
            return Ok(outcome);
        }
        let noted = self.news.entries.len();
        self.take_over(ports, now, policy.clone(), Arc::clone(&compiled), Some(command));
        if let Some(trouble) = &self.trouble {
            return Err(trouble.error.clone().into());
        }
        outcome.entries = self.news.entries.get(noted..).unwrap_or_default().to_vec();
        outcome.refused = refusal(&outcome.entries);
        if outcome.refused.is_none() && self.rollout.state.policy.as_ref() != Some(&compiled.digest) {
            match command.ask {
                // A revision would be judged by the policy that was to be replaced.
                Ask::Start { .. } => outcome.refused = Some("another policy stays in force".to_owned()),
                _ => outcome.notes.push("it waits for the next stage (`pin = true`)".to_owned()),
            }
        }
        Ok(outcome)
    }

    /// Lets the machine handle an order, records what it made of it, and acts.
    fn give(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        command: &Command,
        verb: &Verb,
        dry_run: bool,
    ) -> Result<Outcome, OperateError> {
        for _ in 0..ROUNDS {
            let mut outcome = self.outcome(dry_run);
            let order = Order { actor: command.actor.clone(), reason: command.reason.clone(), verb: verb.clone() };
            let Some(mut machine) = self.machine.clone() else {
                return self.give_without_policy(ports, now, command, dry_run);
            };
            machine.watch_only(false);
            let at = now.max(self.rollout.head.at);
            let mut output = machine.handle(at, Input::Order(order.clone()));
            outcome.refused = output.events.iter().find_map(|event| refused(&event.what));
            outcome.waits = if outcome.refused.is_some() { stands_against(&machine, verb) } else { Vec::new() };
            outcome.plan.clone_from(&output.plan);
            if dry_run {
                let sealed = seal(&self.rollout, Some(command), output.events)?;
                (outcome.entries, outcome.after) = (sealed.entries, sealed.after);
                return Ok(outcome);
            }
            let decision = Some(machine.decision());
            let before = self.machine.replace(machine);
            self.show(at, &output);
            let events = std::mem::take(&mut output.events);
            let draft = Draft {
                events,
                plan: output.plan.as_ref(),
                decision,
                command: Some(command),
                token: Some(&command.token),
            };
            match self.append(ports, draft) {
                Ok(Written::Now) => {
                    self.carry_on(ports, now, output, &mut outcome);
                    return Ok(outcome);
                }
                Ok(Written::Before(head)) => {
                    self.machine = before;
                    self.overtaken(ports, now, &StoreError::Conflict(head));
                    outcome.plan = None;
                    outcome.notes.push("this very order was carried out before".to_owned());
                    return Ok(outcome);
                }
                Err((error, _)) if error.is_race() => {
                    self.machine = before;
                    self.overtaken(ports, now, &error);
                }
                Err((error, token)) => {
                    self.troubled(error.clone(), now);
                    if !command.takes_back() || outcome.refused.is_some() {
                        self.machine = before;
                        return Err(error.into());
                    }
                    self.spool(ports, now, order, token);
                    outcome.notes.extend(self.news.notes.last().cloned());
                    self.carry_on(ports, now, output, &mut outcome);
                    return Ok(outcome);
                }
            }
        }
        Err(StoreError::Unavailable("others kept writing to this rollout".to_owned()).into())
    }

    /// Acts on what was recorded, or on what has to be done although it could not be.
    fn carry_on(&mut self, ports: Ports<'_>, now: Time, mut output: Output, outcome: &mut Outcome) {
        self.news.decisions.extend(self.machine.as_ref().map(Machine::decision));
        self.wake_at = output.wake_at;
        let Some(plan) = output.plan.take() else { return };
        let noted = self.news.notes.len();
        let next = self.act(ports, now, plan);
        let told = self.news.notes.get(noted..).unwrap_or_default().to_vec();
        outcome.applied = Some(match &self.unapplied {
            None => Ok(told),
            Some(_) => Err(told.join("; ")),
        });
        if let Some(next) = next {
            self.follow_up(ports, now, next);
        }
    }

    /// No policy can be used: everything can still be taken back, straight on the store.
    fn give_without_policy(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        command: &Command,
        dry_run: bool,
    ) -> Result<Outcome, OperateError> {
        use super::super::command::Operate as _;
        let direct = Direct::new(ports.store, ports.actuator);
        let outcome = direct.carry_out(&self.rollout.key, command, now, dry_run)?;
        self.look_at = Time::NEVER;
        self.recover(ports, now);
        Ok(outcome)
    }
}

fn refused(what: &What) -> Option<String> {
    match what {
        What::Refused { why, .. } | What::PolicyRejected { why, .. } => Some(why.clone()),
        _ => None,
    }
}

fn refusal(entries: &[Entry]) -> Option<String> {
    entries.iter().find_map(|entry| refused(&entry.record().what))
}

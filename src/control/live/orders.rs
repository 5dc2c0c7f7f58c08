//! What people ask for, while a controller runs: the same commands as on a store, judged with the readings at hand.

use std::sync::Arc;

use crate::control::exposure;
use crate::control::load::InForce;
use crate::control::propose::{propose, stands_against};
use crate::engine::{self, Input, Machine, Output};
use crate::ledger::Entry;
use crate::model::event::{Event, What};
use crate::model::operator::{Order, Verb};
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::ports::spool::Spooled;
use crate::ports::store::{Appended, StoreError};

use super::super::again;
use super::super::command::{Ask, Command, OperateError, Outcome};
use super::super::direct::Direct;
use super::super::record::PolicyRecord;
use super::super::seal::seal;
use super::controller::{Controller, Ports, ROUNDS};
use super::recorder::{Draft, Written};

const BEFORE: &str = "this very order was carried out before";
const OTHERS: &str = "others kept writing to this rollout";

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
        self.acted_at = None;
        self.mind_the_clock(now);
        self.mind_the_lease(now);
        self.recover(ports, now);
        if self.took_back_alone {
            // What was done alone comes before what is done now: perhaps the store is back.
            self.look(ports, now);
        }
        if !dry_run && !command.takes_back() {
            self.needs_to_lead(ports)?;
        }
        if !dry_run && self.waits_already(ports, command) {
            let mut outcome = self.outcome(false);
            outcome.notes.push(BEFORE.to_owned());
            return Ok(outcome);
        }
        let mut outcome = match &command.ask {
            Ask::Start { .. } | Ask::Adopt { .. } if dry_run => self.proposed(command, now)?,
            Ask::Adopt { policy } => self.adopt(ports, now, command, policy)?,
            Ask::Start { .. } | Ask::Order(_) => self.give(ports, now, command, dry_run)?,
        };
        if !dry_run {
            outcome.after = self.machine.as_ref().map_or_else(|| self.rollout.state.clone(), |m| m.state().clone());
        }
        Ok(outcome)
    }

    /// Whether this very order was carried out without the store, which will have it when it is back.
    fn waits_already(&self, ports: Ports<'_>, command: &Command) -> bool {
        let same = |order: &Spooled| order.id == command.token;
        self.took_back_alone
            && (self.unkept.iter().any(same)
                || ports.spool.waiting().is_ok_and(|waiting| waiting.orders.iter().any(same)))
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

    /// What a command would come to that needs no readings.
    fn proposed(&self, command: &Command, now: Time) -> Result<Outcome, OperateError> {
        let proposal = propose(&self.rollout, command, now)?;
        let mut outcome = self.outcome(true);
        outcome.after = proposal.after;
        (outcome.entries, outcome.plan) = (proposal.entries, proposal.plan);
        (outcome.refused, outcome.waits, outcome.notes) = (proposal.refused, proposal.waits, proposal.notes);
        Ok(outcome)
    }

    /// Puts a policy in force on a person's word.
    fn adopt(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        command: &Command,
        policy: &PolicyRecord,
    ) -> Result<Outcome, OperateError> {
        let compiled = policy.compile().map_err(OperateError::Policy)?;
        for _ in 0..ROUNDS {
            let mut outcome = self.outcome(false);
            if self.rollout.state.policy.as_ref() == Some(&compiled.digest) {
                outcome.notes.push("it is in force already".to_owned());
                return Ok(outcome);
            }
            let noted = self.news.entries.len();
            match self.put_forward(ports, now, (policy, &compiled), Some(command)) {
                Ok(Written::Now) => {
                    outcome.entries = self.written_since(noted);
                    let why = |entry: &Entry| command.why_refused(&entry.record().what).cloned();
                    outcome.refused = outcome.entries.iter().find_map(why);
                    return Ok(outcome);
                }
                Ok(Written::Before(there)) => {
                    self.was_given_before(ports, now, command, there, &mut outcome)?;
                    return Ok(outcome);
                }
                Err(error) => self.turned_down(ports, now, error)?,
            }
        }
        Err(StoreError::Unavailable(OTHERS.to_owned()).into())
    }

    /// The ledger has had this very command: it is answered as it was then.
    fn was_given_before(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        command: &Command,
        there: Appended,
        outcome: &mut Outcome,
    ) -> Result<(), OperateError> {
        self.overtaken(ports, now, &StoreError::Conflict(there.head));
        Ok(again::answer(ports.store, command, there.end, outcome)?)
    }

    /// What is in the ledger since so many of the news were known.
    fn written_since(&self, noted: usize) -> Vec<Entry> {
        self.news.entries.get(noted..).unwrap_or_default().to_vec()
    }

    /// The store did not take a command. After a race it is worth another try; otherwise it is the answer.
    fn turned_down(&mut self, ports: Ports<'_>, now: Time, error: StoreError) -> Result<(), OperateError> {
        if error.is_race() {
            self.overtaken(ports, now, &error);
            return Ok(());
        }
        if matches!(error, StoreError::NotLeader { .. }) {
            self.overtaken(ports, now, &error);
        } else {
            self.troubled(error.clone(), now);
        }
        Err(error.into())
    }

    /// Lets the machine handle an order, records what it made of it, and acts.
    fn give(&mut self, ports: Ports<'_>, now: Time, command: &Command, dry_run: bool) -> Result<Outcome, OperateError> {
        for _ in 0..ROUNDS {
            let mut outcome = self.outcome(dry_run);
            let Some((machine, mut output)) = self.handled(now, command)? else {
                return self.give_without_policy(ports, now, command, dry_run);
            };
            outcome.refused = output.events.iter().find_map(|event| command.why_refused(&event.what)).cloned();
            outcome.waits = match &command.ask {
                Ask::Order(verb) if outcome.refused.is_some() => stands_against(&machine, verb),
                _ => Vec::new(),
            };
            outcome.plan.clone_from(&output.plan);
            if dry_run {
                let sealed = seal(&self.rollout, Some(command), output.events)?;
                (outcome.entries, outcome.after) = (sealed.entries, sealed.after);
                return Ok(outcome);
            }
            let decision = Some(machine.decision());
            let (before, noted) = (self.machine.replace(machine), self.news.entries.len());
            self.count_no_more_than_was_so(now);
            self.show(now, &output);
            let events = std::mem::take(&mut output.events);
            let token = Some(command.token.as_str());
            let draft = Draft { events, plan: output.plan.as_ref(), decision, command: Some(command), token };
            let written = match &self.trouble {
                // It has to follow what the store does not have yet.
                Some(trouble) if self.took_back_alone => Err((trouble.error.clone(), command.token.clone())),
                _ => self.append(ports, draft),
            };
            match written {
                Ok(Written::Now) => {
                    if matches!(command.ask, Ask::Start { .. }) && outcome.refused.is_none() {
                        // Whatever waited is older than the policy that a person named.
                        self.pinned = None;
                    }
                    self.carry_on(ports, now, output, &mut outcome);
                    outcome.entries = self.written_since(noted);
                    return Ok(outcome);
                }
                Ok(Written::Before(there)) => {
                    self.machine = before;
                    self.was_given_before(ports, now, command, there, &mut outcome)?;
                    return Ok(outcome);
                }
                Err((error, token)) => match &command.ask {
                    Ask::Order(verb) if command.takes_back() && outcome.refused.is_none() && !error.is_race() => {
                        self.troubled(error, now);
                        self.remarks.fall_behind();
                        let (actor, reason) = (command.actor.clone(), command.reason.clone());
                        self.spool(ports, now, Order { actor, reason, verb: verb.clone() }, token);
                        outcome.notes.extend(self.news.notes.last().cloned());
                        self.news.decisions.extend(self.machine.as_ref().map(Machine::decision));
                        self.carry_on(ports, now, output, &mut outcome);
                        outcome.entries = self.written_since(noted);
                        return Ok(outcome);
                    }
                    _ => {
                        self.machine = before;
                        self.turned_down(ports, now, error)?;
                    }
                },
            }
        }
        Err(StoreError::Unavailable(OTHERS.to_owned()).into())
    }

    /// A machine that has handled the command, and what came of it. None when no policy can be used.
    fn handled(&mut self, now: Time, command: &Command) -> Result<Option<(Machine, Output)>, OperateError> {
        let order = |verb| Order { actor: command.actor.clone(), reason: command.reason.clone(), verb };
        match &command.ask {
            Ask::Start { policy, revision } => {
                let compiled = policy.compile().map_err(OperateError::Policy)?;
                self.keep_text(policy);
                let (mut machine, mut events) = self.under(&compiled, now);
                let rejected = events.iter().find_map(|event| refused(&event.what));
                let mut output = match &rejected {
                    None => machine.handle(now, Input::Order(order(Verb::Start { revision: revision.clone() }))),
                    Some(_) => machine.handle(now, Input::Tick),
                };
                if rejected.is_some() || machine.policy().digest != compiled.digest {
                    // The policy that was to be replaced keeps the rollout: the revision would be judged by the wrong one.
                    let why = rejected.unwrap_or_else(|| "another policy stays in force".to_owned());
                    let (by, reason) = (command.actor.clone(), command.reason.clone());
                    // What is refused changes nothing: the ledger must not have a policy in force that judges nothing.
                    events.retain(|event| !matches!(event.what, What::PolicyChanged { .. }));
                    events.push(Event { time: now, what: What::Refused { verb: "start".to_owned(), by, reason, why } });
                    let stays = self.machine.clone().unwrap_or(machine);
                    (output.events, output.plan) = (events, None);
                    return Ok(Some((stays, output)));
                }
                events.append(&mut output.events);
                output.events = events;
                Ok(Some((machine, output)))
            }
            Ask::Order(verb) => Ok(self.machine.clone().map(|mut machine| {
                machine.watch_only(false);
                let output = machine.handle(now, Input::Order(order(verb.clone())));
                (machine, output)
            })),
            Ask::Adopt { .. } => Ok(None),
        }
    }

    /// A machine under `policy`, as far as the one in force lets it go, and the events of that. Where nobody sees
    /// anything, another ladder pulls nothing away from anybody.
    fn under(&self, policy: &Arc<Policy>, now: Time) -> (Machine, Vec<Event>) {
        let (old, new) = (self.rollout.state.policy.clone(), policy.digest.clone());
        let is_other = old.as_ref() != Some(&new);
        let changes = is_other.then_some(Event { time: now, what: What::PolicyChanged { old, new } });
        match (&self.machine, &self.rollout.policy) {
            (Some(machine), InForce::Ready(_)) => {
                let mut machine = machine.clone();
                machine.watch_only(false);
                if exposure::is_nothing(&self.rollout.exposed) {
                    machine.wait_for_none();
                    machine.judge_by(Arc::clone(policy));
                    return (machine, changes.into_iter().collect());
                }
                let events = machine.handle(now, Input::Policy(Arc::clone(policy))).events;
                (machine, events)
            }
            _ => {
                let state = self.rollout.state.clone();
                let state = changes.as_ref().map_or_else(|| state.clone(), |event| engine::fold(state.clone(), event));
                (Machine::recalling(Arc::clone(policy), state), changes.into_iter().collect())
            }
        }
    }

    /// Acts on what was recorded, or on what has to be done although it could not be.
    fn carry_on(&mut self, ports: Ports<'_>, now: Time, mut output: Output, outcome: &mut Outcome) {
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

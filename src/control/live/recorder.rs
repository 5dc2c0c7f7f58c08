//! Events into the ledger. When it refuses them, an advance did not happen, and a roll back happens all the same.

use std::sync::Arc;

use crate::control::exposure;
use crate::control::load::{InForce, Rollout};
use crate::control::seal::seal;
use crate::engine::{Input, Machine, Output};
use crate::ledger::{Entry, Head};
use crate::model::decision::{Answer, Decision};
use crate::model::event::{Event, What};
use crate::model::ids::{Actor, Digest};
use crate::model::operator::{Order, Verb};
use crate::model::plan::Plan;
use crate::model::time::Time;
use crate::ports::crash;
use crate::ports::spool::Spooled;
use crate::ports::store::{Authority, Batch, StoreError};

use super::super::command::Command;
use super::super::seal::MACHINE;
use super::controller::{Controller, PATIENCE, Ports, Trouble};

/// What to write, and on whose behalf.
pub(super) struct Draft<'a> {
    pub(super) events: Vec<Event>,
    pub(super) plan: Option<&'a Plan>,
    pub(super) decision: Option<Decision>,
    pub(super) command: Option<&'a Command>,
    /// Its name, under which it counts once; the seal of its last entry when it has none.
    pub(super) token: Option<&'a str>,
}

/// What came of writing.
pub(super) enum Written {
    /// These are in the ledger now.
    Now,
    /// They were there already: a reply was lost, or a command was given twice.
    Before(Head),
}

impl Controller {
    /// Records what the machine did by itself. When somebody else wrote in between, the answer is what the machine says
    /// now that it knows; when the store refuses, what was decided is undone, or done without it.
    pub(super) fn record(
        &mut self,
        ports: Ports<'_>,
        now: Time,
        events: Vec<Event>,
        plan: Option<&Plan>,
        decision: Option<Decision>,
    ) -> Option<Output> {
        let rolled_back = events.iter().find_map(|event| match &event.what {
            What::RolledBack { to, because, .. } => Some((Some(to.clone()), because.clone())),
            // No order takes back one region: without a store, the whole is taken back rather than nothing.
            What::RegionRolledBack { because, .. } => Some((None, because.clone())),
            _ => None,
        });
        let shown = decision.clone();
        let draft = Draft { events, plan, decision, command: None, token: None };
        match self.append(ports, draft) {
            Ok(Written::Now) => {
                self.news.decisions.extend(shown);
                None
            }
            // It had been written, and only the reply was lost: whatever came after it is read from the ledger.
            Ok(Written::Before(head)) => self.ask_anew(ports, now, &StoreError::Conflict(head)),
            Err((error, _)) if error.is_race() || matches!(error, StoreError::NotLeader { .. }) => {
                self.ask_anew(ports, now, &error)
            }
            Err((error, token)) => {
                self.troubled(error, now);
                match rolled_back {
                    Some((to, because)) => {
                        let verb = Verb::RollBack { to };
                        let order = Order { actor: Actor::new(MACHINE), reason: because, verb };
                        self.spool(ports, now, order, token);
                        self.news.decisions.extend(shown);
                    }
                    None => self.undo(),
                }
                None
            }
        }
    }

    /// Records something that moves nothing: somebody was refused.
    ///
    /// # Errors
    /// The store's.
    pub fn note(&mut self, ports: Ports<'_>, now: Time, what: What) -> Result<(), StoreError> {
        let events = vec![Event { time: now.max(self.rollout.head.at), what }];
        let lead = self.lead.take();
        let written = self.append(ports, Draft { events, plan: None, decision: None, command: None, token: None });
        self.lead = lead;
        match written {
            Ok(_) => Ok(()),
            Err((error, _)) => {
                // Somebody wrote in between: it is worth a look, not another try.
                self.look_at = Time::NEVER;
                Err(error)
            }
        }
    }

    /// Seals and appends; on success this controller knows where the ledger ends.
    pub(super) fn append(&mut self, ports: Ports<'_>, draft: Draft<'_>) -> Result<Written, (StoreError, String)> {
        let takes_back = draft.events.iter().any(|event| is_take_back(&event.what));
        let sealed = seal(&self.rollout, draft.command, draft.events).map_err(|bad| {
            (StoreError::Corrupt { what: format!("an entry cannot be written: {bad}") }, String::new())
        })?;
        let Some(last) = sealed.entries.last() else { return Ok(Written::Now) };
        let head = Head::at(last);
        // Two controllers that write the very same entries mean the same: the seal is their name.
        let token = draft.token.map_or_else(|| format!("sealed-{}", head.hash), str::to_owned);
        let authority = match &self.lead {
            Some(lead) if !takes_back => Authority::Leader(lead.clone()),
            _ => Authority::RollBack,
        };
        let policies = self.policies_of(&sealed.entries);
        let id = format!("{}/{}/{}", self.rollout.key.rollout, self.rollout.key.environment, head.seq);
        let decisions = draft.decision.as_ref().and_then(|decision| Some((id, serde_json::to_string(decision).ok()?)));
        let batch = Batch {
            key: self.rollout.key.clone(),
            expected: self.rollout.head.clone(),
            authority,
            token: token.clone(),
            entries: sealed.entries,
            exposed: draft.plan.map(exposure::exposed),
            policies,
            decisions: decisions.into_iter().collect(),
            checkpoint: sealed.checkpoint,
        };
        crash::here("live.proposed");
        let appended = ports.store.append(&batch).map_err(|error| (error, token.clone()))?;
        crash::here("live.appended");
        if appended.again {
            return Ok(Written::Before(appended.head));
        }
        let Batch { entries, exposed, checkpoint, .. } = batch;
        let written = entries.len() as u64;
        self.rollout.since_checkpoint = if checkpoint.is_some() { 0 } else { self.rollout.since_checkpoint + written };
        (self.rollout.head, self.rollout.state) = (appended.head, sealed.after);
        if let Some(exposed) = exposed {
            self.rollout.exposed = exposed;
        }
        self.note_policy();
        self.news.entries.extend(entries);
        Ok(Written::Now)
    }

    /// The ledger has it: what the store would say of the policy is known without asking.
    fn note_policy(&mut self) {
        if let Some(machine) = &self.machine
            && self.rollout.state.policy.as_ref() == Some(&machine.policy().digest)
        {
            self.rollout.policy = InForce::Ready(Arc::clone(machine.policy()));
        }
    }

    /// The text of every policy that comes into force with `entries`.
    fn policies_of(&self, entries: &[Entry]) -> Vec<(Digest, String)> {
        let changes = entries.iter().filter_map(|entry| match &entry.record().what {
            What::PolicyChanged { new, .. } => self.offered.iter().find(|record| record.digest == *new),
            _ => None,
        });
        changes.map(|record| (record.digest.clone(), record.text())).collect()
    }

    /// Somebody else was faster: what does the machine say, now that it knows?
    fn ask_anew(&mut self, ports: Ports<'_>, now: Time, error: &StoreError) -> Option<Output> {
        self.overtaken(ports, now, error);
        let free = self.may_move();
        let machine = self.machine.as_mut()?;
        machine.watch_only(!free);
        Some(machine.handle(now, Input::Tick))
    }

    /// The store refuses: nothing advances until it takes something again.
    pub(super) fn troubled(&mut self, error: StoreError, now: Time) {
        let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
        self.trouble = Some(Trouble { error, since, retry_at: now + PATIENCE });
    }

    /// What was decided and could not be recorded did not happen.
    pub(super) fn undo(&mut self) {
        let state = self.rollout.state.clone();
        if let Some(machine) = &mut self.machine {
            machine.stand_at(state);
            machine.watch_only(true);
        }
    }

    /// Keeps a roll back on disk beside the store, under the name that the store would have known it by.
    pub(super) fn spool(&mut self, ports: Ports<'_>, now: Time, order: Order, token: String) {
        let (rollout, environment) = (self.rollout.key.rollout.clone(), self.rollout.key.environment.clone());
        let kept = Spooled { id: token, at: now, rollout: Some(rollout), environment: Some(environment), order };
        self.took_back_alone = true;
        self.news.notes.push(match ports.spool.push(&kept) {
            Ok(()) => format!("the store refused a roll back: it is done, and waits in `{}`", ports.spool.place()),
            Err(error) => {
                format!("the store refused a roll back, and so did the spool ({error}): it is done all the same")
            }
        });
    }

    /// Whether this controller has to take the rollout back although it does not lead: it sees a breach, and nobody who
    /// leads can be asked.
    pub(super) fn take_back_alone(&mut self, ports: Ports<'_>, now: Time, output: &Output) -> Option<Output> {
        let machine = self.machine.as_ref()?;
        let wants = output.answer == Answer::RollBack && machine.state().latch.is_none() && !machine.policy().shadow;
        if !wants || !self.is_fed || self.took_back_alone || machine.state().revision.is_none() {
            return None;
        }
        if self.trouble.is_none() {
            match ports.store.leader() {
                Ok(Some(_)) => return None,
                Ok(None) => {}
                Err(error) => self.troubled(error, now),
            }
        }
        let machine = self.machine.as_mut()?;
        machine.watch_only(false);
        let output = machine.handle(now, Input::Tick);
        let moved = output.events.iter().any(|event| is_take_back(&event.what));
        if !moved {
            machine.watch_only(true);
            self.undo();
            return None;
        }
        let decision = self.machine.as_ref().map(Machine::decision);
        let again = self.record(ports, now, output.events.clone(), output.plan.as_ref(), decision);
        match (again, output.plan) {
            (Some(again), _) => Some(again),
            (None, Some(plan)) => self.act(ports, now, plan),
            (None, None) => None,
        }
    }

    /// Somebody else wrote: what they wrote is what is so.
    pub(super) fn overtaken(&mut self, ports: Ports<'_>, now: Time, error: &StoreError) {
        if matches!(error, StoreError::StaleGeneration { .. } | StoreError::NotLeader { .. }) {
            self.lead = None;
        }
        match Rollout::load(ports.store, &self.rollout.key) {
            Ok(rollout) => self.stand_with(rollout, now),
            Err(error) => {
                self.troubled(error, now);
                self.undo();
            }
        }
    }
}

/// Whether an event takes exposure back.
pub(super) const fn is_take_back(what: &What) -> bool {
    matches!(what, What::RolledBack { .. } | What::RegionRolledBack { .. })
}

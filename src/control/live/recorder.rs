//! Events into the ledger. When it refuses them, an advance did not happen, and a roll back happens all the same.

use std::sync::Arc;

use crate::control::exposure;
use crate::control::load::InForce;
use crate::control::propose::is_remark;
use crate::control::seal::seal;
use crate::engine::{Input, Output};
use crate::ledger::{Entry, Head};
use crate::model::decision::{Answer, Decision};
use crate::model::event::{Event, What};
use crate::model::ids::{Actor, Digest};
use crate::model::operator::{Order, Verb};
use crate::model::plan::Plan;
use crate::model::time::Time;
use crate::ports::crash;
use crate::ports::spool::Spooled;
use crate::ports::store::{Appended, Authority, Batch, StoreError};

use super::super::command::Command;
use super::super::seal::MACHINE;
use super::controller::{Controller, GRACE, PATIENCE, Ports, Trouble};
use super::news::Decided;

/// What to write, and on whose behalf.
pub(super) struct Draft<'a> {
    pub(super) events: Vec<Event>,
    pub(super) plan: Option<&'a Plan>,
    pub(super) decision: Option<Decision>,
    pub(super) command: Option<&'a Command>,
    /// Its name, under which it counts once; the seal of its last entry when it has none.
    pub(super) token: Option<&'a str>,
}

/// What came of recording what the machine did.
pub(super) enum Recorded {
    /// It is in the ledger; or it is undone, because the store refused.
    Done,
    /// Somebody else wrote in between: this is what the machine says now.
    Again(Output),
    /// The store refused a roll back, so the spool has it: it is done all the same, by another plan where one is given.
    Spooled(Option<Plan>),
}

/// What came of writing.
pub(super) enum Written {
    /// These are in the ledger now.
    Now,
    /// They were there already: a reply was lost, or a command was given twice.
    Before(Appended),
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
    ) -> Recorded {
        let rolled_back = events.iter().find_map(|event| match &event.what {
            What::RolledBack { to, because, .. } => Some((Some(to.clone()), because.clone())),
            What::RegionRolledBack { because, .. } => Some((None, because.clone())),
            _ => None,
        });
        let shown = decision.clone();
        let remarks: Vec<Event> = events.iter().filter(|event| is_remark(&event.what)).cloned().collect();
        let draft = Draft { events, plan, decision, command: None, token: None };
        let written = self.append(ports, draft);
        if !matches!(written, Ok(Written::Now)) {
            self.remarks.lost(&remarks, self.led.is_some());
            // Whatever it moved, it says how things look there only once that is recorded.
            self.remarks.fall_behind();
        }
        match written {
            Ok(Written::Now) => Recorded::Done,
            // It had been written, and only the reply was lost: whatever came after it is read from the ledger.
            Ok(Written::Before(there)) => self.ask_anew(ports, now, &StoreError::Conflict(there.head)),
            Err((error, _)) if error.is_race() || matches!(error, StoreError::NotLeader { .. }) => {
                self.ask_anew(ports, now, &error)
            }
            Err((error, token)) => {
                self.troubled(error, now);
                let Some((to, because)) = rolled_back else {
                    self.undo(now);
                    return Recorded::Done;
                };
                let whole = to.is_some();
                let mut order = Order { actor: Actor::new(MACHINE), reason: because, verb: Verb::RollBack { to } };
                let plan = if whole { None } else { self.take_back_the_whole(now, order.clone()) };
                if let Some(machine) = self.machine.as_ref().filter(|_| plan.is_some()) {
                    // It names where it went: another may have taken it back as well, to a higher stage, and the ledger
                    // would have it there while nobody sees it any more.
                    order.verb = Verb::RollBack { to: Some(machine.state().stage.clone()) };
                }
                // It is another order than the batch that the store refused, and may have taken after all.
                let token = if whole { token } else { format!("{token}-whole") };
                self.spool(ports, now, order, token);
                self.news.decisions.extend(shown);
                Recorded::Spooled(plan)
            }
        }
    }

    /// No order takes back one region: without a store, the whole is taken back rather than nothing, here as later by the
    /// spool.
    fn take_back_the_whole(&mut self, now: Time, order: Order) -> Option<Plan> {
        self.undo(now);
        let machine = self.machine.as_mut()?;
        machine.watch_only(false);
        machine.handle(now, Input::Order(order)).plan
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
        let Some(authority) = self.authority(&draft.events) else {
            return Err((StoreError::NotLeader { holder: None }, String::new()));
        };
        let sealed = seal(&self.rollout, draft.command, draft.events).map_err(|bad| {
            (StoreError::Corrupt { what: format!("an entry cannot be written: {bad}") }, String::new())
        })?;
        let Some(last) = sealed.entries.last() else { return Ok(Written::Now) };
        let head = Head::at(last);
        // Two controllers that write the very same entries mean the same: the seal is their name.
        let token = draft.token.map_or_else(|| format!("sealed-{}", head.hash), str::to_owned);
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
            return Ok(Written::Before(appended));
        }
        let Batch { entries, exposed, checkpoint, decisions, .. } = batch;
        let written = entries.len() as u64;
        let entries_of = (self.rollout.head.seq.saturating_add(1), appended.head.seq);
        let decided = decisions.into_iter().zip(draft.decision);
        self.news.decided.extend(decided.map(|((id, _), decision)| Decided { id, decision, entries: entries_of }));
        self.rollout.since_checkpoint = if checkpoint.is_some() { 0 } else { self.rollout.since_checkpoint + written };
        (self.rollout.head, self.rollout.state) = (appended.head, sealed.after);
        if let Some(exposed) = exposed {
            self.rollout.exposed = exposed;
        }
        if let Some(machine) = &mut self.machine {
            machine.trust(&self.rollout.state);
        }
        self.note_policy(&entries);
        entries.iter().for_each(|entry| self.remarks.recorded(entry));
        self.news.entries.extend(entries);
        Ok(Written::Now)
    }

    /// By what right events are written; none without the lease, where they need it. Taking back needs none, and neither
    /// does what moves nothing.
    fn authority(&self, events: &[Event]) -> Option<Authority> {
        let free = |event: &Event| is_take_back(&event.what) || moves_nothing(&event.what);
        let takes_back = events.iter().any(|event| is_take_back(&event.what));
        match &self.lead {
            _ if takes_back && events.iter().all(free) => Some(Authority::RollBack),
            Some(lead) => Some(Authority::Leader(lead.clone())),
            None => events.iter().all(free).then_some(Authority::RollBack),
        }
    }

    /// The ledger has it: what the store would say of the policy is known without asking.
    fn note_policy(&mut self, entries: &[Entry]) {
        let settles = |pinned: &Digest| {
            entries.iter().any(|entry| match &entry.record().what {
                What::PolicyChanged { new, .. } => new == pinned,
                What::PolicyRejected { digest, .. } => digest == pinned,
                _ => false,
            })
        };
        self.pinned.take_if(|(record, _)| settles(&record.digest));
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
    fn ask_anew(&mut self, ports: Ports<'_>, now: Time, error: &StoreError) -> Recorded {
        self.overtaken(ports, now, error);
        let free = self.may_move();
        let Some(machine) = &mut self.machine else { return Recorded::Done };
        machine.watch_only(!free);
        let output = machine.handle(now, Input::Tick);
        self.count_no_more_than_was_so(now);
        Recorded::Again(output)
    }

    /// The store refuses: nothing advances until it takes something again.
    pub(super) fn troubled(&mut self, error: StoreError, now: Time) {
        let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
        self.trouble = Some(Trouble { error, since, retry_at: now + PATIENCE });
    }

    /// What was decided and could not be recorded did not happen.
    pub(super) fn undo(&mut self, now: Time) {
        // What it did alone stays done; the ledger will have it.
        if self.took_back_alone {
            return;
        }
        let state = self.rollout.state.clone();
        if let Some(machine) = &mut self.machine {
            // A policy that had waited for the stage came with it, and goes with it.
            if let InForce::Ready(policy) = &self.rollout.policy {
                machine.judge_by(Arc::clone(policy));
            }
            machine.stand_at(now, state);
            machine.watch_only(true);
        }
        self.offer_pinned();
    }

    /// A policy that waited in the machine, and was lost with what was undone, is offered again.
    pub(super) fn offer_pinned(&mut self) {
        let waits = self.machine.as_ref().is_some_and(|machine| machine.waiting_policy.is_some());
        if waits || self.candidate.is_some() {
            return;
        }
        let in_force = self.rollout.state.policy.as_ref();
        self.candidate = self.pinned.take().filter(|(record, _)| Some(&record.digest) != in_force);
    }

    /// Keeps a roll back on disk beside the store, under the name that the store would have known it by.
    pub(super) fn spool(&mut self, ports: Ports<'_>, now: Time, order: Order, token: String) {
        let (rollout, environment) = (self.rollout.key.rollout.clone(), self.rollout.key.environment.clone());
        let acted = self.machine.as_ref().map(|machine| machine.state().generation);
        let (rollout, environment) = (Some(rollout), Some(environment));
        let kept = Spooled { id: token, at: now, rollout, environment, acted, order };
        self.took_back_alone = true;
        self.news.notes.push(match ports.spool.push(&kept) {
            Ok(()) => format!("the store refused a roll back: it is done, and waits in `{}`", ports.spool.place()),
            Err(error) => {
                self.unkept.push(kept);
                format!("the store refused a roll back, and so did the spool ({error}): it is done all the same")
            }
        });
    }

    /// What the machine says when it may move, if this controller has to take the rollout back although it does not lead:
    /// it sees a breach, and nobody who leads can be asked, or whoever leads does not act on it.
    pub(super) fn must_take_back_alone(&mut self, ports: Ports<'_>, now: Time, output: &Output) -> Option<Output> {
        let machine = self.machine.as_ref()?;
        let wants = output.answer == Answer::RollBack && machine.state().latch.is_none() && !machine.policy().shadow;
        if !wants || !self.is_fed || self.took_back_alone || machine.state().revision.is_none() {
            self.sees_breach = None;
            return None;
        }
        let machine_is_deaf = machine.rolls_back_for_silence();
        if machine_is_deaf && (self.trouble.is_none() || self.led.is_none()) {
            // It lacks data, and that is all: whoever leads may well have it. When there is nobody to ask, and it was its
            // turn when the store went, there is nobody else to wait for either.
            self.sees_breach = None;
            return None;
        }
        let since = *self.sees_breach.get_or_insert(now);
        if self.trouble.is_none() {
            match ports.store.leader() {
                Ok(Some(_)) if now.since(since) < GRACE && since <= now => return None,
                Ok(_) => {}
                Err(error) => self.troubled(error, now),
            }
        }
        let machine = self.machine.as_mut()?;
        machine.watch_only(false);
        let output = machine.handle(now, Input::Tick);
        if output.events.iter().any(|event| is_take_back(&event.what)) {
            return Some(output);
        }
        self.remarks.lost(&output.events, self.led.is_some());
        self.undo(now);
        None
    }

    /// Somebody else wrote: what they wrote is what is so.
    pub(super) fn overtaken(&mut self, ports: Ports<'_>, now: Time, error: &StoreError) {
        if matches!(error, StoreError::StaleGeneration { .. } | StoreError::NotLeader { .. }) {
            self.refused = self.lead.take().map(|lead| (lead, now + PATIENCE));
            self.led = None;
            self.remarks.leave_it_to_another();
        }
        if let Err(error) = self.catch_up(ports, now, true) {
            self.troubled(error, now);
            self.undo(now);
        }
    }
}

/// Whether an event changes nothing of where the rollout stands: whoever sees it may write it down.
const fn moves_nothing(what: &What) -> bool {
    matches!(
        what,
        What::Applied { .. }
            | What::FindingChanged { .. }
            | What::DecisionChanged { .. }
            | What::WouldRollBack { .. }
            | What::PastMax { .. }
            | What::UnknownTooLong { .. }
            | What::Refused { .. }
            | What::PolicyRejected { .. }
            | What::Unmuted { by: None, .. }
    )
}

/// Whether an event takes exposure back.
pub(super) const fn is_take_back(what: &What) -> bool {
    matches!(what, What::RolledBack { .. } | What::RegionRolledBack { .. })
}

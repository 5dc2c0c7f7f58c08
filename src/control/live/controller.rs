//! The controller of one rollout: every input goes through [`Controller::feed`] or [`Controller::order`], in one order.

use std::sync::Arc;

use crate::control::exposure;
use crate::control::load::{InForce, Rollout};
use crate::control::propose::is_remark;
use crate::control::record::PolicyRecord;
use crate::control::standing::Standing;
use crate::engine::{Input, Machine, Output};
use crate::ledger::hash::Key;
use crate::model::decision::{Answer, Decision};
use crate::model::frame::Frame;
use crate::model::plan::Plan;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{MAX_STAGES, Policy};
use crate::ports::actuator::{Actuator, ActuatorError};
use crate::ports::spool::{Spool, Spooled};
use crate::ports::store::{LeaseToken, Store, StoreError};

use super::news::News;
use super::recorder::Recorded;
use super::remarks::Remarks;

/// How long it waits before it asks a store or an actuator again that refused.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How long whoever leads has to act on a breach that another sees: its own source may be silent.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// How many times one input is answered anew because somebody else wrote, or because one move allowed the next.
pub(super) const ROUNDS: usize = MAX_STAGES + 8;

/// What a controller acts through.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Where everything is kept.
    pub store: &'a dyn Store,
    /// Who makes the world agree.
    pub actuator: &'a dyn Actuator,
    /// Where roll backs wait that the store refuses.
    pub spool: &'a dyn Spool,
}

/// An input of the outside.
#[derive(Debug)]
pub enum Given<'a> {
    /// Time has passed; due at [`Controller::wake_at`].
    Tick,
    /// Readings.
    Frame(&'a Frame),
    /// Another version of the policy was saved, and it is good.
    Policy(&'a PolicyRecord, Arc<Policy>),
}

/// The store does not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What it said last.
    pub error: StoreError,
    /// Since when.
    pub since: Time,
    pub(super) retry_at: Time,
}

/// Sees every output of the machine, with the machine as it stands after it.
pub struct Witness(Box<See>);

type See = dyn FnMut(&Machine, Time, &Output) + Send;

impl Witness {
    /// That calls `see`.
    #[must_use]
    pub fn new(see: impl FnMut(&Machine, Time, &Output) + Send + 'static) -> Witness {
        Witness(Box::new(see))
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness")
    }
}

/// One rollout, live.
#[derive(Debug)]
pub struct Controller {
    /// As of the store, as far as it could be read.
    pub(super) rollout: Rollout,
    pub(super) machine: Option<Machine>,
    /// Policies that were offered and may come into force: their text goes into the store when they do.
    pub(super) offered: Vec<PolicyRecord>,
    /// The last good version of the policy's files, until whoever leads has taken it over or turned it away.
    pub(super) candidate: Option<(PolicyRecord, Arc<Policy>)>,
    pub(super) lead: Option<LeaseToken>,
    /// The lease it led under last, unless another has led since, as far as it knows: what is silent here is then silent
    /// for whoever there is.
    pub(super) led: Option<LeaseToken>,
    /// Since when it has been without the lease.
    pub(super) unled_since: Option<Time>,
    /// A lease that the store did not take for one, and until when that is believed.
    pub(super) refused: Option<(LeaseToken, Time)>,
    /// It acted, or read what others wrote, after this input began: what it finds was not all so at the instant of it.
    pub(super) acted_at: Option<Time>,
    /// It has seen a reading: without any, its silence says nothing about the rollout.
    pub(super) is_fed: bool,
    pub(super) trouble: Option<Trouble>,
    /// Recorded, and not carried out yet.
    pub(super) unapplied: Option<(Plan, Time)>,
    /// It took the rollout back while the store refused, and the ledger does not have it yet: the spool does. Until the
    /// ledger has it, nothing here moves up.
    pub(super) took_back_alone: bool,
    /// Roll backs that the spool refused as well: nothing but this process has them.
    pub(super) unkept: Vec<Spooled>,
    /// Since when it sees a breach that whoever leads has not acted on.
    pub(super) sees_breach: Option<Time>,
    /// A version of the policy that waits in the machine for the next stage.
    pub(super) pinned: Option<(PolicyRecord, Arc<Policy>)>,
    pub(super) look_at: Time,
    pub(super) wake_at: Option<Time>,
    pub(super) news: News,
    /// How things look, by the ledger's word.
    pub(super) remarks: Remarks,
    decided: bool,
    /// What is done is done at the instant it is asked for: a recording takes no time.
    acts_at_once: bool,
    witness: Option<Witness>,
}

impl Controller {
    /// The controller of `key` as the store has it. `policy` is what the policy's directory says; it takes over from
    /// what the ledger has in force as soon as this controller leads.
    ///
    /// # Errors
    /// The store cannot be read: nothing is known, so nothing can be done.
    pub fn open(
        ports: Ports<'_>,
        key: &Key,
        policy: Option<(&PolicyRecord, Arc<Policy>)>,
        now: Time,
    ) -> Result<Controller, StoreError> {
        let rollout = Rollout::load_knowing(ports.store, key, policy.as_ref().map(|(_, policy)| policy))?;
        let machine = match (&rollout.policy, &policy) {
            (InForce::Ready(in_force), _) => Some(Machine::recalling(Arc::clone(in_force), rollout.state.clone())),
            (_, Some((_, policy))) => Some(Machine::recalling(Arc::clone(policy), rollout.state.clone())),
            (_, None) => None,
        };
        let mut controller = Controller::with(rollout, machine, now);
        controller.candidate = policy.map(|(record, policy)| (record.clone(), policy));
        // What a process before this one did alone has to be in the ledger before anything moves up. A spool that cannot
        // be read may hold such a thing.
        controller.took_back_alone = ports.spool.waiting().map_or(true, |waiting| controller.is_waited_for(&waiting));
        controller.note_unconfirmed(now);
        controller.hear_what_was_said(ports)?;
        Ok(controller)
    }

    /// A controller of a machine that stands somewhere already: a recording that is run as if it were live. What it does
    /// takes no time.
    #[must_use]
    pub fn standing(rollout: Rollout, machine: Machine, now: Time) -> Controller {
        Controller { acts_at_once: true, ..Controller::with(rollout, Some(machine), now) }
    }

    fn with(rollout: Rollout, machine: Option<Machine>, now: Time) -> Controller {
        Controller {
            rollout,
            machine,
            offered: Vec::new(),
            candidate: None,
            lead: None,
            led: None,
            unled_since: None,
            refused: None,
            acted_at: None,
            is_fed: false,
            trouble: None,
            unapplied: None,
            took_back_alone: false,
            unkept: Vec::new(),
            sees_breach: None,
            pinned: None,
            look_at: now,
            wake_at: None,
            news: News::default(),
            remarks: Remarks::default(),
            decided: false,
            acts_at_once: false,
            witness: None,
        }
    }

    /// Lets somebody look on: a recording that is run as if it were live is reported like any other.
    pub fn is_witnessed_by(&mut self, witness: Witness) {
        self.witness = Some(witness);
    }

    /// Shows an output to whoever looks on.
    pub(super) fn show(&mut self, now: Time, output: &Output) {
        if let (Some(witness), Some(machine)) = (&mut self.witness, &self.machine) {
            (witness.0)(machine, now, output);
        }
    }

    /// Takes an input in, at `now`, and does whatever follows from it.
    pub fn feed(&mut self, ports: Ports<'_>, now: Time, given: Given<'_>) {
        self.acted_at = None;
        self.mind_the_clock(now);
        self.mind_the_lease(now);
        self.recover(ports, now);
        match given {
            Given::Policy(record, policy) => self.offer(ports, now, (record.clone(), policy)),
            Given::Tick => self.step(ports, now, Input::Tick),
            Given::Frame(frame) => {
                self.is_fed |= !frame.cells.is_empty();
                self.step(ports, now, Input::Frame(frame));
            }
        }
    }

    pub(super) fn step(&mut self, ports: Ports<'_>, now: Time, input: Input<'_>) {
        let free = self.may_move();
        let Some(machine) = &mut self.machine else { return };
        machine.watch_only(!free);
        let output = machine.handle(now, input);
        self.count_no_more_than_was_so(now);
        self.follow_up(ports, now, output);
    }

    /// Bake begins at the next look where something became so only after `now`.
    pub(super) fn count_no_more_than_was_so(&mut self, now: Time) {
        if let Some(machine) = self.machine.as_mut().filter(|_| self.acted_at == Some(now) && !self.acts_at_once) {
            machine.count_from_next_look();
        }
    }

    /// Records what came out, acts on it, and lets the machine see what came of that, until nothing is left to do.
    pub(super) fn follow_up(&mut self, ports: Ports<'_>, now: Time, mut output: Output) {
        for _ in 0..ROUNDS {
            self.wake_at = output.wake_at;
            self.show(now, &output);
            if !self.may_move() {
                match self.must_take_back_alone(ports, now, &output) {
                    Some(taken) => output = taken,
                    None => return self.only_watched(now, &output),
                }
            }
            let decision = self.decision_of(&output);
            if self.is_idle() {
                // Nothing was started: how things look is nobody's news yet.
                output.events.retain(|event| !is_remark(&event.what));
            } else if output.plan.is_none()
                && let Some(machine) = &self.machine
            {
                let mut made_up = self.remarks.make_up(machine, now, &output.events);
                output.events.append(&mut made_up);
            }
            if output.events.is_empty() {
                self.news.decisions.extend(decision);
                return;
            }
            let plan = match self.record(ports, now, std::mem::take(&mut output.events), output.plan.as_ref(), decision)
            {
                // Somebody else wrote, so it was asked anew.
                Recorded::Again(again) => {
                    output = again;
                    continue;
                }
                Recorded::Done => output.plan.take().filter(|plan| self.is_standing_by(plan)),
                Recorded::Spooled(other) => other.or_else(|| output.plan.take()),
            };
            let Some(next) = plan.and_then(|plan| self.act(ports, now, plan)) else { return };
            output = next;
        }
    }

    /// What was seen while it only watched is not recorded. Where that would have changed the state (a mute that ran
    /// out), the state stays the ledger's.
    fn only_watched(&mut self, now: Time, output: &Output) {
        self.remarks.lost(&output.events, self.led.is_some());
        if self.took_back_alone || output.events.is_empty() {
            return;
        }
        if let Some(machine) = self.machine.as_mut().filter(|machine| *machine.state() != self.rollout.state) {
            machine.stand_at(now, self.rollout.state.clone());
        }
    }

    fn is_idle(&self) -> bool {
        self.rollout.state.revision.is_none() && self.rollout.state.latch.is_none()
    }

    /// The record of a decision, where one is worth keeping.
    fn decision_of(&mut self, output: &Output) -> Option<Decision> {
        let first = !std::mem::replace(&mut self.decided, true);
        if !first && !output.tells() {
            return None;
        }
        self.machine.as_ref().map(Machine::decision)
    }

    /// Whether what the machine decided was kept, or was undone because nothing recorded it.
    fn is_standing_by(&self, plan: &Plan) -> bool {
        self.machine.as_ref().is_some_and(|machine| plan.generation == machine.state().generation)
    }

    /// Makes the world agree with `plan`, and tells the machine that it does.
    pub(super) fn act(&mut self, ports: Ports<'_>, now: Time, plan: Plan) -> Option<Output> {
        match ports.actuator.apply(&self.rollout.key, &plan) {
            Ok(lines) => {
                crate::ports::crash::here("live.applied");
                (self.unapplied, self.acted_at) = (None, Some(now));
                self.news.notes.extend(lines);
                // Whoever leads confirms it; a roll back that the ledger does not have yet, when it has it.
                if !self.may_move() {
                    return None;
                }
                let machine = self.machine.as_mut()?;
                machine.watch_only(false);
                let output = machine.handle(now, Input::Applied(plan.generation));
                if !self.acts_at_once {
                    // It took as long as it took, and was not so at `now`: bake begins at the next look.
                    machine.count_from_next_look();
                }
                Some(output)
            }
            Err(error) => {
                self.news.notes.push(format!("generation {} cannot be applied: {error}", plan.generation));
                self.unapplied = Some((plan, now + PATIENCE));
                matches!(error, ActuatorError::LowerStands(_)).then(|| self.give_way(now)).flatten()
            }
        }
    }

    /// Advancing, and recording, need the lease and a store that works and that knows of everything that was done.
    #[must_use]
    pub const fn may_move(&self) -> bool {
        self.lead.is_some() && self.trouble.is_none() && !self.took_back_alone
    }

    /// Whether a plan that is recorded, or spooled, may be carried out here: anything by whoever leads, and by everybody
    /// what takes back, or shows nobody anything.
    pub(super) fn may_carry_out(&self) -> bool {
        self.may_move()
            || self.machine.as_ref().is_some_and(|machine| machine.state().latch.is_some())
            || self.unapplied.as_ref().is_some_and(|(plan, _)| exposure::is_nothing(&exposure::exposed(plan)))
    }

    /// Which rollout.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.rollout.key
    }

    /// The machine, when some policy can be used.
    #[must_use]
    pub const fn machine(&self) -> Option<&Machine> {
        self.machine.as_ref()
    }

    /// The full record of the last evaluation.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        self.machine.as_ref().map(Machine::decision)
    }

    /// As the ledger has it.
    #[must_use]
    pub const fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// What is wrong with the store, when something is.
    #[must_use]
    pub const fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// The lease it acts under.
    #[must_use]
    pub const fn leads(&self) -> bool {
        self.lead.is_some()
    }

    /// Where the rollout stands: what it did alone included.
    #[must_use]
    pub fn stands(&self, now: Time) -> Standing {
        match &self.machine {
            Some(machine) if self.took_back_alone => {
                let state = machine.state().clone();
                Standing::of(&Rollout { state, ..self.rollout.clone() }, now)
            }
            _ => Standing::of(&self.rollout, now),
        }
    }

    /// The next instant at which something has to be looked at.
    #[must_use]
    pub fn wake_at(&self) -> Time {
        // A store that refuses is asked again by and by; one that works is looked at for what others wrote.
        let look = self.trouble.as_ref().map_or(self.look_at, |trouble| trouble.retry_at);
        let unapplied = self.unapplied.as_ref().map(|(_, at)| *at).filter(|_| self.may_carry_out());
        [self.wake_at, unapplied, Some(look)].into_iter().flatten().min().unwrap_or(Time::FOREVER)
    }

    /// The next instant at which the answer could change with no new data.
    #[must_use]
    pub const fn answer_may_change_at(&self) -> Option<Time> {
        self.wake_at
    }

    /// The answer as of the last input.
    #[must_use]
    pub fn answer(&self) -> Answer {
        self.machine.as_ref().map_or(Answer::Hold, Machine::answer)
    }

    /// What happened since it was last taken.
    #[must_use]
    pub const fn news(&self) -> &News {
        &self.news
    }

    /// What happened since this was last asked.
    pub fn take_news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }
}

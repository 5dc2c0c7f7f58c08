//! One policy's half of a comparison: its run, and the decisions that the other half has not been held against yet.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::{Machine, Output};
use crate::fixture::play::Happened;
use crate::fixture::run::{RunOptions, Running};
use crate::fixture::scenario::Scenario;
use crate::model::decision::{Answer, Decision, Verdict};
use crate::model::frame::Frame;
use crate::model::ids::{Region, StageName};
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Policy;

use super::ROWS_KEPT;

/// What a decision says as far as two of them can differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    answer: Answer,
    to: Option<StageName>,
    region: Option<Region>,
    /// Only said, not done.
    shadow: bool,
}

impl Key {
    const HOLD: Key = Key { answer: Answer::Hold, to: None, region: None, shadow: false };

    pub(crate) fn of(decision: &Decision) -> Key {
        let (to, region) = match &decision.verdict {
            Verdict::Advance { to, .. } => (to.clone(), None),
            Verdict::Hold { .. } => return Key::HOLD,
            Verdict::RollBack { to, region, .. } => (Some(to.clone()), region.clone()),
        };
        Key { answer: decision.verdict.answer(), to, region, shadow: decision.shadow }
    }
}

/// An instant at which the answer became another, or was carried out again.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) at: Time,
    pub(super) key: Key,
    pub(super) decision: Decision,
}

impl Mark {
    /// Whether the other policy decided the same at the same time.
    pub(super) fn agrees(&self, other: &Mark) -> bool {
        self.at == other.at && self.key == other.key
    }
}

/// What became of one output, for whoever looks on.
pub(super) type Onlooker<'s> = dyn FnMut(&Machine, Time, &Output, Happened) + 's;

/// A run with its marks.
pub(super) struct Track<'e> {
    pub(super) running: Running<'e>,
    pub(super) marks: Marks,
    pub(super) calms: Calms,
}

/// So long without anything wrong, and what was wrong before is over: what is wrong after it is another event.
const CALM: Duration = Duration::from_mins(30);

/// When it had been calm for long enough; once in each stretch of calm.
#[derive(Debug, Default)]
pub(super) struct Calms {
    since: Option<Time>,
    pub(super) reached: Vec<Time>,
}

impl Calms {
    #[inline]
    fn look(&mut self, machine: &Machine, at: Time) {
        if !machine.is_clear() {
            self.since = None;
            return;
        }
        let since = *self.since.get_or_insert(at);
        if at.since(since) >= CALM && self.reached.last().is_none_or(|reached| *reached < since) {
            self.reached.push(at);
        }
    }

    /// Whether what was wrong at `from` was over before `until`, as seen by the policy that rolled back first: it
    /// goes on watching the checks of the stage that it came down from.
    pub(super) fn between(&self, from: Time, until: Time) -> bool {
        let next = self.reached.partition_point(|reached| *reached <= from);
        self.reached.get(next).is_some_and(|reached| *reached < until)
    }
}

/// The marks that wait to be compared.
pub(super) struct Marks {
    pub(super) waiting: VecDeque<Mark>,
    in_force: Key,
    /// Nobody compares any more.
    pub(super) closed: bool,
}

impl<'e> Track<'e> {
    pub(super) fn new(scenario: &'e Scenario, policy: &Arc<Policy>, options: &RunOptions) -> Track<'e> {
        let marks = Marks { waiting: VecDeque::new(), in_force: Key::HOLD, closed: false };
        Track { running: Running::new(scenario, policy, options).keeping(ROWS_KEPT), marks, calms: Calms::default() }
    }

    /// Plays a frame that has arrived.
    pub(super) fn play(&mut self, frame: &Frame, onlooker: &mut Onlooker<'_>) {
        let (marks, calms) = (&mut self.marks, &mut self.calms);
        self.running.play(frame, &mut |machine, at, output, happened| {
            marks.look(machine, at, output);
            calms.look(machine, at);
            onlooker(machine, at, output, happened);
        });
    }

    pub(super) fn wake(&mut self, time: Time, onlooker: &mut Onlooker<'_>) {
        let (marks, calms) = (&mut self.marks, &mut self.calms);
        self.running.wake(time, &mut |machine, at, output, happened| {
            marks.look(machine, at, output);
            calms.look(machine, at);
            onlooker(machine, at, output, happened);
        });
    }

    /// The decision in force.
    pub(super) fn decision(&self) -> Option<Decision> {
        self.running.machine().map(Machine::decision)
    }
}

impl Marks {
    /// Keeps what is not a hold following a hold.
    #[inline]
    fn look(&mut self, machine: &Machine, at: Time, output: &Output) {
        let quiet = output.answer == Answer::Hold && self.in_force.answer == Answer::Hold && output.plan.is_none();
        if quiet || self.closed || (!output.changed && output.answer == self.in_force.answer && output.plan.is_none()) {
            return;
        }
        let decision = machine.decision();
        let key = Key::of(&decision);
        if key != self.in_force || output.plan.is_some() {
            self.in_force = key.clone();
            self.waiting.push_back(Mark { at, key, decision });
        }
    }
}

//! The machine: the one shared path of live, replay, test and diff.
//!
//! Inputs come time-stamped and in one order; out come events (for the ledger), a plan (for the executor) and the
//! next instant at which the answer could change by itself.

use std::sync::Arc;

use crate::model::decision::{Answer, Decision};
use crate::model::event::{Event, What};
use crate::model::finding::FindingState;
use crate::model::frame::Frame;
use crate::model::ids::{Actor, Generation};
use crate::model::operator::Order;
use crate::model::plan::Plan;
use crate::model::state::{Baseline, RolloutState};
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{Policy, Stage, StageIx};

use super::decide::{Assessment, Why};
use super::evaluate::Tally;
use super::evidence::Evidence;
use super::fold;
use super::freeze::{Frozen, frozen_at};
use super::guards::Guard;
use super::planner::plan;

/// How often a quiet rollout tells the ledger how much bake is served.
const HEARTBEAT: Duration = Duration::from_mins(1);

/// One thing that happened outside.
#[derive(Debug)]
pub enum Input<'a> {
    /// Nothing but the passing of time; sent at [`Output::wake_at`].
    Tick,
    /// Readings.
    Frame(&'a Frame),
    /// A policy compiled and ready to take over.
    Policy(Arc<Policy>),
    /// A person's order.
    Order(Order),
    /// The exposure of a generation was confirmed by reading it back.
    Applied(Generation),
}

/// What came of one input.
#[derive(Debug)]
pub struct Output {
    /// For the ledger, in order. Empty for a quiet hold.
    pub events: Vec<Event>,
    /// For the executor, after the events are safe.
    pub plan: Option<Plan>,
    /// The answer as of this input.
    pub answer: Answer,
    /// The answer, its deciding reason or the state of some finding changed.
    pub changed: bool,
    /// The next instant at which the answer could change with no new data.
    pub wake_at: Option<Time>,
}

impl Output {
    /// Nothing to say.
    pub(crate) const fn quiet() -> Output {
        Output { events: Vec::new(), plan: None, answer: Answer::Hold, changed: false, wake_at: None }
    }
}

/// One rollout under one policy.
#[derive(Debug, Clone)]
pub struct Machine {
    policy: Arc<Policy>,
    /// A policy that waits for the next stage (`pin = true`).
    pub(crate) waiting_policy: Option<Arc<Policy>>,
    state: RolloutState,
    /// The stage the rollout stands in.
    pub(crate) stage_ix: StageIx,
    pub(crate) evidence: Evidence,
    pub(crate) tally: Tally,
    pub(crate) frozen: Frozen,
    /// Good time served in this stage, to the instant; the state holds it as of the last heartbeat.
    pub(crate) bake: Duration,
    /// The last evaluation that counts for the bake, and whether it was good.
    pub(crate) mark: Option<(Time, bool)>,
    now: Time,
    last: Assessment,
    /// The record of an evaluation that moved the rollout: what it stood on is gone by now.
    moved: Option<Box<Decision>>,
    /// A person's order to advance, while it is being judged.
    pub(crate) ordered: Option<(Actor, String)>,
    /// Everything the last frame brought came out of order.
    pub(crate) late_only: bool,
    /// It stands where another machine stands, and moves nothing itself.
    pub(crate) follows: bool,
    /// Nobody knows yet since when observations count: the time of the input in which the stage was heard of.
    pub(crate) unsettled: Option<Time>,
    told_past_max: bool,
    next_heartbeat: Time,
    changes: Vec<(usize, FindingState)>,
}

impl Machine {
    /// A machine for `state` under `policy`, with no evidence yet.
    ///
    /// A stage that the policy does not have stands in for its lowest one: the answer is then to hold, and the plan
    /// of the next roll back restates the lowest exposure.
    #[must_use]
    pub fn new(policy: Arc<Policy>, state: RolloutState) -> Machine {
        let stage_ix = policy.find_stage(state.stage.as_str()).unwrap_or(StageIx(0));
        let watched = watched_stage(&policy, &state, stage_ix);
        let now = state.entered_at;
        let evidence = Evidence::new(&policy, watched, &state.baselines, now, Time::NEVER);
        let bake = state.bake;
        let mut machine = Machine {
            policy,
            waiting_policy: None,
            state,
            stage_ix,
            evidence,
            tally: Tally::NOTHING_KNOWN,
            frozen: Frozen::UNASKED,
            bake,
            mark: None,
            now,
            last: Assessment { answer: Answer::Hold, why: Why::Guard(Guard::NotStarted), severity: None },
            moved: None,
            ordered: None,
            late_only: false,
            follows: false,
            unsettled: None,
            told_past_max: false,
            next_heartbeat: now + HEARTBEAT,
            changes: Vec::new(),
        };
        machine.mark_acting_rows();
        machine
    }

    /// Takes in one input. Total: no input makes it fail.
    ///
    /// Time never goes back: an input stamped earlier than the one before counts as simultaneous with it.
    pub fn handle(&mut self, now: Time, input: Input<'_>) -> Output {
        self.now = self.now.max(now);
        self.settle_since(now);
        self.moved = None;
        self.late_only = false;
        let mut output = Output { answer: self.last.answer, ..Output::quiet() };
        match input {
            Input::Tick => self.evaluate(true, &mut output),
            Input::Frame(frame) => {
                let (gathers, watched) = (self.gathers_baselines(), self.watched_stage());
                let intake = self.evidence.take_in(&self.policy, watched, frame, gathers, self.now);
                self.late_only = intake.late && !intake.fresh;
                self.evaluate(true, &mut output);
            }
            Input::Policy(policy) => self.reload(policy, &mut output),
            Input::Order(order) => self.order(order, &mut output),
            Input::Applied(generation) => {
                self.emit(What::Applied { generation }, &mut output);
                self.evaluate(false, &mut output);
            }
        }
        output.answer = self.last.answer;
        output.wake_at = self.wake_at();
        output
    }

    /// The full record of the last evaluation.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.moved.as_deref().cloned().unwrap_or_else(|| self.record(&self.last))
    }

    /// The answer of the last evaluation.
    #[must_use]
    pub const fn answer(&self) -> Answer {
        self.last.answer
    }

    /// The durable state: a fold of every event so far.
    #[must_use]
    pub const fn state(&self) -> &RolloutState {
        &self.state
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The time of the last input.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Whether everything is known and nothing at hold or worse is pending or firing: what good time means. A check
    /// that is clearing is quiet, a warning says nothing against it.
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        self.tally.is_good()
    }

    /// The comparison values that leaving zero exposure now would freeze: what a recording that begins before the
    /// rollout has to say.
    #[must_use]
    pub fn baselines_so_far(&self) -> Vec<Baseline> {
        self.evidence.reservoirs.freeze(&self.policy, self.now)
    }

    pub(crate) fn stage(&self) -> Option<&Stage> {
        self.policy.stage(self.stage_ix)
    }

    /// Whether the policy has the stage in which the rollout stands.
    pub(crate) fn knows_its_stage(&self) -> bool {
        self.stage().is_some_and(|stage| stage.name == self.state.stage)
    }

    /// Whether readings may become a baseline: nobody has seen the change yet, or a revision that starts again is
    /// confirmed to be out of sight.
    fn gathers_baselines(&self) -> bool {
        let state = &self.state;
        let unexposed = self.stage().is_some_and(Stage::is_unexposed) && self.knows_its_stage();
        unexposed && state.baselines.is_empty() && (state.revision.is_none() || state.applied_at.is_some())
    }

    /// The stage whose checks are evaluated: after a roll back, the one it came down from, so that what goes on
    /// happening is still seen and listed.
    pub(crate) fn watched_stage(&self) -> StageIx {
        watched_stage(&self.policy, &self.state, self.stage_ix)
    }

    /// Tests everything at `now`, decides, and carries the decision out on the state.
    pub(crate) fn evaluate(&mut self, may_move: bool, output: &mut Output) {
        self.end_mutes(output);
        if self.now >= self.frozen.valid_until {
            self.frozen = frozen_at(&self.policy.freezes, self.now);
        }
        if self.policy.baseline.max_age.is_some() {
            self.evidence.compare_with_baselines(&self.policy, &self.state.baselines, self.now);
        }
        let watched = self.watched_stage();
        let mut changes = std::mem::take(&mut self.changes);
        self.tally = self.evidence.evaluate(&self.policy, watched, &self.state.baselines, self.now, &mut changes);
        self.changes = changes;
        self.count_bake();
        self.track_unknowns(output);
        self.report_changes(output);

        let mut assessment = self.assess(self.ordered.is_some());
        if assessment.answer == Answer::Advance && !may_move {
            assessment = Assessment { answer: Answer::Hold, why: Why::Guard(Guard::Bake), ..assessment };
        }
        self.settle(assessment, output);
    }

    /// Tells what changed, and moves the rollout if the answer says so.
    fn settle(&mut self, assessment: Assessment, output: &mut Output) {
        let changed = (assessment.answer, assessment.why) != (self.last.answer, self.last.why);
        self.last = assessment;
        output.changed |= changed || self.tally.changed;
        if self.follows {
            return;
        }
        if changed {
            let verdict = self.verdict(&assessment);
            let decision = verdict.answer().name().to_owned();
            self.emit(What::DecisionChanged { decision, because: verdict.headline() }, output);
        }
        self.tell_past_max(output);
        match assessment.answer {
            Answer::Hold => self.heartbeat(output),
            // A person may advance a policy in shadow; what it finds on the way still only watches.
            answer if self.policy.shadow && !(self.ordered.is_some() && answer == Answer::Advance) => {
                self.would(assessment, changed, output);
            }
            Answer::Advance => self.advance(assessment, output),
            Answer::RollBack => self.roll_back(assessment, output),
        }
    }

    /// A policy in shadow says what it would do, once.
    fn would(&mut self, assessment: Assessment, changed: bool, output: &mut Output) {
        if changed && assessment.answer == Answer::RollBack {
            let verdict = self.verdict(&assessment);
            let check = verdict.deciding_check().cloned();
            self.emit(What::WouldRollBack { check, because: verdict.headline() }, output);
        }
        self.heartbeat(output);
    }

    fn advance(&mut self, assessment: Assessment, output: &mut Output) {
        let record = self.record(&assessment);
        let because = record.verdict.headline();
        if self.would_freeze_baselines() {
            let baselines = self.evidence.reservoirs.freeze(&self.policy, self.now);
            self.emit(What::BaselineFrozen { baselines }, output);
        }
        let next = StageIx(self.stage_ix.0.saturating_add(1));
        self.moved = Some(Box::new(record));
        output.changed = true;
        match self.policy.stage(next).map(|stage| stage.name.clone()) {
            None => self.emit(What::Completed { because }, output),
            Some(to) => {
                let (from, generation) = (self.state.stage.clone(), self.state.generation.next());
                let waiting = self.waiting_policy_for(next, output);
                self.emit(What::StageEntered { from, to, generation, because }, output);
                if let Some(policy) = waiting {
                    self.put_in_force(policy, output);
                }
                self.enter_stage();
                output.plan = plan(&self.policy, &self.state, false);
            }
        }
    }

    fn roll_back(&mut self, assessment: Assessment, output: &mut Output) {
        let record = self.record(&assessment);
        let (because, check) = (record.verdict.headline(), record.verdict.deciding_check().cloned());
        let generation = self.state.generation.next();
        self.moved = Some(Box::new(record));
        output.changed = true;
        match self.region_to_roll_back(assessment.why) {
            Some(region) => {
                let stage = self.state.stage.clone();
                self.emit(What::RegionRolledBack { region, stage, generation, check, because }, output);
                self.mark_acting_rows();
                output.plan = plan(&self.policy, &self.state, false);
            }
            None => {
                let (from, to) = (self.state.stage.clone(), self.target(assessment.why));
                self.emit(What::RolledBack { from, to, generation, check, emergency: false, because }, output);
                self.enter_stage();
                output.plan = plan(&self.policy, &self.state, false);
            }
        }
    }

    /// Starts a stage empty, as the state says.
    pub(crate) fn enter_stage(&mut self) {
        self.stage_ix = self.policy.find_stage(self.state.stage.as_str()).unwrap_or(StageIx(0));
        self.restart_runs();
        self.mark_acting_rows();
        self.bake = self.state.bake;
        self.mark = None;
        self.told_past_max = false;
        self.next_heartbeat = self.now + HEARTBEAT;
    }

    /// What decided last.
    pub(crate) const fn last_why(&self) -> Why {
        self.last.why
    }

    /// What forbade the advance last.
    pub(crate) const fn last_guard(&self) -> Option<Guard> {
        match self.last.why {
            Why::Guard(guard) => Some(guard),
            _ => None,
        }
    }

    /// Makes `policy` the one in force, as an event.
    pub(crate) fn swap_policy(&mut self, policy: Arc<Policy>, output: &mut Output) -> Arc<Policy> {
        let (old, new) = (Some(self.policy.digest.clone()), policy.digest.clone());
        self.emit(What::PolicyChanged { old, new }, output);
        self.frozen = Frozen::UNASKED;
        std::mem::replace(&mut self.policy, policy)
    }

    /// Shows `decision` until the next input.
    pub(crate) fn show(&mut self, decision: Decision) {
        self.moved = Some(Box::new(decision));
    }

    /// Takes over a state that another machine's events made.
    pub(crate) fn replace_state(&mut self, state: RolloutState) {
        self.state = state;
    }

    /// Begins at `now` with nothing observed; the state stays.
    pub(crate) fn forget_evidence(&mut self, now: Time) {
        let (policy, state) = (Arc::clone(&self.policy), self.state.clone());
        let (waiting, follows) = (self.waiting_policy.take(), self.follows);
        *self = Machine::new(policy, state);
        (self.waiting_policy, self.follows, self.now) = (waiting, follows, now);
        self.next_heartbeat = now + HEARTBEAT;
        self.restart_runs();
        self.count_from_now_on();
        self.mark_acting_rows();
    }

    /// Goes on to `now` without looking at anything.
    pub(crate) fn go_on_to(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Starts the runs of the stage the state says, empty since it was entered.
    pub(crate) fn restart_runs(&mut self) {
        let (watched, entered) = (self.watched_stage(), self.state.entered_at);
        self.evidence.enter(&self.policy, watched, &self.state.baselines, self.now, entered);
        self.believe_the_entry(self.now);
    }

    /// Works new comparison values into the rows.
    pub(crate) fn compare_anew(&mut self) {
        self.evidence.compare_with_baselines(&self.policy, &self.state.baselines, self.now);
    }

    /// Replaces the evidence after a reload.
    pub(crate) fn replace_evidence(&mut self, evidence: Evidence, stage: StageIx) -> Evidence {
        self.stage_ix = stage;
        std::mem::replace(&mut self.evidence, evidence)
    }

    /// Which rows may change the decision: not in shadow, not muted, not in a region that is already taken back.
    pub(crate) fn mark_acting_rows(&mut self) {
        let (policy, state) = (&self.policy, &self.state);
        let regions = policy.catalogue.regions();
        self.evidence.table.set_acting(policy, |check, region| {
            let latched = regions.get(region.0 as usize).is_some_and(|name| state.latched_regions.contains_key(name));
            latched || state.mutes.contains_key(check)
        });
    }

    /// Puts an event on the output and folds it into the state; nothing else changes the state.
    pub(crate) fn emit(&mut self, what: What, output: &mut Output) {
        let event = Event { time: self.now, what };
        fold::apply(&mut self.state, &event);
        output.events.push(event);
    }

    fn heartbeat(&mut self, output: &mut Output) {
        if self.now >= self.next_heartbeat && self.state.latch.is_none() {
            self.next_heartbeat = self.now + HEARTBEAT;
            if self.bake != self.state.bake {
                self.emit(What::Heartbeat { bake: self.bake }, output);
            }
        }
    }

    fn report_changes(&mut self, output: &mut Output) {
        if self.changes.is_empty() {
            return;
        }
        let changes = std::mem::take(&mut self.changes);
        for (row, from) in &changes {
            let Some(finding) = self.finding(*row) else { continue };
            let what = What::FindingChanged {
                check: finding.check.clone(),
                region: finding.region.clone(),
                from: from.name().to_owned(),
                to: finding.state.name().to_owned(),
                note: finding.to_string(),
            };
            self.emit(what, output);
            self.tell_would_roll_back(*row, &finding, output);
        }
        self.changes = changes;
    }

    /// While latched (or for a check in shadow) a check that would roll back is told apart from one that did.
    fn tell_would_roll_back(&mut self, row: usize, finding: &crate::model::finding::Finding, output: &mut Output) {
        let Some(row) = self.evidence.table.rows.get(row) else { return };
        let rolls_back = row.response == crate::model::severity::Response::Rollback && !row.gate;
        let not_acted_on = self.state.latch.is_some() || !row.acting;
        if rolls_back && not_acted_on && finding.state == FindingState::Firing && !finding.muted {
            let (check, because) = (Some(finding.check.clone()), finding.to_string());
            self.emit(What::WouldRollBack { check, because }, output);
        }
    }

    fn tell_past_max(&mut self, output: &mut Output) {
        let past = self.stage().filter(|stage| self.is_past_max(stage) && !self.state.complete);
        if let Some(max) = past.and_then(|stage| stage.max)
            && !self.told_past_max
            && self.state.latch.is_none()
        {
            self.told_past_max = true;
            let stage = self.state.stage.clone();
            self.emit(What::PastMax { stage, max }, output);
        }
    }
}

fn watched_stage(policy: &Policy, state: &RolloutState, stage: StageIx) -> StageIx {
    let from = state.latch.as_ref().and_then(|latch| policy.find_stage(latch.from.as_str()));
    from.unwrap_or(stage)
}

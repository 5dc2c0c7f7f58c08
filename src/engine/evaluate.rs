//! One evaluation: every active check is tested at `now`, its run moved on, and the result summed up.
//!
//! Nothing here allocates while nothing changes.

use crate::model::finding::FindingState;
use crate::model::frame::{Group, MetricIx, RegionIx};
use crate::model::reading::{Reading, Truth, Unknown};
use crate::model::severity::{Response, Severity};
use crate::model::state::Baseline;
use crate::model::time::Time;
use crate::policy::compiled::{CheckIx, Condition, Policy, Stage, StageIx};
use crate::policy::script::Facts;

use super::columns::{Columns, judge, turns_stale_at};
use super::evidence::{Evidence, baseline_of};
use super::table::{Row, Table, Test, needs};

/// What one evaluation found, as positions of rows. The lowest check position is the worst: checks are sorted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    /// The worst acting check that says roll back, now.
    pub(crate) roll_back: Option<usize>,
    /// The worst acting check at hold or worse that is pending, firing or clearing.
    pub(crate) blocking: Option<usize>,
    /// The first acting check whose reading is unknown.
    pub(crate) unknown: Option<usize>,
    /// A reading that an acting check rests on is unknown, whatever the check makes of it.
    pub(crate) blind: bool,
    /// The first closed gate of the stage.
    pub(crate) gate: Option<usize>,
    /// Late evidence was shown first; what is newer has yet to be looked at.
    pub(crate) look_again: bool,
    /// Every gate that the early exit asks for is open.
    pub(crate) early_gates_open: bool,
    /// The worst severity firing.
    pub(crate) severity: Option<Severity>,
    /// Nothing at hold or worse is pending or firing: the elapsed time may count as good.
    pub(crate) quiet: bool,
    /// Some finding state is not what it was.
    pub(crate) changed: bool,
    /// When the first reading in use turns stale.
    pub(crate) stale_at: Time,
}

impl Tally {
    const CLEAN: Tally = Tally {
        roll_back: None,
        blocking: None,
        unknown: None,
        blind: false,
        look_again: false,
        gate: None,
        early_gates_open: true,
        severity: None,
        quiet: true,
        changed: false,
        stale_at: Time::FOREVER,
    };

    /// Before the first evaluation.
    pub(crate) const NOTHING_KNOWN: Tally = Tally { quiet: false, early_gates_open: false, ..Tally::CLEAN };

    /// Everything known, nothing against it.
    pub(crate) const fn is_good(&self) -> bool {
        self.quiet && self.unknown.is_none()
    }
}

impl Evidence {
    /// Tests every row at `now`. `changes` receives the rows whose state changed, with the state they left.
    pub(crate) fn evaluate(
        &mut self,
        policy: &Policy,
        stage: StageIx,
        baselines: &[Baseline],
        now: Time,
        changes: &mut Vec<(usize, FindingState)>,
    ) -> Tally {
        changes.clear();
        self.refresh_control(policy, now);
        let mut tally = Tally::CLEAN;
        let bounds = self.table.hot.len();
        self.table.test(&self.columns, now, &mut self.truths);
        for at in 0..bounds {
            let (Some(row), Some(truth)) = (self.table.rows.get(at), self.truths.get(at)) else { break };
            let (truth, observed) = match row.bound() {
                Some(test) if !row.not_applicable => (*truth, self.columns.get(test.slot).observed),
                _ => (Truth::Ok, Time::NEVER),
            };
            self.settle(at, truth, observed, now, &mut tally, changes);
        }
        if bounds < self.table.rows.len() {
            self.run_scripts(policy, stage, baselines, now, &mut tally, changes);
        }
        tally.changed = !changes.is_empty();
        tally
    }

    fn run_scripts(
        &mut self,
        policy: &Policy,
        stage: StageIx,
        baselines: &[Baseline],
        now: Time,
        tally: &mut Tally,
        changes: &mut Vec<(usize, FindingState)>,
    ) {
        let Some(at_stage) = policy.stage(stage) else { return };
        for at in self.table.hot.len()..self.table.rows.len() {
            let Some(row) = self.table.rows.get(at) else { break };
            if row.not_applicable {
                self.settle(at, Truth::Ok, Time::NEVER, now, tally, changes);
                continue;
            }
            let Test::Script { reads } = &row.test else { continue };
            let Some(Condition::Script { function, .. }) = policy.check(row.check).map(|check| &check.condition) else {
                continue;
            };
            let observed = reads.iter().map(|(slot, _)| self.columns.get(*slot).observed).max().unwrap_or(now);
            let facts = RegionFacts {
                policy,
                stage: at_stage,
                columns: &self.columns,
                table: &self.table,
                states: &self.states,
                baselines,
                region: row.region,
                now,
            };
            let answer = policy.scripts.call(*function, &facts);
            let dark = reads.iter().find_map(|(slot, needs)| match judge(self.columns.get(*slot), needs, now) {
                Reading::Unknown(why) => Some(why),
                Reading::Value(_) => None,
            });
            tally.blind |= row.acting && dark.is_some();
            // What it passed over it still rests on: the stage's metrics are those that its checks read. A breach stands.
            let truth = match (answer.truth, dark) {
                (Truth::Ok, Some(why)) => Truth::Unknown(why),
                (truth, _) => truth,
            };
            if let Some(fault) = self.faults.get_mut(at) {
                *fault = answer.fault;
            }
            self.settle(at, truth, observed, now, tally, changes);
        }
    }

    /// Moves one row's run on and adds its state to the tally.
    #[inline]
    fn settle(
        &mut self,
        at: usize,
        truth: Truth,
        observed: Time,
        now: Time,
        tally: &mut Tally,
        changes: &mut Vec<(usize, FindingState)>,
    ) {
        let (Some(row), Some(run), Some(state), Some(last_truth)) =
            (self.table.rows.get(at), self.runs.get_mut(at), self.states.get_mut(at), self.truths.get_mut(at))
        else {
            return;
        };
        *last_truth = truth;
        let new_state = if row.not_applicable {
            FindingState::NotApplicable
        } else {
            if run.take_late_firing() {
                tally.look_again |= observed > run.seen();
            } else if observed > run.seen() {
                run.observe(truth, observed, row.window, row.clear, row.max_age);
            } else {
                run.end_after_hole(now, row.max_age);
                if truth == Truth::Breach && run.is_revised(observed, row.bound().is_none()) {
                    run.observe_late_breach(observed, row.window, row.max_age);
                }
            }
            run.state(truth, row.gate)
        };
        if new_state != *state {
            changes.push((at, *state));
            *state = new_state;
        }
        if row.not_applicable {
            // A gate says what must hold: where nothing can show it, it stays closed.
            if row.gate && row.acting {
                add(tally, at, row, new_state, &self.table, &self.columns, now);
            }
            return;
        }
        tally.stale_at = tally.stale_at.min(stale_at(row, truth, &self.columns, now)).min(run.ends_at(row.max_age));
        if row.acting {
            // An unknown reading blocks whatever the check's run remembers.
            if matches!(truth, Truth::Unknown(_)) {
                tally.blind = true;
                tally.unknown = worst(tally.unknown, at, &self.table);
                tally.early_gates_open &= !row.gate;
            }
            if new_state != FindingState::Ok {
                add(tally, at, row, new_state, &self.table, &self.columns, now);
            }
        }
    }
}

/// When the first of the usable readings that a row rests on turns stale.
#[inline]
fn stale_at(row: &Row, truth: Truth, columns: &Columns, now: Time) -> Time {
    match (&row.test, truth) {
        (Test::Bound(test), Truth::Ok | Truth::Breach) => turns_stale_at(columns.get(test.slot), &test.needs),
        _ => first_stale(row, columns, now),
    }
}

/// A check that cannot tell may still rest on usable readings: since when they are gone matters to `unknown_after`.
fn first_stale(row: &Row, columns: &Columns, now: Time) -> Time {
    let usable = row.reads().filter(|(slot, needs)| judge(columns.get(*slot), needs, now).value().is_some());
    usable.map(|(slot, needs)| turns_stale_at(columns.get(slot), needs)).min().unwrap_or(Time::FOREVER)
}

/// Of two rows the one whose check comes first in the policy's order, which is worst first.
fn worst(so_far: Option<usize>, at: usize, table: &Table) -> Option<usize> {
    let position = |row: usize| table.rows.get(row).map(|row| row.check);
    match so_far {
        Some(other) if position(other) <= position(at) => Some(other),
        _ => Some(at),
    }
}

/// Adds a state other than ok to the tally.
#[cold]
fn add(tally: &mut Tally, at: usize, row: &Row, state: FindingState, table: &Table, columns: &Columns, now: Time) {
    if row.gate {
        if state != FindingState::Unknown && !row.early_only {
            tally.gate = worst(tally.gate, at, table);
        }
        tally.early_gates_open = false;
        return;
    }
    if state == FindingState::Firing {
        tally.severity = tally.severity.max(Some(row.severity));
    }
    if row.response < Response::Hold || state == FindingState::Unknown {
        return;
    }
    tally.blocking = worst(tally.blocking, at, table);
    tally.quiet &= state == FindingState::Clearing;
    if !rolls_back(row, state, columns, now) {
        // What control excuses it excuses only while its own reading is fresh.
        let excused = row.unless_control && state == FindingState::Firing;
        if let (true, Some(test)) = (excused, row.bound())
            && let Some(slot) = test.control_slot
        {
            tally.stale_at = tally.stale_at.min(until_after(now, turns_stale_at(columns.get(slot), &test.needs)));
        }
        return;
    }
    tally.roll_back = worst(tally.roll_back, at, table);
}

/// `at`, unless that is over.
fn until_after(now: Time, at: Time) -> Time {
    if at > now { at } else { Time::FOREVER }
}

/// Whether a row in `state` asks for a roll back now.
pub(crate) fn rolls_back(row: &Row, state: FindingState, columns: &Columns, now: Time) -> bool {
    let fires = row.response == Response::Rollback && state == FindingState::Firing && !row.gate;
    fires && !(row.unless_control && control_breaks_it_too(row, columns, now))
}

/// Whether the control group breaks the same absolute bound right now: probably a shared cause.
pub(crate) fn control_breaks_it_too(row: &Row, columns: &Columns, now: Time) -> bool {
    let Some(test) = row.bound() else { return false };
    if test.bound.limit.than().is_some() {
        return false;
    }
    let Some(slot) = test.control_slot else { return false };
    judge(columns.get(slot), &test.needs, now).value().is_some_and(|value| test.is_breach(value))
}

/// What a script may see of one region.
struct RegionFacts<'a> {
    policy: &'a Policy,
    stage: &'a Stage,
    columns: &'a Columns,
    table: &'a Table,
    states: &'a [FindingState],
    baselines: &'a [Baseline],
    region: RegionIx,
    now: Time,
}

impl RegionFacts<'_> {
    fn state(&self, check: CheckIx) -> Option<FindingState> {
        let row = self.table.row_of(check, self.region)?;
        self.states.get(row).copied()
    }

    fn is(&self, check: CheckIx, wanted: FindingState) -> Truth {
        match self.state(check) {
            Some(state) if state == wanted => Truth::Breach,
            Some(FindingState::Unknown) => Truth::Unknown(Unknown::Absent),
            // Not active in this stage, or watching a group that is empty by design: nothing can be told.
            None | Some(FindingState::NotApplicable) => Truth::Unknown(Unknown::Absent),
            Some(_) => Truth::Ok,
        }
    }
}

impl Facts for RegionFacts<'_> {
    fn reading(&self, metric: MetricIx, group: Group) -> Reading {
        if self.stage.leaves_empty(group) {
            return Reading::Unknown(Unknown::Absent);
        }
        let slot = self.policy.catalogue.slot(self.region, group, metric).index();
        judge(self.columns.get(slot), &needs(self.policy, self.stage, metric), self.now)
    }

    fn baseline(&self, metric: MetricIx) -> Reading {
        match baseline_of(self.policy, self.baselines, metric, self.region, self.now) {
            Ok(value) => Reading::Value(value),
            Err(why) => Reading::Unknown(why),
        }
    }

    fn breached(&self, check: CheckIx) -> Truth {
        self.is(check, FindingState::Firing)
    }

    fn pending(&self, check: CheckIx) -> Truth {
        self.is(check, FindingState::Pending)
    }
}

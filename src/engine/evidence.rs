//! Evidence: what the readings say, apart from what was decided about it. Rebuilt from snapshots, never stored.

use crate::model::finding::FindingState;
use crate::model::frame::{Cell, Frame, Group, MetricIx, RegionIx};
use crate::model::reading::{Reading, Truth, Unknown};
use crate::model::state::{Baseline, BaselineValue};
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{Policy, StageIx, Than};

use super::baseline::Reservoirs;
use super::columns::{Arrival, Columns, Last, judge};
use super::control::Control;
use super::table::{Table, control_slots, needs};
use super::window::Run;

/// A reading stamped further in the future than this is rejected: it would stay fresh long after its source died.
const EARLY: Duration = Duration::from_secs(30);

/// Everything observed, and where each active check stands because of it.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    pub(crate) columns: Columns,
    pub(crate) table: Table,
    /// One per row of the table, like the two after it.
    pub(crate) runs: Vec<Run>,
    pub(crate) truths: Vec<Truth>,
    pub(crate) states: Vec<FindingState>,
    /// What a script said when it failed, by row.
    pub(crate) faults: Vec<Option<String>>,
    pub(crate) reservoirs: Reservoirs,
    controls: Vec<(usize, MetricIx, Control)>,
    /// Samples gathered in this stage, by slot.
    samples: Vec<u64>,
    /// What was observed later than this was observed in this stage.
    pub(crate) since: Time,
    /// How far each slot's last reading was ahead of this clock when it came in, by slot.
    pub(crate) ahead: Vec<Duration>,
    /// The frame in which each slot's last reading came, by slot; and the number of the current frame.
    came_in: Vec<u32>,
    frame: u32,
    /// Since when each slot that a row reads has been unknown, by slot; `FOREVER` while known.
    pub(crate) unknown_since: Vec<Time>,
    /// Somebody was told that a slot is unknown.
    pub(crate) told_unknown: Vec<bool>,
    /// The share of traffic last observed in this stage.
    pub(crate) exposure: Option<f64>,
    /// Some row compares with control, whose median moves.
    compares_control: bool,
}

/// What a frame brought.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Intake {
    /// At least one reading newer than all before, or none was late.
    pub(crate) fresh: bool,
    /// At least one reading came out of order.
    pub(crate) late: bool,
}

impl Evidence {
    pub(crate) fn new(policy: &Policy, stage: StageIx, baselines: &[Baseline], now: Time, seen: Time) -> Evidence {
        let slots = policy.catalogue.slots();
        let mut evidence = Evidence {
            columns: Columns::new(&policy.catalogue, |metric| {
                policy.metrics.get(metric).map_or(Duration::ZERO, |rules| rules.max_age)
            }),
            table: Table::default(),
            runs: Vec::new(),
            truths: Vec::new(),
            states: Vec::new(),
            faults: Vec::new(),
            reservoirs: Reservoirs::new(policy),
            controls: control_slots(policy).into_iter().map(|(slot, m)| (slot, m, Control::default())).collect(),
            samples: vec![0; slots],
            since: seen,
            ahead: vec![Duration::ZERO; slots],
            came_in: vec![0; slots],
            frame: 0,
            unknown_since: vec![Time::FOREVER; slots],
            told_unknown: vec![false; slots],
            exposure: None,
            compares_control: false,
        };
        evidence.enter(policy, stage, baselines, now, seen);
        evidence
    }

    /// A new stage starts empty: rows for it, runs that count only observations after `seen`.
    pub(crate) fn enter(&mut self, policy: &Policy, stage: StageIx, baselines: &[Baseline], now: Time, seen: Time) {
        self.table = Table::new(policy, stage);
        self.runs.clear();
        self.runs.extend(self.table.rows.iter().map(|row| Run::new(row.gate, seen)));
        self.truths.clear();
        self.truths.resize(self.table.rows.len(), Truth::Unknown(Unknown::Absent));
        self.states.clear();
        let before = |gate| if gate { FindingState::Unknown } else { FindingState::Ok };
        self.states.extend(self.table.rows.iter().map(|row| before(row.gate)));
        self.faults.clear();
        self.faults.resize(self.table.rows.len(), None);
        self.samples.fill(0);
        self.since = seen;
        self.unknown_since.fill(Time::FOREVER);
        self.told_unknown.fill(false);
        self.exposure = None;
        let compares =
            |row: &super::table::Row| row.bound().is_some_and(|t| t.bound.limit.than() == Some(Than::Control));
        self.compares_control = self.table.rows.iter().any(compares);
        self.compare_with_baselines(policy, baselines, now);
    }

    /// Works frozen baselines into the rows that compare with them.
    pub(crate) fn compare_with_baselines(&mut self, policy: &Policy, baselines: &[Baseline], now: Time) {
        self.table.compare(|row, test| {
            (test.bound.limit.than() == Some(Than::Baseline))
                .then(|| baseline_of(policy, baselines, test.bound.metric, row.region, now))
        });
    }

    /// Takes in a frame's readings at `now`. `unexposed` says whether they may still become a baseline.
    pub(crate) fn take_in(
        &mut self,
        policy: &Policy,
        stage: StageIx,
        frame: &Frame,
        unexposed: bool,
        now: Time,
    ) -> Intake {
        self.frame = self.frame.wrapping_add(1);
        let mut intake = Intake { fresh: frame.cells.is_empty(), late: false };
        if frame.exposure.is_some() {
            self.exposure = frame.exposure;
        }
        let newest = now + EARLY;
        for cell in frame.cells.iter().filter(|cell| cell.observed <= newest) {
            let slot = cell.slot.index();
            let before = self.not_looked_at(slot);
            let arrival = self.columns.accept(cell);
            if let (Some(before), Arrival::New | Arrival::Worse) = (before, arrival) {
                self.late_breach(slot, before.observed, before.value, before.samples_plus);
            }
            let samples_plus = cell.samples.map_or(0, |samples| samples.saturating_add(1));
            match arrival {
                Arrival::New => {
                    intake.fresh = true;
                    if let Some(ahead) = self.ahead.get_mut(slot) {
                        *ahead = cell.observed.since(now);
                    }
                    let counts = self.columns.get(slot).is_number() && cell.observed > self.since;
                    if let (Some(total), true) = (self.samples.get_mut(slot), counts) {
                        *total = total.saturating_add(cell.samples.unwrap_or(0));
                    }
                    self.gather(policy, stage, cell, unexposed);
                }
                Arrival::Worse => {
                    let value = self.columns.get(slot).value;
                    self.late_breach(slot, cell.observed, value, samples_plus);
                }
                Arrival::Late { value } => {
                    intake.late = true;
                    if let Some(value) = value {
                        self.late_breach(slot, cell.observed, value, samples_plus);
                    }
                }
                Arrival::Repeat => {}
            }
        }
        intake
    }

    /// A slot's reading when it came in this very frame, so that no check has looked at it yet. What takes its place
    /// must not hide that it was a breach. Notes that the slot is mentioned.
    fn not_looked_at(&mut self, slot: usize) -> Option<Last> {
        let came_in = self.came_in.get_mut(slot)?;
        let again = std::mem::replace(came_in, self.frame) == self.frame;
        let last = self.columns.get(slot);
        (again && last.is_number()).then_some(*last)
    }

    /// Feeds what compares: control rings, and reservoirs while nobody sees the change.
    fn gather(&mut self, policy: &Policy, stage: StageIx, cell: &Cell, unexposed: bool) {
        let gathers_baseline = unexposed && !self.reservoirs.is_empty();
        if self.controls.is_empty() && !gathers_baseline {
            return;
        }
        let Some((region, group, metric)) = policy.catalogue.series(cell.slot) else { return };
        let Some(at) = policy.stage(stage) else { return };
        let needs = needs(policy, at, metric);
        let last = *self.columns.get(cell.slot.index());
        let reading = judge(&last, &needs, cell.observed);
        if gathers_baseline && let Reading::Value(value) = reading {
            self.reservoirs.push(region, group, metric, cell.observed, value, policy.baseline.window);
        }
        if group == Group::Control {
            let slot = cell.slot.index();
            if let Some((_, _, control)) = self.controls.iter_mut().find(|(at, ..)| *at == slot) {
                control.push(reading.value(), cell.observed, needs.max_age);
            }
        }
    }

    /// A value that came late, or that replaced a milder one: it may start or extend a breach, never clear one.
    fn late_breach(&mut self, slot: usize, observed: Time, value: f64, samples_plus: u64) {
        for (row, run) in self.table.rows.iter().zip(&mut self.runs) {
            let Some(test) = row.bound() else { continue };
            let counts = test.slot == slot && samples_plus >= test.needs.samples_plus;
            if counts && !row.not_applicable && test.is_breach(value) {
                run.observe_late_breach(observed, row.window, row.max_age);
            }
        }
    }

    /// Brings the bounds of rows that compare with control up to date.
    #[inline]
    pub(crate) fn refresh_control(&mut self, policy: &Policy, now: Time) {
        if !self.compares_control {
            return;
        }
        let controls = &self.controls;
        self.table.compare(|row, test| {
            if test.bound.limit.than() != Some(Than::Control) {
                return None;
            }
            let slot = policy.catalogue.slot(row.region, Group::Control, test.bound.metric).index();
            let median = controls
                .iter()
                .find(|(at, ..)| *at == slot)
                .and_then(|(_, _, control)| control.median(now, test.needs.max_age));
            let unchanged = median.is_some() && median == test.comparison;
            (!unchanged).then(|| median.ok_or(Unknown::NoComparison))
        });
    }

    /// The earliest instant at which a control median that rows use goes stale.
    pub(crate) fn control_stale_at(&self, policy: &Policy) -> Time {
        if !self.compares_control {
            return Time::FOREVER;
        }
        let uses = self.table.rows.iter().filter_map(|row| {
            let test = row.bound()?;
            let compares = test.bound.limit.than() == Some(Than::Control) && test.comparison.is_some();
            compares.then_some((row.region, test))
        });
        uses.filter_map(|(region, test)| {
            let control_slot = policy.catalogue.slot(region, Group::Control, test.bound.metric).index();
            let (_, _, control) = self.controls.iter().find(|(slot, ..)| *slot == control_slot)?;
            Some(control.turns_stale_at(test.needs.max_age))
        })
        .min()
        .unwrap_or(Time::FOREVER)
    }

    /// The fewest samples that any series read by an acting row gathered in this stage. Where some metrics ask for
    /// samples, the others need none: a health check or a counter never counts a million of anything.
    pub(crate) fn fewest_samples(&self) -> u64 {
        let rows = self.table.rows.iter().filter(|row| row.acting && !row.not_applicable);
        let fewest = |asked: bool| {
            let reads = rows.clone().flat_map(|row| row.reads()).filter(|(_, needs)| !asked || needs.samples_plus > 0);
            reads.filter_map(|(slot, _)| self.samples.get(slot).copied()).min()
        };
        fewest(true).or_else(|| fewest(false)).unwrap_or(0)
    }

    /// Keeps runs and readings over a reload where the check and the series did not change.
    pub(crate) fn carry_over(&mut self, policy: &Policy, old_policy: &Policy, old: &Evidence) {
        for (at, run) in self.runs.iter_mut().enumerate() {
            let kept = (|| {
                let row = self.table.rows.get(at)?;
                let check = policy.check(row.check)?;
                let region = policy.catalogue.regions().get(row.region.0 as usize)?;
                let old_ix = old_policy.find_check(check.id.as_str())?;
                let old_region = old_policy.catalogue.find_region(region.as_str())?;
                let same = old_policy.check(old_ix)?.fingerprint == check.fingerprint;
                let old_row = old.table.row_of(old_ix, old_region).filter(|_| same)?;
                Some((*old.runs.get(old_row)?, *old.states.get(old_row)?))
            })();
            if let (Some((old_run, old_state)), Some(state)) = (kept, self.states.get_mut(at)) {
                (*run, *state) = (old_run, old_state);
            }
        }
        self.carry_series(policy, old_policy, old);
        self.exposure = old.exposure;
    }

    fn carry_series(&mut self, policy: &Policy, old_policy: &Policy, old: &Evidence) {
        let (new_cat, old_cat) = (&policy.catalogue, &old_policy.catalogue);
        for slot in 0..u32::try_from(new_cat.slots()).unwrap_or(u32::MAX) {
            let slot = crate::model::frame::Slot(slot);
            let Some((region, group, metric)) = new_cat.series(slot) else { continue };
            let old_series = (|| {
                let (new_metric, new_region) = (new_cat.metric(metric)?, new_cat.regions().get(region.0 as usize)?);
                let old_metric = old_cat.find(new_metric.name.as_str())?;
                let unchanged = old_cat.metric(old_metric)? == new_metric;
                Some((old_cat.find_region(new_region.as_str()).filter(|_| unchanged)?, old_metric))
            })();
            let Some((old_region, old_metric)) = old_series else { continue };
            let old_slot = old_cat.slot(old_region, group, old_metric).index();
            self.columns.carry(slot.index(), old.columns.get(old_slot));
            if let (Some(total), Some(before)) = (self.samples.get_mut(slot.index()), old.samples.get(old_slot)) {
                *total = *before;
            }
            if let (Some(ahead), Some(before)) = (self.ahead.get_mut(slot.index()), old.ahead.get(old_slot)) {
                *ahead = *before;
            }
            if let (Some(since), Some(before)) =
                (self.unknown_since.get_mut(slot.index()), old.unknown_since.get(old_slot))
            {
                *since = *before;
            }
            let ring = old.controls.iter().find(|(at, ..)| *at == old_slot).map(|(_, _, control)| *control);
            if let (Some(ring), Some((_, _, control))) =
                (ring, self.controls.iter_mut().find(|(at, ..)| *at == slot.index()))
            {
                *control = ring;
            }
            if group == Group::All {
                self.reservoirs.carry(metric, region, &old.reservoirs, (old_metric, old_region));
            }
        }
    }
}

/// The frozen baseline of a metric in a region, unless it is missing or too old.
pub(crate) fn baseline_of(
    policy: &Policy,
    baselines: &[Baseline],
    metric: MetricIx,
    region: RegionIx,
    now: Time,
) -> Result<f64, Unknown> {
    let name = policy.catalogue.metric(metric).map(|metric| &metric.name);
    let region = policy.catalogue.regions().get(region.0 as usize);
    let entry = baselines.iter().find(|entry| Some(&entry.metric) == name && Some(&entry.region) == region);
    match entry.map(|entry| &entry.value) {
        Some(BaselineValue::Known { median, frozen_at, .. }) => match policy.baseline.max_age {
            Some(max_age) if now.since(*frozen_at) > max_age => Err(Unknown::NoBaseline),
            _ => Ok(*median),
        },
        _ => Err(Unknown::NoBaseline),
    }
}

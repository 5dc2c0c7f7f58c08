//! The checks of one stage as rows over dense slots, ready to be tested without a look-up or an allocation.
//!
//! Everything that can be worked out before a snapshot comes is worked out here: which rows are active, which series
//! each reads, and the bound with its comparison and floor folded into one number.

use crate::model::finding::{CheckKind, Side};
use crate::model::frame::{Catalogue, Group, MetricIx, RegionIx};
use crate::model::ids::CheckId;
use crate::model::reading::{Reading, Truth, Unknown};
use crate::model::severity::{Response, Severity};
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{Bound, Check, CheckIx, Condition, Floor, Limit, Policy, Stage, StageIx, Than, Window};

use super::baseline::HAIR;
use super::columns::{Columns, Needs, judge};

/// One active check in one region.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) check: CheckIx,
    pub(crate) region: RegionIx,
    pub(crate) test: Test,
    /// The stage leaves the group it watches empty by design.
    pub(crate) not_applicable: bool,
    /// Neither in shadow nor muted nor in a latched region: it may change the decision.
    pub(crate) acting: bool,
    pub(crate) gate: bool,
    /// A gate that only the stage's early exit asks for: closed, it does not keep the stage from being left normally.
    pub(crate) early_only: bool,
    pub(crate) unless_control: bool,
    pub(crate) severity: Severity,
    pub(crate) response: Response,
    pub(crate) window: Window,
    pub(crate) clear: Window,
    /// The gap without a known reading that ends a run.
    pub(crate) max_age: Duration,
}

impl Row {
    /// The bound, unless a script decides.
    #[inline]
    pub(crate) const fn bound(&self) -> Option<&BoundTest> {
        match &self.test {
            Test::Bound(test) => Some(test),
            Test::Script { .. } => None,
        }
    }

    /// Every slot it rests on, with what the reading there must satisfy.
    pub(crate) fn reads(&self) -> impl Iterator<Item = (usize, &Needs)> + Clone {
        let (bound, reads) = match &self.test {
            Test::Bound(test) => (Some((test.slot, &test.needs)), [].as_slice()),
            Test::Script { reads } => (None, reads.as_slice()),
        };
        bound.into_iter().chain(reads.iter().map(|(slot, needs)| (*slot, needs)))
    }
}

/// What a row tests.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// A value against a bound.
    Bound(BoundTest),
    /// A script; the slots it reads that are not empty by design, with what each must satisfy.
    Script { reads: Vec<(usize, Needs)> },
}

/// A bound with everything folded in.
#[derive(Debug, Clone)]
pub(crate) struct BoundTest {
    pub(crate) slot: usize,
    pub(crate) needs: Needs,
    /// +1 when above is a breach, -1 when below is.
    sign: f64,
    /// The bound in the metric's unit, for people; NaN while the comparison is unknown.
    pub(crate) limit: f64,
    /// Why the comparison is unknown.
    pub(crate) why: Option<Unknown>,
    /// The comparison value behind the limit.
    pub(crate) comparison: Option<f64>,
    /// The control group's slot for the same metric, for `unless_control` and "control too".
    pub(crate) control_slot: Option<usize>,
    pub(crate) bound: Bound,
}

impl BoundTest {
    /// Whether `value` is strictly beyond the bound. Never, while the comparison is unknown.
    pub(crate) fn is_breach(&self, value: f64) -> bool {
        self.sign * (value - self.limit) > HAIR * self.limit.abs()
    }

    /// The part that is tested on every snapshot.
    fn hot(&self) -> Hot {
        let beyond = self.sign * self.limit + HAIR * self.limit.abs();
        Hot { slot: self.slot, needs: self.needs, sign: self.sign, beyond, why: self.why }
    }

    /// Works the comparison value in. `Err` says why there is none.
    pub(crate) fn compare_with(&mut self, comparison: Result<f64, Unknown>) {
        let limit = comparison.and_then(|base| limit_from(&self.bound, base));
        self.comparison = comparison.ok();
        self.why = limit.err();
        self.limit = limit.unwrap_or(f64::NAN);
    }

    /// How far `value` is on the good side; negative when broken.
    pub(crate) fn margin(&self, value: f64) -> f64 {
        self.sign * (self.limit - value)
    }
}

/// The bound in the metric's unit, floor included: both must be broken, so the one further out decides.
fn limit_from(bound: &Bound, base: f64) -> Result<f64, Unknown> {
    let relative = match bound.limit {
        Limit::Absolute(limit) => limit,
        Limit::Difference { delta, .. } => base + delta,
        // "+10 %" of zero or less says nothing; with a floor the floor decides.
        Limit::Relative { .. } if base <= 0.0 && bound.floor.is_none() => {
            return Err(match bound.limit.than() {
                Some(Than::Control) => Unknown::NoComparison,
                _ => Unknown::NoBaseline,
            });
        }
        Limit::Relative { fraction, .. } => base * (1.0 + fraction),
    };
    let limit = match (bound.floor, bound.side) {
        (None, _) => relative,
        (Some(Floor::Level(level)), Side::Above) => relative.max(level),
        (Some(Floor::Level(level)), Side::Below) => relative.min(level),
        (Some(Floor::Difference(delta)), Side::Above) => relative.max(base + delta),
        (Some(Floor::Difference(delta)), Side::Below) => relative.min(base + delta),
    };
    // Nothing is ever beyond an infinite bound.
    if limit.is_finite() {
        return Ok(limit);
    }
    Err(match bound.limit.than() {
        Some(Than::Control) => Unknown::NoComparison,
        _ => Unknown::NoBaseline,
    })
}

/// What is tested on every snapshot, and nothing else: one cache line a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hot {
    slot: usize,
    needs: Needs,
    sign: f64,
    /// `sign x bound`, a hair further out; NaN while the comparison is unknown.
    beyond: f64,
    why: Option<Unknown>,
}

impl Hot {
    /// The three-valued answer at `now`.
    #[inline]
    pub(crate) fn test(&self, columns: &Columns, now: Time) -> Truth {
        match judge(columns.get(self.slot), &self.needs, now) {
            Reading::Unknown(why) => Truth::Unknown(why),
            Reading::Value(value) => match self.why {
                Some(why) => Truth::Unknown(why),
                None if self.sign * value > self.beyond => Truth::Breach,
                None => Truth::Ok,
            },
        }
    }
}

/// The active rows of one stage, TOML bounds first so that scripts can ask about them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// The bounds among them, in the same order; scripts come after.
    pub(crate) hot: Vec<Hot>,
    /// Where each check's first row is; its regions follow.
    first_row: Vec<Option<usize>>,
    /// The smallest `max_age` among the stage's metrics: no gap longer than this counts as good time.
    pub(crate) min_max_age: Duration,
}

impl Table {
    /// Builds the rows of `stage` for every region, in the order of [`Policy::checks`], bounds before scripts.
    pub(crate) fn new(policy: &Policy, stage: StageIx) -> Table {
        let Some(at) = policy.stage(stage) else { return Table::default() };
        let regions = 0..u16::try_from(policy.catalogue.regions().len()).unwrap_or(u16::MAX);
        let checks: Vec<(CheckIx, &Check)> =
            (0..).map(CheckIx).zip(&policy.checks).filter(|(ix, check)| is_active(at, stage, *ix, check)).collect();
        let (bounds, scripts): (Vec<_>, Vec<_>) =
            checks.into_iter().partition(|(_, check)| matches!(check.condition, Condition::Bound(_)));
        let mut rows: Vec<Row> = bounds
            .iter()
            .chain(&scripts)
            .flat_map(|&(ix, check)| regions.clone().map(move |region| row(policy, at, ix, check, RegionIx(region))))
            .collect();
        let min_max_age = min_max_age(&rows);
        rows.shrink_to_fit();
        let hot = rows.iter().filter_map(|row| row.bound().map(BoundTest::hot)).collect();
        let mut first_row = vec![None; policy.checks.len()];
        for (at, row) in rows.iter().enumerate().rev() {
            if let Some(first) = first_row.get_mut(row.check.0 as usize) {
                *first = Some(at);
            }
        }
        Table { rows, hot, first_row, min_max_age }
    }

    /// Tests every bound at `now`. What the machine runs on every snapshot, and what [`super::Checks`] shows.
    #[inline]
    pub(crate) fn test(&self, columns: &Columns, now: Time, truths: &mut [Truth]) {
        for (hot, truth) in self.hot.iter().zip(truths) {
            *truth = hot.test(columns, now);
        }
    }

    /// The row of `check` in `region`, when the check is active.
    pub(crate) fn row_of(&self, check: CheckIx, region: RegionIx) -> Option<usize> {
        let first = (*self.first_row.get(check.0 as usize)?)?;
        Some(first + region.0 as usize)
    }

    /// Works a comparison value into every row for which `comparison` has an answer.
    pub(crate) fn compare(&mut self, mut comparison: impl FnMut(&Row, &BoundTest) -> Option<Result<f64, Unknown>>) {
        for (row, hot) in self.rows.iter_mut().zip(&mut self.hot) {
            let Some(answer) = row.bound().and_then(|test| comparison(row, test)) else { continue };
            if let Test::Bound(test) = &mut row.test {
                test.compare_with(answer);
                *hot = test.hot();
            }
        }
    }

    /// Marks which rows may change the decision.
    pub(crate) fn set_acting(&mut self, policy: &Policy, excluded: impl Fn(&CheckId, RegionIx) -> bool) {
        for row in &mut self.rows {
            let Some(check) = policy.check(row.check) else { continue };
            row.acting = !check.shadow && !excluded(&check.id, row.region);
        }
        self.min_max_age = min_max_age(&self.rows);
    }
}

/// The smallest `max_age` among the metrics that acting rows read, those of scripts too.
fn min_max_age(rows: &[Row]) -> Duration {
    let applicable = rows.iter().filter(|row| !row.not_applicable && row.acting);
    applicable.flat_map(Row::reads).map(|(_, needs)| needs.max_age).min().unwrap_or(Duration::MAX)
}

/// A gate is active where the stage, or its early exit, names it; everything else where its stage set says.
fn is_active(at: &Stage, stage: StageIx, ix: CheckIx, check: &Check) -> bool {
    if check.kind == CheckKind::Gate {
        let early = at.early_exit.as_ref().is_some_and(|exit| exit.gates.contains(&ix));
        return at.gates.contains(&ix) || early;
    }
    check.stages.contains(stage)
}

fn row(policy: &Policy, stage: &Stage, ix: CheckIx, check: &Check, region: RegionIx) -> Row {
    let (test, not_applicable, max_age) = match &check.condition {
        Condition::Bound(bound) => bound_test(policy, stage, bound, region),
        Condition::Script { reads, asks, .. } => script_test(policy, stage, reads, asks, region),
    };
    Row {
        check: ix,
        region,
        test,
        not_applicable,
        acting: !check.shadow,
        gate: check.kind == CheckKind::Gate,
        early_only: check.kind == CheckKind::Gate && !stage.gates.contains(&ix),
        unless_control: check.unless_control,
        severity: check.severity,
        response: check.response,
        window: check.window,
        clear: check.clear,
        max_age,
    }
}

fn bound_test(policy: &Policy, stage: &Stage, bound: &Bound, region: RegionIx) -> (Test, bool, Duration) {
    let needs = needs(policy, stage, bound.metric);
    let sign = if bound.side == Side::Above { 1.0 } else { -1.0 };
    let watches_treatment = bound.group == Group::Treatment;
    let mut test = BoundTest {
        slot: policy.catalogue.slot(region, bound.group, bound.metric).index(),
        needs,
        sign,
        limit: f64::NAN,
        why: None,
        comparison: None,
        control_slot: watches_treatment.then(|| policy.catalogue.slot(region, Group::Control, bound.metric).index()),
        bound: *bound,
    };
    match bound.limit {
        Limit::Absolute(_) => {
            // The comparison of an absolute bound is itself; no baseline is asked.
            test.compare_with(Ok(0.0));
            test.comparison = None;
        }
        Limit::Relative { than, .. } | Limit::Difference { than, .. } => test.compare_with(Err(match than {
            Than::Baseline => Unknown::NoBaseline,
            Than::Control => Unknown::NoComparison,
        })),
    }
    let compares_control = bound.limit.than() == Some(Than::Control);
    let empty = stage.leaves_empty(bound.group) || (compares_control && stage.leaves_empty(Group::Control));
    (Test::Bound(test), empty, needs.max_age)
}

fn script_test(
    policy: &Policy,
    stage: &Stage,
    reads: &[(MetricIx, Group)],
    asks: &[CheckIx],
    region: RegionIx,
) -> (Test, bool, Duration) {
    let asked = asks.iter().filter_map(|ix| policy.check(*ix)).filter_map(|check| match &check.condition {
        Condition::Bound(bound) => Some((bound.metric, bound.group)),
        Condition::Script { .. } => None,
    });
    let all: Vec<(MetricIx, Group)> = reads.iter().copied().chain(asked).collect();
    // With at least one group that is there by design the script is asked, and what is not there is unknown to it.
    let empty = !all.is_empty() && all.iter().all(|(_, group)| stage.leaves_empty(*group));
    // What is empty by design is no reading of the stage: nobody waits for it, and its silence means nothing.
    let slots: Vec<(usize, Needs)> = all
        .iter()
        .filter(|(_, group)| !stage.leaves_empty(*group))
        .map(|(metric, group)| (policy.catalogue.slot(region, *group, *metric).index(), needs(policy, stage, *metric)))
        .collect();
    let max_age = slots.iter().map(|(_, needs)| needs.max_age).max().unwrap_or(Duration::MAX);
    (Test::Script { reads: slots }, empty, max_age)
}

/// What a reading of `metric` must satisfy in `stage`.
pub(crate) fn needs(policy: &Policy, stage: &Stage, metric: MetricIx) -> Needs {
    let rules = policy.metrics.get(metric.0 as usize);
    let stuck_after = rules.and_then(|rules| rules.stuck_after);
    match (stage.limits.get(metric.0 as usize), rules) {
        (Some(limits), _) => Needs::new(limits.max_age, limits.min_samples, stuck_after),
        (None, Some(rules)) => Needs::new(rules.max_age, rules.min_samples, stuck_after),
        (None, None) => Needs::new(Duration::ZERO, u64::MAX, None),
    }
}

/// The (region, metric) pairs whose control median some row of `policy` compares with.
pub(crate) fn control_slots(policy: &Policy) -> Vec<(usize, MetricIx)> {
    let catalogue: &Catalogue = &policy.catalogue;
    let mut metrics: Vec<MetricIx> = policy
        .checks
        .iter()
        .filter_map(|check| match &check.condition {
            Condition::Bound(bound) if bound.limit.than() == Some(Than::Control) => Some(bound.metric),
            _ => None,
        })
        .collect();
    metrics.sort_unstable();
    metrics.dedup();
    let regions = 0..u16::try_from(catalogue.regions().len()).unwrap_or(u16::MAX);
    regions
        .flat_map(|region| {
            metrics
                .iter()
                .map(move |metric| (catalogue.slot(RegionIx(region), Group::Control, *metric).index(), *metric))
        })
        .collect()
}

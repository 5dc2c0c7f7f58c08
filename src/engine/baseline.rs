//! The frozen comparison: the median of a metric before anybody saw the change.
//!
//! It is frozen because a rolling one absorbs a lasting regression: a step of +50 % is found in 90 % of tries against
//! a frozen baseline and in 43 to 72 % against a rolling one. Fewer than 30 readings start false alarms
//! (both measured; see `docs/semantics.md`).

use std::collections::VecDeque;

use crate::model::finding::{CheckKind, Side};
use crate::model::frame::{Group, MetricIx, RegionIx};
use crate::model::reading::Unknown;
use crate::model::state::{Baseline, BaselineValue};
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{Condition, Limit, Policy, Than};

use super::control::median;

/// A reservoir never holds more readings than this: a day at one a second.
const MAX_POINTS: usize = 86_400;
/// "The last readings" that must still agree with the median.
const DRIFT_POINTS: usize = 15;

/// Readings gathered before the first exposure, of every metric that something compares with its baseline.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reservoirs {
    of: Vec<Reservoir>,
}

#[derive(Debug, Clone)]
struct Reservoir {
    metric: MetricIx,
    region: RegionIx,
    /// Group `all`, used when it has any reading; else `control`.
    all: VecDeque<(Time, f64)>,
    control: VecDeque<(Time, f64)>,
}

impl Reservoirs {
    /// One reservoir for each (metric, region) that some check or script compares with its baseline.
    pub(crate) fn new(policy: &Policy) -> Reservoirs {
        let mut wanted: Vec<MetricIx> =
            policy.checks.iter().flat_map(|check| compared_metrics(&check.condition)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let regions = 0..u16::try_from(policy.catalogue.regions().len()).unwrap_or(u16::MAX);
        let of = regions
            .flat_map(|region| wanted.iter().map(move |metric| (RegionIx(region), *metric)))
            .map(|(region, metric)| Reservoir { metric, region, all: VecDeque::new(), control: VecDeque::new() })
            .collect();
        Reservoirs { of }
    }

    /// Whether nothing compares with a baseline.
    pub(crate) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Takes in one usable reading.
    pub(crate) fn push(
        &mut self,
        region: RegionIx,
        group: Group,
        metric: MetricIx,
        at: Time,
        value: f64,
        window: Duration,
    ) {
        let Some(reservoir) = self.of.iter_mut().find(|r| r.metric == metric && r.region == region) else { return };
        let points = match group {
            Group::All => &mut reservoir.all,
            Group::Control => &mut reservoir.control,
            Group::Treatment => return,
        };
        points.push_back((at, value));
        while points.len() > MAX_POINTS || points.front().is_some_and(|(first, _)| at.since(*first) > window) {
            points.pop_front();
        }
    }

    /// Carries readings over from another set (after a reload).
    pub(crate) fn carry(&mut self, metric: MetricIx, region: RegionIx, from: &Reservoirs, old: (MetricIx, RegionIx)) {
        let source = from.of.iter().find(|r| (r.metric, r.region) == old);
        let target = self.of.iter_mut().find(|r| r.metric == metric && r.region == region);
        if let (Some(source), Some(target)) = (source, target) {
            target.all.clone_from(&source.all);
            target.control.clone_from(&source.control);
        }
    }

    /// When the first reading after `now` becomes older than the window.
    pub(crate) fn next_to_drop_out(&self, policy: &Policy, now: Time) -> Option<Time> {
        let window = policy.baseline.window;
        let drops = |points: &VecDeque<(Time, f64)>| {
            let kept = points.partition_point(|(at, _)| now.since(*at) > window);
            points.get(kept).map(|(at, _)| *at + window + Duration::from_millis(1))
        };
        self.of.iter().flat_map(|one| [drops(&one.all), drops(&one.control)]).flatten().min()
    }

    /// What would be frozen at `now`, one entry per metric and region.
    pub(crate) fn freeze(&self, policy: &Policy, now: Time) -> Vec<Baseline> {
        self.of.iter().filter_map(|reservoir| reservoir.freeze(policy, now)).collect()
    }
}

/// The metrics that a condition compares with a baseline.
fn compared_metrics(condition: &Condition) -> Vec<MetricIx> {
    match condition {
        Condition::Bound(bound) if bound.limit.than() == Some(Than::Baseline) => vec![bound.metric],
        Condition::Bound(_) => Vec::new(),
        Condition::Script { baselines, .. } => baselines.clone(),
    }
}

impl Reservoir {
    fn freeze(&self, policy: &Policy, now: Time) -> Option<Baseline> {
        let metric = policy.catalogue.metric(self.metric)?;
        let region = policy.catalogue.regions().get(self.region.0 as usize)?;
        let value = match self.trusted_median(policy, now) {
            Ok((median, points)) => BaselineValue::Known {
                median,
                points: u32::try_from(points).unwrap_or(u32::MAX),
                window: policy.baseline.window,
                frozen_at: now,
            },
            Err(note) => BaselineValue::Missing { why: Unknown::NoBaseline, note },
        };
        Some(Baseline { metric: metric.name.clone(), region: region.clone(), value })
    }

    fn trusted_median(&self, policy: &Policy, now: Time) -> Result<(f64, usize), String> {
        let points = if self.all.is_empty() { &self.control } else { &self.all };
        let rules = &policy.baseline;
        let mut values: Vec<f64> =
            points.iter().filter(|(at, _)| now.since(*at) <= rules.window).map(|(_, value)| *value).collect();
        let count = values.len();
        if count < rules.min_points as usize {
            return Err(format!("{count} of {} readings", rules.min_points));
        }
        let mut last: Vec<f64> = values.iter().rev().take(DRIFT_POINTS).copied().collect();
        let (Some(whole), Some(recent)) = (median(&mut values), median(&mut last)) else {
            return Err(format!("0 of {} readings", rules.min_points));
        };
        let unit = policy.catalogue.metric(self.metric).map(|metric| metric.unit);
        let show = |value: f64| unit.map_or_else(|| value.to_string(), |unit| unit.show(value).to_string());
        if (recent - whole).abs() > rules.drift * whole.abs() + f64::EPSILON {
            return Err(format!("the last readings ({}) have left the median ({})", show(recent), show(whole)));
        }
        if let Some(check) = breaks_absolute_bound(policy, self.metric, whole) {
            return Err(format!("the median ({}) itself breaks {check}", show(whole)));
        }
        Ok((whole, count))
    }
}

/// A baseline that is already bad makes every relative bound meaningless: refuse to start from it.
fn breaks_absolute_bound(policy: &Policy, metric: MetricIx, value: f64) -> Option<String> {
    policy.checks.iter().find_map(|check| match &check.condition {
        Condition::Bound(bound) if bound.metric == metric && check.kind != CheckKind::Gate && !check.shadow => {
            match bound.limit {
                Limit::Absolute(limit) if is_beyond(bound.side, value, limit) => Some(check.id.to_string()),
                _ => None,
            }
        }
        _ => None,
    })
}

/// How far beyond a bound counts as beyond, as a share of the bound: exactly +10 % must not fire because
/// 200 x 1.1 is 220.00000000000003 in binary.
pub(crate) const HAIR: f64 = 1e-9;

/// Whether `value` is strictly beyond `limit` on `side`. Unknown numbers are never beyond.
pub(crate) fn is_beyond(side: Side, value: f64, limit: f64) -> bool {
    match side {
        Side::Above => value - limit > HAIR * limit.abs(),
        Side::Below => limit - value > HAIR * limit.abs(),
    }
}

//! Metrics with their units and limits, and how baselines are frozen.

use crate::model::frame::{Group, Metric, MetricIx};
use crate::model::ids::MetricName;
use crate::model::time::Duration;
use crate::model::units::{Better, Range, Unit};
use crate::policy::codes;
use crate::policy::compiled::{BaselineRules, MetricRules, OnUnknown};
use crate::policy::diagnostic::Diagnostic;
use crate::policy::raw::{Raw, RawMetric};
use crate::policy::sink::Sink;

use super::quantity;

/// A metric; where a part of it is broken, `usable` is off and nothing more is said about bounds on it.
pub(crate) struct CheckedMetric<'a> {
    pub(crate) raw: &'a RawMetric,
    pub(crate) metric: Metric,
    pub(crate) rules: MetricRules,
    pub(crate) usable: bool,
}

/// All metrics, in order.
pub(crate) fn metrics<'a>(raw: &'a Raw, sink: &mut Sink) -> Vec<CheckedMetric<'a>> {
    if let (true, Some(rollout)) = (raw.metrics.is_empty(), &raw.rollout) {
        sink.push(
            Diagnostic::error(codes::EMPTY, "the policy measures nothing", rollout.place.clone())
                .help("declare at least one metric under [metrics]"),
        );
    }
    raw.metrics.iter().map(|metric| one(metric, sink)).collect()
}

fn one<'a>(raw: &'a RawMetric, sink: &mut Sink) -> CheckedMetric<'a> {
    let unit = raw.unit.as_ref().map(|unit| unit.value);
    let better = raw.better.as_ref().map(|better| better.value);
    let max_age = raw.max_age.as_ref().map_or(Duration::from_secs(90), |age| age.value);
    let range = unit.and_then(|unit| range(raw, unit, sink)).or_else(|| unit.and_then(Unit::default_range));
    if let (Some(Unit::State), Some(Better::Higher), Some(written)) = (unit, better, &raw.better) {
        sink.push(
            Diagnostic::error(
                codes::STATE_BOUND,
                format!("a state metric is 1 when failed, so `{}` is better lower", raw.name.value),
                written.place.clone(),
            )
            .help("write better = \"lower\""),
        );
    }
    let metric = Metric {
        name: MetricName::new(&raw.name.value),
        unit: unit.unwrap_or(Unit::Number),
        better: better.unwrap_or(Better::Lower),
        range,
        kind: raw.kind,
    };
    let rules = MetricRules {
        max_age,
        min_samples: raw.min_samples.as_ref().map_or(0, |samples| samples.value),
        on_unknown: raw.on_unknown.as_ref().map_or(OnUnknown::Hold, |answer| answer.value),
        // Default: three missed readings' worth of silence before anybody is woken.
        unknown_after: raw.unknown_after.as_ref().map_or(max_age.saturating_mul(3), |after| after.value),
        stuck_after: raw.stuck_after.as_ref().map(|after| after.value),
        group: raw.group.as_ref().map_or(Group::Treatment, |group| group.value),
    };
    CheckedMetric { raw, metric, rules, usable: unit.is_some() && better.is_some() }
}

fn range(raw: &RawMetric, unit: Unit, sink: &mut Sink) -> Option<Range> {
    let pair = raw.range.as_ref()?;
    let (lo, hi) = &pair.value;
    let mut end = |written| {
        let literal = quantity::literal(written, sink)?;
        quantity::in_unit(&literal, written, unit, sink)
    };
    let (lo, hi) = (end(lo), end(hi));
    let range = Range { lo: lo?, hi: hi? };
    if range.lo >= range.hi {
        let message = format!("`range` of `{}` is empty: its low end is not below its high end", raw.name.value);
        sink.push(Diagnostic::error(codes::OUT_OF_RANGE, message, pair.place.clone()));
        return None;
    }
    Some(range)
}

/// The position of a metric by name.
pub(crate) fn find(metrics: &[CheckedMetric<'_>], name: &str) -> Option<MetricIx> {
    let at = metrics.iter().position(|metric| metric.raw.name.value == name)?;
    u16::try_from(at).ok().map(MetricIx)
}

/// `[baseline]` with its defaults: 24 h, 30 readings, no age limit, 25 % drift.
pub(crate) fn baseline(raw: &Raw, sink: &mut Sink) -> BaselineRules {
    let written = &raw.baseline;
    BaselineRules {
        window: written.window.as_ref().map_or(Duration::from_hours(24), |window| window.value),
        min_points: written.min_points.as_ref().map_or(30, |points| u32::try_from(points.value).unwrap_or(u32::MAX)),
        max_age: written.max_age.as_ref().map(|age| age.value),
        drift: written.drift.as_ref().and_then(|drift| quantity::fraction(drift, "drift", sink)).unwrap_or(0.25),
    }
}

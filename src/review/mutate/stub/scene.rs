//! A situation as a `[[test]]` would bring it about, and its text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::frame::{Group, Kind, Metric, MetricIx};
use crate::model::ids::{Environment, StageName};
use crate::model::time::{Duration, Time};
use crate::model::units::{Better, Unit};
use crate::policy::PRODUCTION;
use crate::policy::compiled::{Condition, Limit, Policy, Stage, Than};

/// What is observed of one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// A value for so many steps.
    Value(f64, usize),
    /// A value that rests on so many samples, for so many steps.
    On(f64, u64, usize),
    /// Near a value: a source that is not stuck.
    Near(f64, usize),
    /// Silence.
    Nothing(usize),
}

/// Everything a test says but what it expects.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) stage: StageName,
    pub(super) environment: Environment,
    pub(super) bake: Duration,
    pub(super) start: Option<Time>,
    pub(super) step: Duration,
    pub(super) assume_samples: Option<u64>,
    pub(super) baseline: BTreeMap<MetricIx, f64>,
    pub(super) series: BTreeMap<(MetricIx, Group), Vec<Reading>>,
}

impl Scene {
    /// In `stage`, nothing observed yet.
    pub(super) fn new(policy: &Policy, stage: &Stage, step: Duration) -> Scene {
        Scene {
            stage: stage.name.clone(),
            environment: policy.environment.clone(),
            bake: Duration::ZERO,
            start: None,
            step,
            assume_samples: Some(1_000_000),
            baseline: BTreeMap::new(),
            series: BTreeMap::new(),
        }
    }

    /// With every metric of the policy well in every group that it may be read in, for `steps`.
    pub(super) fn all_well(mut self, policy: &Policy, steps: usize) -> Scene {
        for (at, metric) in policy.catalogue.metrics().iter().enumerate() {
            let ix = MetricIx(u16::try_from(at).unwrap_or(u16::MAX));
            let (good, own) = (good(policy, ix, metric), group(policy, ix));
            let reading = match metric.unit {
                Unit::State => Reading::Value(good, steps),
                _ if metric.kind == Kind::Counter || good == 0.0 || metric.range.is_some() => {
                    Reading::Value(good, steps)
                }
                _ => Reading::Near(good, steps),
            };
            let groups = if own == Group::All { vec![own] } else { vec![Group::Treatment, Group::Control] };
            for group in groups {
                self.series.insert((ix, group), vec![reading.clone()]);
            }
        }
        self.with_baselines(policy)
    }

    /// With a comparison value for every metric that is compared with one, where somebody is exposed already.
    pub(super) fn with_baselines(mut self, policy: &Policy) -> Scene {
        let exposed = policy.stages.iter().any(|stage| stage.name == self.stage && !stage.is_unexposed());
        for check in policy.checks.iter().filter(|_| exposed) {
            if let Condition::Bound(bound) = &check.condition
                && bound.limit.than() == Some(Than::Baseline)
                && let Some(metric) = policy.catalogue.metric(bound.metric)
            {
                self.baseline.entry(bound.metric).or_insert_with(|| good(policy, bound.metric, metric));
            }
        }
        self
    }

    /// The text of the test, with what it expects.
    pub(super) fn text(&self, policy: &Policy, name: &str, expects: &str) -> String {
        let mut text = format!("[[test]]\nname = {name:?}\nstage = \"{}\"\n", self.stage);
        let mut line = |line: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{line}");
        };
        if self.environment.as_str() != PRODUCTION {
            line(format!("environment = \"{}\"", self.environment));
        }
        if !self.bake.is_zero() {
            line(format!("bake = \"{}\"", self.bake));
        }
        if let Some(start) = self.start {
            line(format!("start = \"{start}\""));
        }
        if self.step != Duration::from_mins(1) {
            line(format!("step = \"{}\"", self.step));
        }
        if let Some(samples) = self.assume_samples {
            line(format!("assume_samples = {samples}"));
        }
        if policy.stages.iter().any(|stage| stage.name == self.stage && stage.approvals.is_some()) {
            line("approvals_assumed = true".to_owned());
        }
        let named = |ix: &MetricIx| policy.catalogue.metric(*ix);
        let baselines: Vec<String> = self
            .baseline
            .iter()
            .filter_map(|(ix, value)| {
                Some(format!("{} = \"{}\"", named(ix)?.name, with_unit(*value, named(ix)?.unit)?))
            })
            .collect();
        if !baselines.is_empty() {
            line(format!("baseline = {{ {} }}", baselines.join(", ")));
        }
        line(expects.to_owned());
        line("\n[test.series]".to_owned());
        for ((ix, group), readings) in &self.series {
            let Some(metric) = named(ix) else { continue };
            for region in policy.catalogue.regions() {
                let region = if region.as_str().is_empty() { String::new() } else { format!("@{region}") };
                let joined = joined(readings);
                let written: Vec<String> = joined.iter().map(|reading| reading.text(metric.unit)).collect();
                line(format!("\"{}.{group}{region}\" = \"{}\"", metric.name, written.join(", ")));
            }
        }
        text
    }
}

impl Reading {
    fn text(&self, unit: Unit) -> String {
        let shown = |value: f64| match unit {
            Unit::State if value > 0.5 => "failed".to_owned(),
            Unit::State => "ok".to_owned(),
            _ => short(value),
        };
        match self {
            Reading::Value(value, steps) => format!("{} x {steps}", shown(*value)),
            Reading::On(value, samples, steps) => format!("{}@{samples} x {steps}", shown(*value)),
            Reading::Near(value, steps) => format!("noise {} +- {} for {steps}m", short(*value), short(value / 100.0)),
            Reading::Nothing(steps) => format!("_ x {steps}"),
        }
    }
}

/// The same value twice in a row is one value for longer.
fn joined(readings: &[Reading]) -> Vec<Reading> {
    let mut joined: Vec<Reading> = Vec::new();
    for reading in readings {
        match (joined.last_mut(), reading) {
            (Some(Reading::Value(known, steps)), Reading::Value(value, more)) if known.total_cmp(value).is_eq() => {
                *steps += more;
            }
            _ => joined.push(reading.clone()),
        }
    }
    joined
}

/// At most nine digits behind the point, none of them for show.
fn short(value: f64) -> String {
    let text = format!("{value:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn with_unit(value: f64, unit: Unit) -> Option<String> {
    let suffix = match unit {
        Unit::Percent => "%",
        Unit::Ratio | Unit::Count | Unit::Number => "",
        Unit::Ms => "ms",
        Unit::S => "s",
        Unit::PerSecond => "/s",
        Unit::Bytes => "B",
        Unit::State => return None,
    };
    Some(format!("{}{suffix}", short(value)))
}

/// The group that checks on a metric read.
pub(super) fn group(policy: &Policy, ix: MetricIx) -> Group {
    policy.metrics.get(usize::from(ix.0)).map_or(Group::Treatment, |rules| rules.group)
}

/// A value with which no absolute bound finds fault.
pub(super) fn good(policy: &Policy, ix: MetricIx, metric: &Metric) -> f64 {
    if metric.kind == Kind::Counter || metric.unit == Unit::State {
        return 0.0;
    }
    if let (Better::Higher, Some(range)) = (metric.better, metric.range) {
        return range.hi;
    }
    let bounds = policy.checks.iter().filter_map(|check| match &check.condition {
        Condition::Bound(bound) if bound.metric == ix => match bound.limit {
            Limit::Absolute(level) => Some(level),
            _ => None,
        },
        _ => None,
    });
    match metric.better {
        Better::Lower => bounds.min_by(f64::total_cmp).map_or(200.0, |least| least / 2.0),
        Better::Higher => bounds.max_by(f64::total_cmp).map_or(200.0, |most| most * 2.0),
    }
}

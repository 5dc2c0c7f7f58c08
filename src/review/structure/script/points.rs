//! The points at which scripts are compared: just under, at and just over every number that either version could turn
//! at; unknown; and checks in every state.

use std::collections::BTreeSet;

use crate::model::frame::{Group, Metric, MetricIx};
use crate::model::ids::{CheckId, MetricName};
use crate::model::units::Unit;
use crate::policy::compiled::{Check, Condition, Limit, Policy};

use super::super::{Pair, grid};

/// Something a script may ask about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Reading(MetricName, Group),
    Baseline(MetricName),
    Asked(CheckId),
}

/// How a check may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Ok,
    Firing,
    Pending,
    Unknown,
}

/// One answer to one question.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Number(f64),
    Unknown,
    State(Asked),
}

/// An answer to everything that is asked.
#[derive(Debug)]
pub(super) struct Point {
    values: Vec<(Key, Value)>,
}

impl Point {
    fn get(&self, key: &Key) -> Option<Value> {
        self.values.iter().find(|(known, _)| known == key).map(|(_, value)| *value)
    }

    /// The same, with a check standing so.
    pub(super) fn with(&self, key: &Key, asked: Asked) -> Point {
        let one =
            |(known, value): &(Key, Value)| (known.clone(), if known == key { Value::State(asked) } else { *value });
        Point { values: self.values.iter().map(one).collect() }
    }

    /// The number, unless it is unknown.
    pub(super) fn number(&self, key: &Key) -> Option<f64> {
        match self.get(key)? {
            Value::Number(number) => Some(number),
            Value::Unknown | Value::State(_) => None,
        }
    }

    /// The state of a check.
    pub(super) fn asked(&self, key: &Key) -> Option<Asked> {
        match self.get(key)? {
            Value::State(asked) => Some(asked),
            Value::Number(_) | Value::Unknown => None,
        }
    }
}

/// Everything that either version asks, with the answers worth trying; the most usual answer first.
pub(super) struct Space {
    questions: Vec<(Key, Vec<Value>)>,
}

impl Space {
    pub(super) fn new(pair: &Pair<'_>, was: &Check, is: &Check) -> Space {
        let mut keys = BTreeSet::new();
        for (policy, check) in [(pair.old, was), (pair.new, is)] {
            keys.extend(asked(policy, check));
        }
        let questions = keys.into_iter().map(|key| {
            let values = values(pair, &key);
            (key, values)
        });
        Space { questions: questions.collect() }
    }

    /// How many combinations there are.
    pub(super) fn size(&self) -> u64 {
        self.questions.iter().fold(1, |size: u64, (_, values)| size.saturating_mul(values.len() as u64))
    }

    /// The combination number `at` of `wanted`; spread over all of them where they are more.
    pub(super) fn point(&self, at: u64, wanted: u64) -> Point {
        let size = self.size();
        let mut rest = if size <= wanted { at } else { scatter(at) % size };
        let mut values = Vec::with_capacity(self.questions.len());
        for (key, choices) in &self.questions {
            let many = (choices.len() as u64).max(1);
            let chosen = choices.get((rest % many) as usize).copied().unwrap_or(Value::Unknown);
            values.push((key.clone(), chosen));
            rest /= many;
        }
        Point { values }
    }

    /// A point for people.
    pub(super) fn words(&self, pair: &Pair<'_>, point: &Point) -> String {
        let unit = |name: &MetricName| {
            let metric = |policy: &Policy| policy.catalogue.find(name.as_str()).and_then(|ix| unit_of(policy, ix));
            metric(pair.new).or_else(|| metric(pair.old)).unwrap_or(Unit::Number)
        };
        let shown = |name: &MetricName, value: Value| match value {
            Value::Number(number) => unit(name).show(number).to_string(),
            Value::Unknown | Value::State(_) => "unknown".to_owned(),
        };
        let one = |(key, value): &(Key, Value)| match (key, value) {
            (Key::Reading(name, Group::Treatment), value) => format!("{name} {}", shown(name, *value)),
            (Key::Reading(name, group), value) => format!("{name} of {group} {}", shown(name, *value)),
            (Key::Baseline(name), value) => format!("{name} baseline {}", shown(name, *value)),
            (Key::Asked(id), Value::State(Asked::Firing)) => format!("{id} firing"),
            (Key::Asked(id), Value::State(Asked::Pending)) => format!("{id} pending"),
            (Key::Asked(id), Value::State(Asked::Ok)) => format!("{id} ok"),
            (Key::Asked(id), _) => format!("{id} unknown"),
        };
        point.values.iter().map(one).collect::<Vec<String>>().join(", ")
    }
}

fn unit_of(policy: &Policy, ix: MetricIx) -> Option<Unit> {
    policy.catalogue.metric(ix).map(|metric| metric.unit)
}

/// A fixed order that jumps about (the finalizer of SplitMix64).
const fn scatter(at: u64) -> u64 {
    let z = at.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn asked(policy: &Policy, check: &Check) -> Vec<Key> {
    let Condition::Script { reads, baselines, asks, .. } = &check.condition else { return Vec::new() };
    let name = |ix: &MetricIx| policy.catalogue.metric(*ix).map(|metric| metric.name.clone());
    let readings = reads.iter().filter_map(|(ix, group)| Some(Key::Reading(name(ix)?, *group)));
    let frozen = baselines.iter().filter_map(|ix| Some(Key::Baseline(name(ix)?)));
    let checks = asks.iter().filter_map(|ix| Some(Key::Asked(policy.check(*ix)?.id.clone())));
    readings.chain(frozen).chain(checks).collect()
}

fn values(pair: &Pair<'_>, key: &Key) -> Vec<Value> {
    let (name, compared) = match key {
        Key::Asked(_) => {
            return [Asked::Ok, Asked::Firing, Asked::Pending, Asked::Unknown].map(Value::State).to_vec();
        }
        Key::Baseline(name) => (name, false),
        Key::Reading(name, group) => (name, *group != Group::Control),
    };
    let metric =
        |policy: &Policy| policy.catalogue.find(name.as_str()).and_then(|ix| policy.catalogue.metric(ix).cloned());
    let Some(metric) = metric(pair.new).or_else(|| metric(pair.old)) else { return vec![Value::Unknown] };
    let usual = grid::comparisons(&metric).first().copied().unwrap_or(0.0);
    let mut numbers = vec![usual];
    if compared {
        for policy in [pair.old, pair.new] {
            for turn in turns(policy, &metric, usual) {
                let hair = (turn.abs() * 1e-4).max(1e-9);
                numbers.extend([turn, turn + hair, turn - hair]);
            }
        }
    }
    numbers.retain(|number| metric.range.is_none_or(|range| range.contains(*number)));
    let mut values: Vec<Value> = Vec::new();
    for number in numbers {
        if !values.contains(&Value::Number(number)) {
            values.push(Value::Number(number));
        }
    }
    values.push(Value::Unknown);
    values
}

/// Numbers at which a script that reads `metric` could turn: its bounds, the params as levels, and the params as
/// margins and factors of what it is compared with.
fn turns(policy: &Policy, metric: &Metric, usual: f64) -> Vec<f64> {
    let mut turns = vec![0.0, usual];
    for check in &policy.checks {
        let Condition::Bound(bound) = &check.condition else { continue };
        let same = policy.catalogue.metric(bound.metric).is_some_and(|one| one.name == metric.name);
        if let (true, Limit::Absolute(level)) = (same, bound.limit) {
            turns.push(level);
        }
    }
    for param in &policy.params {
        if let Some(amount) = converted(param.value, param.unit, metric.unit) {
            turns.extend([amount, usual + amount, usual - amount]);
        }
        let factor = match param.unit {
            Unit::Percent => param.value / 100.0,
            Unit::Ratio | Unit::Number => param.value,
            _ => continue,
        };
        turns.extend([usual * factor, usual * (1.0 + factor), usual * (1.0 - factor)]);
    }
    turns
}

/// An amount of one unit in another of its family.
fn converted(value: f64, from: Unit, to: Unit) -> Option<f64> {
    match (from, to) {
        (a, b) if a == b => Some(value),
        (Unit::Percent, Unit::Ratio) => Some(value / 100.0),
        (Unit::Ratio, Unit::Percent) => Some(value * 100.0),
        (Unit::Ms, Unit::S) => Some(value / 1000.0),
        (Unit::S, Unit::Ms) => Some(value * 1000.0),
        (Unit::Number, _) => Some(value),
        _ => None,
    }
}

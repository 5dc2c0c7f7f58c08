//! The facts that scripts ask about, found once when they are compiled: names are written out, so each is a number.

use crate::model::frame::{Group, MetricIx};

use super::super::compiled::CheckIx;
use super::Facts;
use super::dim::Dim;
use super::value::Value;

/// One fact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FactRef {
    Reading(MetricIx, Group, Dim),
    /// With the metric's own group, which it is compared with.
    Baseline(MetricIx, Group, Dim),
    Breached(CheckIx),
    Pending(CheckIx),
    Param(f64, Dim),
}

impl FactRef {
    /// Its value now.
    pub(super) fn ask(self, facts: &dyn Facts) -> Value {
        match self {
            FactRef::Reading(metric, group, dim) => Value::reading(facts.reading(metric, group), dim),
            FactRef::Baseline(metric, _, dim) => Value::reading(facts.baseline(metric), dim),
            FactRef::Breached(check) => Value::truth(facts.breached(check)),
            FactRef::Pending(check) => Value::truth(facts.pending(check)),
            FactRef::Param(value, dim) => Value::Number(value, dim),
        }
    }
}

/// All facts of one policy's scripts, each once.
#[derive(Debug, Default)]
pub(super) struct FactTable {
    pub(super) facts: Vec<FactRef>,
}

impl FactTable {
    /// The number of `fact`.
    pub(super) fn intern(&mut self, fact: FactRef) -> usize {
        if let Some(at) = self.facts.iter().position(|known| *known == fact) {
            return at;
        }
        self.facts.push(fact);
        self.facts.len() - 1
    }
}

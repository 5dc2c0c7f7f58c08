//! What scripts may name, what the policy wants of them, and what comes back from compiling them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::finding::CheckKind;
use crate::model::frame::{Catalogue, Group, MetricIx};
use crate::model::units::Unit;

use super::super::compiled::CheckIx;
use super::super::diagnostic::{Diagnostic, Place};
use super::{FunctionIx, ScriptSet};

/// A value of `[params]`: a number with what it measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Param {
    /// The number, in `unit`.
    pub value: f64,
    /// `"1%"` is percent, `"250ms"` is ms, a bare number is `Unit::Number`.
    pub unit: Unit,
}

/// Everything a script may name.
#[derive(Debug, Clone)]
pub struct Names<'a> {
    /// Metrics with their units.
    pub catalogue: &'a Catalogue,
    /// The group that `metric("x").value` reads, by [`MetricIx`]; treatment where the list is shorter.
    pub groups: &'a [Group],
    /// `[params]` by name.
    pub params: BTreeMap<String, Param>,
    /// Checks written in TOML: what `breached` and `pending` may ask about.
    pub checks: BTreeMap<String, CheckIx>,
    /// Checks that are scripts themselves: asking about them is an error of its own.
    pub script_checks: BTreeSet<String>,
}

/// A function that a trigger or gate of the policy names.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name in `rules.rhai`.
    pub function: String,
    /// Trigger (returns breach or ok) or gate (returns open or closed).
    pub kind: CheckKind,
    /// Where the policy names it.
    pub place: Place,
}

/// What the policy needs to know about a function it wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FunctionInfo {
    /// Its place in the set.
    pub index: FunctionIx,
    /// The metrics it, or a function it calls, reads, with the group; a baseline counts as the metric's own group.
    pub reads: Vec<(MetricIx, Group)>,
    /// The metrics whose frozen baseline it asks for.
    pub baselines: Vec<MetricIx>,
    /// The checks it asks about.
    pub asks: Vec<CheckIx>,
    /// The params it uses.
    pub params: Vec<String>,
    /// The files its meaning comes from (`rules.rhai`, `@shared/NAME.rhai`): what the policy's digest must cover.
    pub files: Vec<String>,
    /// Hash of the meaning of the function and all it calls: layout and comments do not count. For the check's
    /// fingerprint.
    pub fingerprint: u64,
    /// The same without the values of params: what is written, whatever the numbers are.
    pub text: u64,
}

/// The scripts of one policy, compiled.
#[derive(Debug, Default)]
pub struct ScriptsCompiled {
    /// The functions, ready to run; empty when there are errors.
    pub set: ScriptSet,
    /// In the order of what was wanted.
    pub functions: Vec<FunctionInfo>,
    /// Every problem of every script file.
    pub diagnostics: Vec<Diagnostic>,
}

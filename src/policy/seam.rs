//! Scripts seen from the policy: what they may name, what is wanted of them, and what comes back into the checks.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::finding::{CheckKind, Origin};
use crate::model::frame::{Catalogue, Group};
use crate::model::ids::CheckId;

use super::check::{Checked, check_ix, quantity};
use super::codes;
use super::compiled::{CheckIx, Condition, ParamValue};
use super::diagnostic::Diagnostic;
use super::raw::{RawKind, RawParam};
use super::script::{Names, Param, ScriptSet, ScriptsCompiled, Wanted, compile};
use super::sink::{Allow, Sink};
use super::source::{Lines, PolicySource};

/// The scripts of one policy, and what the policy keeps of them.
pub(crate) struct Scripts {
    pub(crate) set: ScriptSet,
    /// Of the functions, by check id.
    pub(crate) fingerprints: BTreeMap<String, u64>,
    /// The numbers they use.
    pub(crate) params: Vec<ParamValue>,
}

/// Compiles the scripts, fills in the conditions of the checks that use them, and reports what is wrong with them.
pub(crate) fn scripts(
    policy: &mut Checked<'_>,
    catalogue: &Catalogue,
    source: &PolicySource,
    sink: &mut Sink,
) -> Scripts {
    let groups: Vec<Group> = policy.metrics.iter().map(|metric| metric.rules.group).collect();
    let names = Names {
        catalogue,
        groups: &groups,
        params: params(policy, sink),
        checks: toml_checks(policy),
        script_checks: policy
            .raw
            .checks
            .iter()
            .filter(|check| check.script.is_some())
            .map(|check| check.id.value.clone())
            .collect(),
    };
    let wanted = wanted(policy);
    let done = compile(source, &names, &wanted);
    report(policy, &done, sink);
    let mut fingerprints = BTreeMap::new();
    let scripts = policy.raw.checks.iter().filter(|check| check.script.is_some());
    for (check, info) in scripts.zip(&done.functions) {
        let Some(draft) = policy.drafts.iter_mut().find(|draft| draft.raw.id.value == check.id.value) else { continue };
        draft.check.condition = Condition::Script {
            function: info.index,
            reads: info.reads.clone(),
            baselines: info.baselines.clone(),
            asks: info.asks.clone(),
            text: info.text,
        };
        fingerprints.insert(draft.check.id.to_string(), info.fingerprint);
    }
    unused_params(policy, &done, sink);
    let params = param_values(policy, &names.params, &done, &source.lines());
    Scripts { set: done.set, fingerprints, params }
}

/// Every param with its place and the checks whose scripts read it.
fn param_values(
    policy: &Checked<'_>,
    values: &BTreeMap<String, Param>,
    done: &ScriptsCompiled,
    lines: &Lines,
) -> Vec<ParamValue> {
    let scripts: Vec<_> = policy.raw.checks.iter().filter(|check| check.script.is_some()).collect();
    let one = |raw: &RawParam| {
        let name = &raw.name.value;
        let Param { value, unit } = *values.get(name)?;
        let readers = scripts.iter().zip(&done.functions).filter(|(_, info)| info.params.contains(name));
        let read_by = readers.map(|(check, _)| CheckId::new(&check.id.value)).collect();
        let place = &raw.name.place;
        let origin = Origin { file: place.file.clone(), line: lines.line(place) };
        Some(ParamValue { name: name.clone(), value, unit, read_by, origin })
    };
    policy.raw.params.iter().filter_map(one).collect()
}

fn params(policy: &Checked<'_>, sink: &mut Sink) -> BTreeMap<String, Param> {
    let one = |param: &super::raw::RawParam, sink: &mut Sink| {
        let literal = quantity::literal(&param.value, sink)?;
        let unit = quantity::own_unit(&literal);
        // A number of percentage points may be written with or without a sign; it is a plain amount here.
        let value = match literal.in_unit(unit) {
            Ok(value) => value,
            Err(_) => quantity::points(&param.value, &param.name.value, sink)?,
        };
        Some((param.name.value.clone(), Param { value, unit }))
    };
    policy.raw.params.iter().filter_map(|param| one(param, sink)).collect()
}

/// A broken check keeps its name, so that a script asking about it is not blamed as well.
fn toml_checks(policy: &Checked<'_>) -> BTreeMap<String, CheckIx> {
    let written = policy.raw.checks.iter().filter(|check| check.script.is_none());
    written
        .map(|check| {
            let at = policy.drafts.iter().position(|draft| draft.check.id.as_str() == check.id.value);
            (check.id.value.clone(), at.map_or(CheckIx(u16::MAX), check_ix))
        })
        .collect()
}

/// Every function that the policy names, in the order of the file; a check that is broken otherwise still uses its own.
fn wanted(policy: &Checked<'_>) -> Vec<Wanted> {
    let scripts = policy.raw.checks.iter().filter_map(|check| Some((check, check.script.as_ref()?)));
    scripts
        .map(|(check, script)| Wanted {
            function: script.value.clone(),
            kind: if check.kind == RawKind::Gate { CheckKind::Gate } else { CheckKind::Trigger },
            place: script.place.clone(),
        })
        .collect()
}

/// A warning about a script is accepted by any check that is a script: the function serves them all.
fn report(policy: &Checked<'_>, done: &ScriptsCompiled, sink: &mut Sink) {
    let accepted: Vec<&[Allow]> = policy
        .drafts
        .iter()
        .filter(|draft| draft.raw.script.is_some())
        .map(|draft| draft.raw.allow.as_slice())
        .collect();
    for diagnostic in &done.diagnostics {
        match diagnostic.level {
            super::diagnostic::Level::Error => sink.push(diagnostic.clone()),
            super::diagnostic::Level::Warning => {
                sink.warn_beside(diagnostic.clone(), &accepted, "a trigger or gate that is a script")
            }
        }
    }
}

fn unused_params(policy: &Checked<'_>, done: &ScriptsCompiled, sink: &mut Sink) {
    if sink.has_errors() {
        return;
    }
    let used: BTreeSet<&str> = done.functions.iter().flat_map(|info| &info.params).map(String::as_str).collect();
    for param in policy.raw.params.iter().filter(|param| !used.contains(param.name.value.as_str())) {
        let message = format!("no script uses the param `{}`", param.name.value);
        sink.push(
            Diagnostic::warning(codes::UNUSED_PARAM, message, param.name.place.clone())
                .help(format!("use param(\"{}\") in rules.rhai, or remove it", param.name.value)),
        );
    }
}

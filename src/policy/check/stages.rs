//! The ladder: names, shares, times, and where a roll back goes.

use std::collections::BTreeMap;

use crate::model::finding::{CheckKind, Origin};
use crate::model::ids::{Role, StageName};
use crate::policy::codes;
use crate::policy::compiled::{
    Approvals, CheckIx, EarlyExit, MAX_STAGES, MetricLimits, OnMax, Stage, StageIx, StageSet,
};
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::{At, Raw, RawApprovals, RawKind, RawStage};
use crate::policy::sink::Sink;
use crate::policy::source::Lines;
use crate::policy::suggest::{closest, is_certain, listed};

use super::metrics::{self, CheckedMetric};
use super::{CheckedStage, Draft, check_ix, quantity};

/// All stages; their gates are resolved later, when checks have positions.
pub(crate) fn stages<'a>(
    raw: &'a Raw,
    metrics: &[CheckedMetric<'_>],
    lines: &Lines,
    sink: &mut Sink,
) -> Vec<CheckedStage<'a>> {
    count(raw, sink);
    unique(raw, sink);
    let ladder = raw.stages.iter().enumerate().take(MAX_STAGES);
    ladder.map(|(at, stage)| one(stage, at, raw, metrics, lines, sink)).collect()
}

fn count(raw: &Raw, sink: &mut Sink) {
    if let (Some(stage), true) = (raw.stages.get(MAX_STAGES), raw.stages.len() > MAX_STAGES) {
        let message = format!("{} stages, and at most {MAX_STAGES} are possible", raw.stages.len());
        sink.push(Diagnostic::error(codes::TOO_MANY, message, stage.place.clone()));
    }
}

fn unique(raw: &Raw, sink: &mut Sink) {
    let mut seen: BTreeMap<&str, &Place> = BTreeMap::new();
    for stage in raw.stages.iter().filter(|stage| !stage.name.value.is_empty()) {
        if let Some(first) = seen.insert(&stage.name.value, &stage.name.place) {
            let message = format!("two stages are called `{}`", stage.name.value);
            sink.push(
                Diagnostic::error(codes::DUPLICATE, message, stage.name.place.clone())
                    .also(first.clone(), "first here")
                    .help("rename one of them"),
            );
        }
    }
}

fn one<'a>(
    raw: &'a RawStage,
    at: usize,
    policy: &Raw,
    metrics: &[CheckedMetric<'_>],
    lines: &Lines,
    sink: &mut Sink,
) -> CheckedStage<'a> {
    let traffic = raw.traffic.as_ref().and_then(|written| quantity::share(written, "traffic", sink)).unwrap_or(0.0);
    if let (Some(on_max), None) = (&raw.on_max, &raw.max) {
        let message = format!("stage `{}` has `on_max` but no `max`", raw.name.value);
        sink.push(Diagnostic::error(codes::CONFLICTING_KEYS, message, on_max.place.clone()));
    }
    let stage = Stage {
        name: StageName::new(&raw.name.value),
        traffic,
        audience: raw.audience.iter().map(|entry| entry.value.clone()).collect(),
        bake: raw.bake.as_ref().map(|bake| bake.value),
        max: raw.max.as_ref().map(|max| max.value),
        on_max: raw.on_max.as_ref().map_or(OnMax::Hold, |answer| answer.value),
        gates: Vec::new(),
        approvals: approvals(raw, sink),
        early_exit: raw.early_exit.as_ref().and_then(|exit| {
            Some(EarlyExit { after: exit.after.as_ref()?.value, gates: Vec::new(), samples: exit.samples })
        }),
        rollback_to: rollback_to(raw, at, policy, sink),
        limits: limits(raw, metrics, sink),
        origin: Origin { file: raw.place.file.clone(), line: lines.line(&raw.place) },
    };
    CheckedStage { raw, stage, broken: false }
}

fn approvals(raw: &RawStage, sink: &mut Sink) -> Option<Approvals> {
    let written = raw.approvals.as_ref()?;
    let RawApprovals { roles, people } = &written.value;
    if roles.is_empty() {
        sink.push(
            Diagnostic::error(codes::EMPTY, "`approvals` names no role", written.place.clone())
                .help("name who must approve: roles = [\"manager\"]"),
        );
    }
    let people = people.as_ref().map_or(1, |people| u32::try_from(people.value).unwrap_or(u32::MAX));
    Some(Approvals { roles: roles.iter().map(|role| Role::new(&role.value)).collect(), people })
}

fn rollback_to(raw: &RawStage, at: usize, policy: &Raw, sink: &mut Sink) -> StageIx {
    let Some(target) = &raw.rollback_to else { return StageIx(0) };
    let Some(found) = find(policy, target, sink) else { return StageIx(0) };
    if usize::from(found.0) >= at && at > 0 {
        let message = format!("stage `{}` rolls back to `{}`, which is not lower", raw.name.value, target.value);
        sink.push(
            Diagnostic::error(codes::TARGET_NOT_LOWER, message, target.place.clone())
                .help("a roll back never raises exposure: name an earlier stage"),
        );
    }
    found
}

/// The stage of that name; an unknown one is reported.
pub(crate) fn find(policy: &Raw, name: &At<String>, sink: &mut Sink) -> Option<StageIx> {
    let found = policy.stages.iter().position(|stage| stage.name.value == name.value);
    if let Some(at) = found {
        return u8::try_from(at).ok().map(StageIx);
    }
    let names = || policy.stages.iter().map(|stage| stage.name.value.as_str());
    let mut diagnostic =
        Diagnostic::error(codes::UNKNOWN_STAGE, format!("unknown stage `{}`", name.value), name.place.clone());
    if let Some(meant) = closest(&name.value, names()) {
        diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
        if is_certain(&name.value, meant, names()) {
            sink.mend(&name.place, format!("\"{meant}\""), format!("`{}` renamed `{meant}`", name.value));
        }
    }
    sink.push(diagnostic.help(format!("stages: {}", listed(names()))));
    None
}

fn limits(raw: &RawStage, metrics: &[CheckedMetric<'_>], sink: &mut Sink) -> Vec<MetricLimits> {
    let base = metrics
        .iter()
        .map(|metric| MetricLimits { max_age: metric.rules.max_age, min_samples: metric.rules.min_samples });
    let mut limits: Vec<MetricLimits> = base.collect();
    for written in &raw.metrics {
        let Some(ix) = metrics::find(metrics, &written.metric.value) else {
            super::bounds::unknown_metric(&written.metric, metrics, sink);
            continue;
        };
        if let Some(limit) = limits.get_mut(usize::from(ix.0)) {
            limit.max_age = written.max_age.as_ref().map_or(limit.max_age, |age| age.value);
            limit.min_samples = written.min_samples.as_ref().map_or(limit.min_samples, |samples| samples.value);
        }
    }
    limits
}

/// Resolves the gates that stages name, and makes each gate active where it is named.
pub(crate) fn gates(raw: &Raw, stages: &mut [CheckedStage<'_>], drafts: &mut [Draft<'_>], sink: &mut Sink) {
    for (at, stage) in stages.iter_mut().enumerate() {
        let ix = StageIx(u8::try_from(at).unwrap_or(u8::MAX));
        stage.stage.gates = resolve(raw, &stage.raw.gates, ix, drafts, sink);
        if let (Some(written), Some(exit)) = (&stage.raw.early_exit, &mut stage.stage.early_exit) {
            exit.gates = resolve(raw, &written.gates, ix, drafts, sink);
        }
    }
}

fn resolve(raw: &Raw, names: &[At<String>], stage: StageIx, drafts: &mut [Draft<'_>], sink: &mut Sink) -> Vec<CheckIx> {
    let mut found = Vec::new();
    for name in names {
        let is_it = |draft: &Draft<'_>| draft.check.kind == CheckKind::Gate && draft.check.id.as_str() == name.value;
        match drafts.iter().position(is_it) {
            Some(at) => {
                found.push(check_ix(at));
                if let Some(draft) = drafts.get_mut(at) {
                    draft.check.stages = draft.check.stages.with(stage);
                }
            }
            None => unknown_gate(raw, name, sink),
        }
    }
    found
}

/// A gate that is written but broken has had its own message; only a name that nothing carries is unknown.
fn unknown_gate(raw: &Raw, name: &At<String>, sink: &mut Sink) {
    let names = || raw.checks.iter().filter(|check| check.kind == RawKind::Gate).map(|check| check.id.value.as_str());
    if names().any(|known| known == name.value) {
        return;
    }
    let mut diagnostic =
        Diagnostic::error(codes::UNKNOWN_GATE, format!("unknown gate `{}`", name.value), name.place.clone());
    if let Some(other) = raw.checks.iter().find(|check| check.id.value == name.value) {
        diagnostic = diagnostic.also(other.id.place.clone(), "this is not a gate");
    } else if let Some(meant) = closest(&name.value, names()) {
        diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
        if is_certain(&name.value, meant, names()) {
            sink.mend(&name.place, format!("\"{meant}\""), format!("`{}` renamed `{meant}`", name.value));
        }
    }
    let known = listed(names());
    sink.push(diagnostic.help(if known.is_empty() {
        "declare it under [gates]".to_owned()
    } else {
        format!("gates: {known}")
    }));
}

/// The stages a check names; all of them when it names none.
pub(crate) fn set(names: Option<&[At<String>]>, raw: &Raw, sink: &mut Sink) -> StageSet {
    let Some(names) = names else { return StageSet::ALL };
    names.iter().filter_map(|name| find(raw, name, sink)).fold(StageSet::default(), StageSet::with)
}

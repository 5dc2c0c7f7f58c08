//! From what the files say to what they mean: names resolved, units applied, defaults filled in. Every problem is
//! reported; what is broken is left out so that the rest is checked all the same.

pub(crate) mod bounds;
pub(crate) mod metrics;
pub(crate) mod quantity;
pub(crate) mod stages;
pub(crate) mod words;

use std::collections::BTreeMap;

use crate::model::finding::CheckKind;
use crate::model::severity::{Response, Severity};

use super::codes;
use super::compiled::{BaselineRules, Check, CheckIx, SeverityRules, Stage, StageIx};
use super::diagnostic::{Diagnostic, Level, Place};
use super::raw::{Raw, RawCheck, RawKind, RawStage, check_name};
use super::sink::Sink;
use super::source::Lines;

pub(crate) use metrics::CheckedMetric;

/// A policy whose parts make sense one by one; the lints look at how they fit together.
pub(crate) struct Checked<'a> {
    pub(crate) raw: &'a Raw,
    pub(crate) metrics: Vec<CheckedMetric<'a>>,
    pub(crate) stages: Vec<CheckedStage<'a>>,
    /// In the order of `Policy::checks`; a broken check is missing.
    pub(crate) drafts: Vec<Draft<'a>>,
    pub(crate) severities: [SeverityRules; 3],
    pub(crate) baseline: BaselineRules,
    pub(crate) exposure_tolerance: f64,
    /// Whether every check of the text became a draft; lints about what is missing are silent otherwise.
    pub(crate) complete: bool,
}

/// A rung and the text it came from.
pub(crate) struct CheckedStage<'a> {
    pub(crate) raw: &'a RawStage,
    pub(crate) stage: Stage,
    /// Something in its text is wrong, so how it fits the others is not judged.
    pub(crate) broken: bool,
}

/// A check on its way to be compiled. A script's condition is filled in once the scripts are compiled.
pub(crate) struct Draft<'a> {
    pub(crate) raw: &'a RawCheck,
    pub(crate) check: Check,
}

impl Draft<'_> {
    /// The place to underline when the bound itself is at fault.
    pub(crate) fn bound_place(&self) -> &Place {
        self.raw.bounds.first().map_or(&self.raw.id.place, |(_, bound)| &bound.place)
    }

    /// Whether this check may take exposure back.
    pub(crate) fn rolls_back(&self) -> bool {
        self.check.response == Response::Rollback && self.check.kind != CheckKind::Gate && !self.check.shadow
    }
}

impl Checked<'_> {
    /// Stages with their positions.
    pub(crate) fn ladder(&self) -> impl Iterator<Item = (StageIx, &CheckedStage<'_>)> {
        self.stages.iter().enumerate().filter_map(|(at, stage)| Some((StageIx(u8::try_from(at).ok()?), stage)))
    }
}

/// Gives meaning to `raw`.
pub(crate) fn check<'a>(raw: &'a Raw, lines: &Lines, sink: &mut Sink) -> Checked<'a> {
    identity(raw, sink);
    let metrics = metrics::metrics(raw, sink);
    let severities = severities(raw);
    let mut stages = stages::stages(raw, &metrics, lines, sink);
    unique_ids(raw, sink);
    let context = bounds::Context { metrics: &metrics, raw, severities: &severities, lines };
    let mut drafts: Vec<Draft<'a>> =
        raw.checks.iter().filter_map(|check| bounds::draft(check, &context, sink)).collect();
    drafts.sort_by_key(order);
    stages::gates(raw, &mut stages, &mut drafts, sink);
    mark_broken(&mut stages, sink);
    let complete = drafts.len() == raw.checks.len();
    if drafts.len() > usize::from(u16::MAX) || raw.metrics.len() > usize::from(u16::MAX) {
        let place = raw.rollout.as_ref().map_or_else(whole_file, |rollout| rollout.place.clone());
        sink.push(Diagnostic::error(codes::TOO_MANY, "more than 65535 checks or metrics", place));
    }
    let baseline = metrics::baseline(raw, sink);
    let exposure_tolerance = raw
        .exposure_tolerance
        .as_ref()
        .and_then(|written| quantity::points(written, "exposure_tolerance", sink))
        .unwrap_or(2.0);
    Checked { raw, metrics, stages, drafts, severities, baseline, exposure_tolerance, complete }
}

/// A stage with an error between its header and the next one.
fn mark_broken(stages: &mut [CheckedStage<'_>], sink: &Sink) {
    let mut next = usize::MAX;
    for stage in stages.iter_mut().rev() {
        let place = &stage.raw.place;
        let inside = |at: &Place| at.file == place.file && at.span.start >= place.span.start && at.span.start < next;
        let mut errors = sink.diagnostics.iter().filter(|found| found.level == Level::Error);
        stage.broken = errors.any(|found| inside(&found.primary.place));
        next = place.span.start;
    }
}

fn whole_file() -> Place {
    Place { file: super::source::POLICY_FILE.into(), span: 0..0 }
}

/// The position of a draft as a check index.
pub(crate) fn check_ix(at: usize) -> CheckIx {
    CheckIx(u16::try_from(at).unwrap_or(u16::MAX))
}

/// Roll back before hold before warn, worst severity first, then as written; gates last.
fn order(draft: &Draft<'_>) -> (bool, std::cmp::Reverse<Response>, std::cmp::Reverse<Severity>, usize) {
    let gate = draft.check.kind == CheckKind::Gate;
    let key = (std::cmp::Reverse(draft.check.response), std::cmp::Reverse(draft.check.severity));
    (gate, key.0, key.1, draft.raw.id.place.span.start)
}

fn identity(raw: &Raw, sink: &mut Sink) {
    if let Some(rollout) = &raw.rollout {
        check_name(&rollout.value, "rollout", &rollout.place, sink);
    }
    if let (true, Some(listed)) = (raw.features.is_empty(), &raw.features_place) {
        sink.push(
            Diagnostic::error(codes::EMPTY, "the rollout moves no feature", listed.clone())
                .help("name the flags that move together: features = [\"request_isolation\"]"),
        );
    }
    for (list, what) in [(&raw.features, "feature"), (&raw.regions, "region")] {
        let mut seen: BTreeMap<&str, &Place> = BTreeMap::new();
        for name in list {
            check_name(&name.value, what, &name.place, sink);
            if let Some(first) = seen.insert(&name.value, &name.place) {
                sink.push(
                    Diagnostic::error(
                        codes::DUPLICATE,
                        format!("{what} `{}` is listed twice", name.value),
                        name.place.clone(),
                    )
                    .also(first.clone(), "first here"),
                );
            }
        }
    }
}

fn severities(raw: &Raw) -> [SeverityRules; 3] {
    let rule = |severity: Severity, default: Response| {
        let written = raw.severities.get(severity.index());
        let then = written.and_then(|level| level.then.as_ref()).map_or(default, |then| then.value);
        let notify = written.and_then(|level| level.notify.as_ref());
        let notify = notify.map(|list| list.iter().map(|name| name.value.clone()).collect()).unwrap_or_default();
        SeverityRules { then, notify }
    };
    [rule(Severity::P0, Response::Rollback), rule(Severity::P1, Response::Hold), rule(Severity::P2, Response::Warn)]
}

/// Ids of thresholds, triggers and gates share one namespace: they appear alone in alerts, tests and the ledger.
fn unique_ids(raw: &Raw, sink: &mut Sink) {
    let mut seen: BTreeMap<&str, &RawCheck> = BTreeMap::new();
    for check in &raw.checks {
        if let Some(first) = seen.insert(&check.id.value, check) {
            sink.push(
                Diagnostic::error(
                    codes::DUPLICATE_ID,
                    format!("`{}` names both a {} and a {}", check.id.value, kind(first), kind(check)),
                    check.id.place.clone(),
                )
                .also(first.id.place.clone(), "first here")
                .help("rename one: ids appear alone in alerts, tests and the ledger"),
            );
        }
    }
}

fn kind(check: &RawCheck) -> &'static str {
    match check.kind {
        RawKind::Threshold { .. } => "threshold",
        RawKind::Trigger => "trigger",
        RawKind::Gate => "gate",
    }
}

//! What is declared and never used, and what is active only where it cannot apply.

use crate::model::finding::CheckKind;
use crate::policy::check::Checked;
use crate::policy::codes;
use crate::policy::compiled::Condition;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::sink::Sink;

use super::compare::bound;

pub(super) fn lint(policy: &Checked<'_>, sink: &mut Sink) {
    gates(policy, sink);
    never_applies(policy, sink);
    if policy.complete && !sink.has_errors() {
        metrics(policy, sink);
    }
}

fn gates(policy: &Checked<'_>, sink: &mut Sink) {
    // A misspelt name elsewhere is the likelier reason.
    if sink.has(codes::UNKNOWN_GATE) || policy.stages.iter().any(|stage| stage.broken) {
        return;
    }
    let unused = policy.drafts.iter().filter(|draft| draft.check.kind == CheckKind::Gate && draft.check.stages.0 == 0);
    for draft in unused {
        let message = format!("no stage asks for the gate `{}`", draft.check.id);
        let diagnostic = Diagnostic::warning(codes::UNUSED_GATE, message, draft.raw.id.place.clone())
            .help(format!("name it in a stage: gates = [\"{}\"]", draft.check.id));
        sink.warn(diagnostic, &[&draft.raw.allow]);
    }
}

/// Runs after scripts are compiled, because scripts read metrics too.
fn metrics(policy: &Checked<'_>, sink: &mut Sink) {
    for (at, metric) in policy.metrics.iter().enumerate() {
        let read = policy.drafts.iter().any(|draft| match &draft.check.condition {
            Condition::Bound(bound) => usize::from(bound.metric.0) == at,
            Condition::Script { reads, .. } => reads.iter().any(|(metric, _)| usize::from(metric.0) == at),
        });
        if !read {
            let name = &metric.raw.name;
            let message = format!("no check reads the metric `{}`", name.value);
            let diagnostic = Diagnostic::warning(codes::UNREAD_METRIC, message, name.place.clone())
                .help(format!("add [thresholds.{}], or remove it: nobody is told when it goes bad", name.value));
            sink.warn(diagnostic, &[&metric.raw.allow]);
        }
    }
}

/// A check on a group that every one of its stages leaves empty by design never says anything.
fn never_applies(policy: &Checked<'_>, sink: &mut Sink) {
    for draft in policy.drafts.iter().filter(|draft| draft.check.kind != CheckKind::Gate) {
        let Some(bound) = bound(&draft.check) else { continue };
        let mut active = policy.ladder().filter(|(ix, _)| draft.check.stages.contains(*ix)).peekable();
        if active.peek().is_none() || !active.all(|(_, stage)| !stage.broken && stage.stage.leaves_empty(bound.group)) {
            continue;
        }
        let message =
            format!("`{}` reads {}, which is empty in every stage it is active in", draft.check.id, bound.group);
        let diagnostic = Diagnostic::warning(codes::NEVER_APPLIES, message, draft.raw.id.place.clone())
            .help("change `in`, or the group it reads");
        sink.warn(diagnostic, &[&draft.raw.allow]);
    }
}

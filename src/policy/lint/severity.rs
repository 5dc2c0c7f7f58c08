//! Severities against each other and against triggers.

use crate::model::finding::CheckKind;
use crate::model::severity::{Response, Severity};
use crate::policy::check::{Checked, Draft};
use crate::policy::codes;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::sink::Sink;

use super::compare::{bound, comparable, covers, may_cover, within};

pub(super) fn lint(policy: &Checked<'_>, sink: &mut Sink) {
    looser(policy, sink);
    two_answers(policy, sink);
    obligations(policy, sink);
}

fn thresholds<'p, 'a>(policy: &'p Checked<'a>) -> impl Iterator<Item = &'p Draft<'a>> {
    policy.drafts.iter().filter(|draft| draft.check.kind == CheckKind::Threshold)
}

/// A milder threshold that fires only when a worse one has fired already is never seen: the two were swapped, or one
/// of them was mistyped.
fn looser(policy: &Checked<'_>, sink: &mut Sink) {
    for mild in thresholds(policy) {
        let worse = thresholds(policy).find(|worse| {
            worse.check.severity > mild.check.severity
                && !worse.check.shadow
                && covers(&worse.check, &mild.check)
                && within(mild.check.stages, worse.check.stages, policy.stages.len())
        });
        let Some(worse) = worse else { continue };
        let message = format!(
            "`{}` is not stricter than `{}`: whenever it fires, {} has fired already",
            mild.check.id, worse.check.id, worse.check.severity
        );
        sink.push(
            Diagnostic::error(codes::LOOSER, message, mild.bound_place().clone())
                .label(format!("{}: {}", mild.check.severity, mild.check.words))
                .also(worse.bound_place().clone(), format!("{}: {}", worse.check.severity, worse.check.words))
                .help(format!(
                    "a milder level must fire earlier: give {} the stricter bound, or swap the two",
                    mild.check.severity
                )),
        );
    }
}

/// A trigger that rolls back where no severity says anything gives a value two answers.
fn two_answers(policy: &Checked<'_>, sink: &mut Sink) {
    let triggers = policy.drafts.iter().filter(|draft| draft.check.kind == CheckKind::Trigger);
    for trigger in triggers {
        let Some(limit) = bound(&trigger.check) else { continue };
        let rivals: Vec<&Draft<'_>> = thresholds(policy)
            .filter(|draft| bound(&draft.check).is_some_and(|other| comparable(limit, other)))
            .collect();
        let split = policy.ladder().find_map(|(ix, stage)| {
            if !trigger.check.stages.contains(ix) {
                return None;
            }
            let here: Vec<&Draft<'_>> =
                rivals.iter().filter(|draft| draft.check.stages.contains(ix)).copied().collect();
            let covered = here.iter().any(|rival| may_cover(&rival.check, &trigger.check));
            let nearest = here.iter().max_by_key(|rival| std::cmp::Reverse(rival.check.severity)).copied();
            if covered { None } else { Some((stage, nearest?)) }
        });
        let Some((stage, nearest)) = split else { continue };
        let metric = trigger.raw.metric.as_ref().map_or("", |metric| metric.value.as_str());
        let message = format!(
            "`{metric}` has two answers in stage `{}`: `{}` rolls back before any severity fires",
            stage.raw.name.value, trigger.check.id
        );
        let diagnostic = Diagnostic::warning(codes::TWO_ANSWERS, message, trigger.bound_place().clone())
            .label(format!("trigger: {} -> roll back", trigger.check.words))
            .also(
                nearest.bound_place().clone(),
                format!("{}: {} -> {}", nearest.check.severity, nearest.check.words, nearest.check.response),
            )
            .help("the worse answer wins, so the trigger rolls back and nobody is warned before");
        sink.warn(diagnostic, &[&trigger.raw.allow, &stage.raw.allow]);
    }
}

/// What the levels oblige: P0 that does nothing, and a milder level that does more than a worse one.
fn obligations(policy: &Checked<'_>, sink: &mut Sink) {
    for (worse, mild) in [(Severity::P0, Severity::P1), (Severity::P1, Severity::P2)] {
        let (Some(above), Some(below)) = (policy.severities.get(worse.index()), policy.severities.get(mild.index()))
        else {
            continue;
        };
        let Some(raw) = policy.raw.severities.get(mild.index()) else { continue };
        let Some(raw_worse) = policy.raw.severities.get(worse.index()) else { continue };
        // A P0 that only warns has a message of its own.
        let harmless_p0 = worse == Severity::P0 && above.then == Response::Warn;
        if below.then <= above.then || harmless_p0 {
            continue;
        }
        let Some(place) = raw.then.as_ref().or(raw_worse.then.as_ref()).map(|then| then.place.clone()) else {
            continue;
        };
        let message = format!("{mild} does more ({}) than {worse} ({})", below.then, above.then);
        let diagnostic = Diagnostic::warning(codes::SEVERITY_ORDER, message, place)
            .help("people read P0 as the worst; order what the levels do the same way");
        sink.warn(diagnostic, &[&raw.allow, &raw_worse.allow]);
    }
    let p0 = policy.raw.severities.first();
    if let Some((raw, then)) =
        p0.and_then(|raw| Some((raw, raw.then.as_ref()?))).filter(|(_, then)| then.value == Response::Warn)
    {
        let diagnostic =
            Diagnostic::warning(codes::HARMLESS_P0, "P0 only warns: an emergency stops nothing", then.place.clone())
                .help("write then = \"rollback\"; to try a policy out without acting, use mode = \"shadow\"");
        sink.warn(diagnostic, &[&raw.allow]);
    }
}

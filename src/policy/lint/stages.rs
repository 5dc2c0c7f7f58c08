//! The ladder: exposure grows, every exposed rung has a way back, and a rung can be left.

use crate::model::finding::CheckKind;
use crate::model::time::Duration;
use crate::policy::check::{Checked, CheckedStage, Draft};
use crate::policy::codes;
use crate::policy::compiled::{Limit, StageIx, Than, Window};
use crate::policy::diagnostic::Diagnostic;
use crate::policy::sink::Sink;

use super::compare::bound;

pub(super) fn lint(policy: &Checked<'_>, sink: &mut Sink) {
    if let (true, Some(rollout)) = (policy.stages.is_empty(), &policy.raw.rollout) {
        sink.push(
            Diagnostic::error(codes::EMPTY, "the policy has no stage", rollout.place.clone())
                .help("write the ladder as [[stages]], lowest first, usually from name = \"off\""),
        );
    }
    grows(policy, sink);
    for (ix, stage) in policy.ladder() {
        way_back(policy, ix, stage, sink);
        times(policy, ix, stage, sink);
        control(policy, ix, stage, sink);
    }
}

fn exposure(stage: &CheckedStage<'_>) -> String {
    match (stage.stage.traffic, stage.stage.audience.is_empty()) {
        (traffic, true) => format!("{traffic}%"),
        (traffic, false) => format!("{traffic}% and an audience"),
    }
}

/// Audience-only stages count as 0 %, so equal shares are right only from nobody to an audience.
fn grows(policy: &Checked<'_>, sink: &mut Sink) {
    if policy.raw.stages.len() > policy.stages.len() {
        return;
    }
    for (lower, upper) in policy.stages.iter().zip(policy.stages.iter().skip(1)) {
        let (from, to) = (lower.stage.traffic, upper.stage.traffic);
        let opens_to_audience = lower.stage.is_unexposed() && !upper.stage.is_unexposed();
        // A stage may widen its audience while its share stays, as from a team to a company.
        let widens = from == to && from < 100.0 && upper.stage.audience.len() > lower.stage.audience.len();
        if lower.broken || upper.broken || to > from || opens_to_audience || widens {
            continue;
        }
        let place = upper.raw.traffic.as_ref().map_or(&upper.raw.place, |traffic| &traffic.place);
        let lower_place = lower.raw.traffic.as_ref().map_or(&lower.raw.place, |traffic| &traffic.place);
        let message = format!(
            "exposure does not grow from stage `{}` ({}) to `{}` ({})",
            lower.raw.name.value,
            exposure(lower),
            upper.raw.name.value,
            exposure(upper)
        );
        sink.push(
            Diagnostic::error(codes::NOT_GROWING, message, place.clone())
                .also(lower_place.clone(), "the stage before")
                .help("stages go from least to most exposed; an audience alone counts as 0%"),
        );
    }
}

fn active<'p, 'a>(policy: &'p Checked<'a>, ix: StageIx) -> impl Iterator<Item = &'p Draft<'a>> {
    policy.drafts.iter().filter(move |draft| draft.check.stages.contains(ix))
}

fn way_back(policy: &Checked<'_>, ix: StageIx, stage: &CheckedStage<'_>, sink: &mut Sink) {
    if stage.stage.is_unexposed() || stage.broken || !policy.complete || active(policy, ix).any(Draft::rolls_back) {
        return;
    }
    let message = format!("nothing can roll back stage `{}`", stage.raw.name.value);
    sink.push(
        Diagnostic::error(codes::NO_WAY_BACK, message, stage.raw.name.place.clone())
            .label(format!("{} of traffic and no check that takes it back", exposure(stage)))
            .help("add a threshold of a severity with then = \"rollback\", or a trigger active here"),
    );
}

fn times(policy: &Checked<'_>, ix: StageIx, stage: &CheckedStage<'_>, sink: &mut Sink) {
    let raw = stage.raw;
    let Some(bake) = &raw.bake else { return no_bake(stage, sink) };
    if let Some(max) = raw.max.as_ref().filter(|max| max.value <= bake.value) {
        let message =
            format!("stage `{}` ends ({}) before its bake is served ({})", raw.name.value, max.value, bake.value);
        sink.push(
            Diagnostic::error(codes::MAX_BEFORE_BAKE, message, max.place.clone())
                .also(bake.place.clone(), "the bake")
                .help("`max` is wall time and `bake` is good time: leave room between them"),
        );
    }
    let early = raw.early_exit.as_ref().and_then(|exit| exit.after.as_ref());
    if let Some(after) = early.filter(|after| after.value >= bake.value) {
        let message = format!("`early_exit` of stage `{}` comes no earlier than its bake", raw.name.value);
        let diagnostic = Diagnostic::warning(codes::LATE_EARLY_EXIT, message, after.place.clone())
            .also(bake.place.clone(), "the bake")
            .help("make `after` shorter than `bake`, or drop the early exit");
        sink.warn(diagnostic, &[&raw.allow]);
    }
    // A gate cannot be overtaken: the stage is not left before it opens.
    let longest = active(policy, ix)
        .filter(|draft| draft.check.kind != CheckKind::Gate)
        .filter_map(|draft| match (draft.raw.window.as_ref()?.value, draft) {
            (Window::For(length), draft) => Some((length, draft)),
            _ => None,
        })
        .max_by_key(|(length, _)| *length);
    if let Some((length, draft)) = longest.filter(|(length, _)| *length > bake.value) {
        short_bake(stage, bake.value, length, draft, sink);
    }
}

fn short_bake(stage: &CheckedStage<'_>, bake: Duration, length: Duration, draft: &Draft<'_>, sink: &mut Sink) {
    let Some((bake_at, window)) = stage.raw.bake.as_ref().zip(draft.raw.window.as_ref()) else { return };
    let message = format!(
        "stage `{}` may be left after {bake}, before `{}` has had its {length}",
        stage.raw.name.value, draft.check.id
    );
    let diagnostic = Diagnostic::warning(codes::SHORT_BAKE, message, bake_at.place.clone())
        .also(window.place.clone(), "this needs longer than the bake")
        .help("lengthen `bake`, shorten the `for`, or limit the check to longer stages with `in`");
    sink.warn(diagnostic, &[&stage.raw.allow, &draft.raw.allow]);
}

/// What guards the way out of a stage that is never left by itself is never asked.
fn no_bake(stage: &CheckedStage<'_>, sink: &mut Sink) {
    let raw = stage.raw;
    let gates = raw.gates.first().map(|gate| ("gates", &gate.place));
    let exit = raw.early_exit.as_ref().map(|exit| ("early_exit", &exit.place));
    let Some((what, place)) = gates.or(exit).filter(|_| !stage.broken) else { return };
    let message = format!("stage `{}` has `{what}` but no `bake`, so nothing asks them", raw.name.value);
    let diagnostic = Diagnostic::warning(codes::NEVER_ASKED, message, place.clone())
        .help("a stage without a bake is never left by itself: give it one, or drop these");
    sink.warn(diagnostic, &[&raw.allow]);
}

/// At 100 % there is no control group to compare with.
fn control(policy: &Checked<'_>, ix: StageIx, stage: &CheckedStage<'_>, sink: &mut Sink) {
    if stage.stage.traffic < 100.0 {
        return;
    }
    for draft in active(policy, ix) {
        let Some(Limit::Relative { than: Than::Control, .. } | Limit::Difference { than: Than::Control, .. }) =
            bound(&draft.check).map(|bound| bound.limit)
        else {
            continue;
        };
        let place = draft.raw.than.as_ref().map_or(&draft.raw.id.place, |than| &than.place);
        let below: Vec<String> = policy
            .ladder()
            .filter(|(other, _)| *other != ix && draft.check.stages.contains(*other))
            .filter(|(_, other)| other.stage.traffic < 100.0 && !other.stage.is_unexposed())
            .map(|(_, other)| format!("\"{}\"", other.raw.name.value))
            .collect();
        let message = format!(
            "`{}` compares with control in stage `{}`, where 100% have the change",
            draft.check.id, stage.raw.name.value
        );
        sink.push(
            Diagnostic::error(codes::CONTROL_AT_FULL, message, place.clone())
                .also(stage.raw.name.place.clone(), "no control group here")
                .help(format!("limit it to the stages below: in = [{}]", below.join(", "))),
        );
    }
}

//! Numbers that measurement has shown to be traps: too few samples, no floor, ages nobody meant.

use crate::model::finding::{CheckKind, Side};
use crate::model::time::Duration;
use crate::model::units::{Better, Unit};
use crate::policy::check::{Checked, CheckedMetric, Draft};
use crate::policy::codes;
use crate::policy::compiled::{Limit, Than, Window};
use crate::policy::diagnostic::Diagnostic;
use crate::policy::raw::At;
use crate::policy::sink::Sink;

use super::compare::bound;

/// Sources are scraped every few seconds at best; a shorter `max_age` makes every reading stale on arrival.
const SHORTEST_AGE: Duration = Duration::from_secs(5);
/// A decision on a reading older than this is a decision on another day's traffic.
const LONGEST_AGE: Duration = Duration::from_hours(1);
/// A run this long spreads the risk of a thin sample over several observations.
const LONG_RUN: Duration = Duration::from_mins(2);
/// Fewer readings than this make baselines wrong by ten percent and more.
const FEWEST_POINTS: u64 = 30;

pub(super) fn lint(policy: &Checked<'_>, sink: &mut Sink) {
    for metric in &policy.metrics {
        ages(metric, sink);
    }
    stage_ages(policy, sink);
    for draft in &policy.drafts {
        samples(policy, draft, sink);
        floor(draft, sink);
    }
    no_baseline(policy, sink);
    if let Some(points) = policy.raw.baseline.min_points.as_ref().filter(|points| points.value < FEWEST_POINTS) {
        let message = format!("a baseline of {} readings is easily wrong by ten percent", points.value);
        let diagnostic = Diagnostic::warning(codes::SMALL_BASELINE, message, points.place.clone())
            .help("30 to 60 readings keep the median within about nine percent");
        sink.warn(diagnostic, &[&policy.raw.baseline.allow]);
    }
}

fn odd_age(age: &At<Duration>) -> Option<String> {
    if age.value < SHORTEST_AGE {
        return Some(format!("a `max_age` of {} makes nearly every reading stale on arrival", age.value));
    }
    (age.value > LONGEST_AGE).then(|| format!("a `max_age` of {} decides on readings of long ago", age.value))
}

fn ages(metric: &CheckedMetric<'_>, sink: &mut Sink) {
    let Some((age, message)) = metric.raw.max_age.as_ref().and_then(|age| Some((age, odd_age(age)?))) else { return };
    let diagnostic = Diagnostic::warning(codes::ODD_AGE, message, age.place.clone())
        .help("three times the step of the source is a good `max_age`");
    sink.warn(diagnostic, &[&metric.raw.allow]);
}

fn stage_ages(policy: &Checked<'_>, sink: &mut Sink) {
    for stage in &policy.stages {
        let ages = stage.raw.metrics.iter().filter_map(|limits| limits.max_age.as_ref());
        for (age, message) in ages.filter_map(|age| Some((age, odd_age(age)?))) {
            let diagnostic = Diagnostic::warning(codes::ODD_AGE, message, age.place.clone())
                .help("three times the step of the source is a good `max_age`");
            sink.warn(diagnostic, &[&stage.raw.allow]);
        }
    }
}

/// An error bound needs about 3 / bound samples, or one healthy reading breaks it.
fn samples(policy: &Checked<'_>, draft: &Draft<'_>, sink: &mut Sink) {
    let Some(limit) = bound(&draft.check).filter(|bound| bound.side == Side::Above) else { return };
    let Some(metric) = policy.metrics.get(usize::from(limit.metric.0)) else { return };
    let Limit::Absolute(level) = limit.limit else { return };
    let share = match metric.metric.unit {
        Unit::Percent => level / 100.0,
        Unit::Ratio => level,
        _ => return,
    };
    let patient = match draft.check.window {
        Window::First => false,
        Window::For(length) => length >= LONG_RUN,
        Window::Of { k, .. } => k >= 2,
    };
    let error_like = metric.metric.better == Better::Lower && share > 0.0 && share < 0.5;
    if !error_like || patient || draft.check.kind == CheckKind::Gate {
        return;
    }
    let due = (3.0 / share).ceil();
    let thin = policy
        .ladder()
        .filter(|(ix, stage)| draft.check.stages.contains(*ix) && !stage.stage.is_unexposed())
        .filter_map(|(_, stage)| Some((stage, stage.stage.limits.get(usize::from(limit.metric.0))?.min_samples)))
        .find(|(_, samples)| (*samples as f64) < due);
    let Some((stage, samples)) = thin else { return };
    let message = format!(
        "`{}` rests on {samples} samples in stage `{}`, and {due} keep one healthy reading below the bound",
        draft.check.id, stage.raw.name.value
    );
    let (place, words) = match &metric.raw.min_samples {
        Some(samples) => (&samples.place, "min_samples is set here"),
        None => (&metric.raw.name.place, "no min_samples here"),
    };
    let diagnostic = Diagnostic::warning(codes::FEW_SAMPLES, message, draft.bound_place().clone())
        .label(draft.check.words.to_string())
        .also(place.clone(), words)
        .help(format!("set min_samples = {due} (3 / bound), or add for = \"2m\""));
    sink.warn(diagnostic, &[&draft.raw.allow, &metric.raw.allow, &stage.raw.allow]);
}

/// The baseline is frozen when the rollout leaves zero exposure, so there must be a rung at zero to leave.
fn no_baseline(policy: &Checked<'_>, sink: &mut Sink) {
    let Some(first) = policy.stages.first().filter(|stage| !stage.broken && !stage.stage.is_unexposed()) else {
        return;
    };
    let against_baseline =
        |draft: &&Draft<'_>| bound(&draft.check).is_some_and(|bound| bound.limit.than() == Some(Than::Baseline));
    let Some(draft) = policy.drafts.iter().find(against_baseline) else { return };
    let message = format!(
        "`{}` compares with the baseline, and already the first stage `{}` exposes people",
        draft.check.id, first.raw.name.value
    );
    let place = draft.raw.than.as_ref().map_or(&draft.raw.id.place, |than| &than.place);
    let diagnostic = Diagnostic::warning(codes::NO_BASELINE, message, place.clone())
        .also(first.raw.name.place.clone(), "no stage at zero exposure before this one")
        .help("add a first stage without traffic or audience: the baseline is frozen when it is left");
    sink.warn(diagnostic, &[&draft.raw.allow, &first.raw.allow]);
}

/// Ten percent of nearly nothing is noise.
fn floor(draft: &Draft<'_>, sink: &mut Sink) {
    let Some(limit) = bound(&draft.check) else { return };
    if !matches!(limit.limit, Limit::Relative { .. }) || limit.floor.is_some() || draft.check.kind == CheckKind::Gate {
        return;
    }
    let key = match limit.side {
        Side::Above => "and_above",
        Side::Below => "and_below",
    };
    let message = format!("`{}` is relative and has no floor: a tiny comparison makes noise a breach", draft.check.id);
    let diagnostic = Diagnostic::warning(codes::NO_FLOOR, message, draft.bound_place().clone())
        .help(format!("add the least change that matters, as {key} = \"+20ms\""));
    sink.warn(diagnostic, &[&draft.raw.allow]);
}

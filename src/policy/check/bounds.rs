//! Thresholds, triggers and gates: what is compared with what.

use std::sync::Arc;

use crate::model::finding::{CheckKind, Origin, Side};
use crate::model::frame::{Group, MetricIx};
use crate::model::ids::CheckId;
use crate::model::literal::{Literal, Sign};
use crate::model::severity::{Response, Severity};
use crate::model::units::Unit;
use crate::policy::codes;
use crate::policy::compiled::{Bound, Check, Condition, Floor, Limit, SeverityRules, StageIx, StageSet, Than, Window};
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::{At, BoundWord, Raw, RawCheck, RawKind, Written};
use crate::policy::script::FunctionIx;
use crate::policy::sink::Sink;
use crate::policy::source::Lines;
use crate::policy::suggest::{closest, is_certain, listed};

use super::metrics::{self, CheckedMetric};
use super::{Draft, quantity, stages, words};

/// What a check may refer to.
pub(crate) struct Context<'c, 'a> {
    pub(crate) metrics: &'c [CheckedMetric<'a>],
    pub(crate) raw: &'c Raw,
    pub(crate) severities: &'c [SeverityRules; 3],
    pub(crate) lines: &'c Lines,
}

/// Gives meaning to one check; none when it is broken, which has then been reported.
pub(crate) fn draft<'a>(raw: &'a RawCheck, context: &Context<'_, '_>, sink: &mut Sink) -> Option<Draft<'a>> {
    let stages = stages::set(raw.stages.as_deref(), context.raw, sink);
    if let Some([]) = raw.stages.as_deref() {
        let message = format!("`{}` is active in no stage", raw.id.value);
        sink.push(
            Diagnostic::error(codes::EMPTY, message, raw.id.place.clone()).help("leave `in` out for every stage"),
        );
    }
    let target = raw.target.as_ref().and_then(|target| target_of(raw, target, stages, context, sink));
    if raw.broken {
        return None;
    }
    let condition = match (&raw.metric, &raw.script) {
        (Some(metric), None) => Condition::Bound(bound(raw, metric, context, sink)?),
        (None, Some(script)) => script_condition(raw, script, sink)?,
        (Some(_), Some(script)) => {
            let message = format!("`{}` has both `metric` and `script`", raw.id.value);
            sink.push(
                Diagnostic::error(codes::CONFLICTING_KEYS, message, script.place.clone())
                    .help("a bound compares one metric; a script reads its metrics itself"),
            );
            return None;
        }
        (None, None) => {
            let message = format!("`{}` has neither `metric` nor `script`", raw.id.value);
            sink.push(
                Diagnostic::error(codes::MISSING_KEY, message, raw.id.place.clone())
                    .help("say what it looks at: metric = \"error_rate\", or script = \"name_of_function\""),
            );
            return None;
        }
    };
    let check = assemble(raw, condition, stages, target, context);
    Some(Draft { raw, check })
}

fn assemble(
    raw: &RawCheck,
    condition: Condition,
    stages: StageSet,
    target: Option<StageIx>,
    context: &Context<'_, '_>,
) -> Check {
    let written_window = raw.window.as_ref().map_or(Window::First, |window| window.value);
    let default_clear = Window::Of { k: 5, n: 5 };
    let (kind, severity, response, stages, window, clear) = match &raw.kind {
        RawKind::Threshold { severity, .. } => {
            let then = context.severities.get(severity.index()).map_or(Response::Hold, |rules| rules.then);
            (CheckKind::Threshold, *severity, then, stages, written_window, default_clear)
        }
        RawKind::Trigger => {
            let severity = raw.severity.as_ref().map_or(Severity::P0, |severity| severity.value);
            (CheckKind::Trigger, severity, Response::Rollback, stages, written_window, default_clear)
        }
        RawKind::Gate => {
            // A gate says what must hold, so its `for` is how long it must have held: the clearing window of the
            // strict opposite. It is active where a stage names it, which is filled in later.
            let held = raw.window.as_ref().map_or(Window::Of { k: 1, n: 1 }, |window| window.value);
            (CheckKind::Gate, Severity::P2, Response::Hold, StageSet::default(), Window::First, held)
        }
    };
    Check {
        id: CheckId::new(&raw.id.value),
        kind,
        severity,
        response,
        target,
        stages,
        condition,
        window,
        clear: raw.clear.as_ref().map_or(clear, |clear| clear.value),
        shadow: raw.shadow,
        unless_control: raw.unless_control.as_ref().is_some_and(|flag| flag.value),
        words: Arc::from(words::words(raw)),
        origin: Origin { file: raw.id.place.file.clone(), line: context.lines.line(&raw.id.place) },
        fingerprint: 0,
    }
}

fn target_of(
    raw: &RawCheck,
    target: &At<String>,
    active: StageSet,
    context: &Context<'_, '_>,
    sink: &mut Sink,
) -> Option<StageIx> {
    let found = stages::find(context.raw, target, sink)?;
    let ladder = context.raw.stages.iter().enumerate().skip(1);
    let not_lower = ladder
        .filter_map(|(at, stage)| Some((StageIx(u8::try_from(at).ok()?), stage)))
        .find(|(ix, _)| active.contains(*ix) && found >= *ix);
    if let Some((_, stage)) = not_lower {
        let message = format!(
            "`{}` rolls back to `{}`, which is not lower than stage `{}` where it is active",
            raw.id.value, target.value, stage.name.value
        );
        sink.push(
            Diagnostic::error(codes::TARGET_NOT_LOWER, message, target.place.clone())
                .help("a roll back never raises exposure: name the stages above the target with in = [...]"),
        );
    }
    Some(found)
}

fn script_condition(raw: &RawCheck, script: &At<String>, sink: &mut Sink) -> Option<Condition> {
    let bound = raw.bounds.first().map(|(word, at)| (word.key(), &at.place));
    let than = raw.than.as_ref().map(|at| ("than", &at.place));
    let is = raw.is.as_ref().map(|at| ("is", &at.place));
    let floor = raw.floors.first().map(|(_, at)| ("and_above", &at.place));
    let group = raw.group.as_ref().map(|at| ("group", &at.place));
    let unless = raw.unless_control.as_ref().map(|at| ("unless_control", &at.place));
    if let Some((key, place)) = bound.or(than).or(is).or(floor).or(group).or(unless) {
        let message = format!("`{}` is a script, and `{key}` belongs to a bound on a metric", raw.id.value);
        sink.push(
            Diagnostic::error(codes::CONFLICTING_KEYS, message, place.clone()).also(script.place.clone(), "the script"),
        );
        return None;
    }
    Some(Condition::Script {
        function: FunctionIx(u16::MAX),
        reads: Vec::new(),
        baselines: Vec::new(),
        asks: Vec::new(),
        text: 0,
    })
}

/// Reports a metric that is not declared.
pub(crate) fn unknown_metric(name: &At<String>, metrics: &[CheckedMetric<'_>], sink: &mut Sink) {
    let names = || metrics.iter().map(|metric| metric.raw.name.value.as_str());
    let mut diagnostic =
        Diagnostic::error(codes::UNKNOWN_METRIC, format!("unknown metric `{}`", name.value), name.place.clone());
    if let Some(meant) = closest(&name.value, names()) {
        diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
        // A threshold names its metric as a key, a trigger as a text.
        let is_key = name.place.span.len() == name.value.len();
        let spelt = if is_key { meant.to_owned() } else { format!("\"{meant}\"") };
        if is_certain(&name.value, meant, names()) {
            sink.mend(&name.place, spelt, format!("`{}` renamed `{meant}`", name.value));
        }
    }
    sink.push(diagnostic.help(format!("metrics: {}", listed(names()))));
}

fn bound(raw: &RawCheck, name: &At<String>, context: &Context<'_, '_>, sink: &mut Sink) -> Option<Bound> {
    let Some(ix) = metrics::find(context.metrics, &name.value) else {
        unknown_metric(name, context.metrics, sink);
        return None;
    };
    let metric = context.metrics.get(usize::from(ix.0)).filter(|metric| metric.usable)?;
    let group = raw.group.as_ref().map_or(metric.rules.group, |group| group.value);
    if metric.metric.unit == Unit::State {
        return state_bound(raw, ix, group, sink);
    }
    if let Some(is) = &raw.is {
        let message = format!("`is` asks for a state, and `{}` is in {}", name.value, metric.metric.unit);
        sink.push(Diagnostic::error(codes::STATE_BOUND, message, is.place.clone()).help(sides(raw)));
        return None;
    }
    let (word, written) = one_bound(raw, sink)?;
    let side = match word {
        BoundWord::Above | BoundWord::AtMost => Side::Above,
        BoundWord::Below | BoundWord::AtLeast => Side::Below,
    };
    let limit = limit(raw, written, metric, sink)?;
    let floor = floor(raw, side, &limit, metric, sink)?;
    if let (Some(flag), true) = (&raw.unless_control, limit.than().is_some()) {
        let message = format!("`{}` is relative, and `unless_control` belongs to an absolute bound", raw.id.value);
        sink.push(
            Diagnostic::error(codes::CONFLICTING_KEYS, message, flag.place.clone())
                .help("than = \"control\" already takes out what control suffers too"),
        );
    }
    let before = sink.errors();
    if let Limit::Absolute(level) = limit {
        reachable(raw, side, level, written, metric, sink);
    } else {
        relative_reachable(raw, side, limit, written, sink);
    }
    if sink.errors() > before {
        return None;
    }
    Some(Bound { metric: ix, group, side, limit, floor })
}

fn state_bound(raw: &RawCheck, metric: MetricIx, group: Group, sink: &mut Sink) -> Option<Bound> {
    let stray = raw.bounds.first().map(|(_, at)| &at.place).or(raw.than.as_ref().map(|at| &at.place));
    let (Some(is), None) = (&raw.is, stray) else {
        let place = stray.unwrap_or(&raw.id.place).clone();
        let metric = raw.metric.as_ref().map_or("", |metric| metric.value.as_str());
        let message = format!("`{metric}` is a state, which is ok or failed and has no bound");
        let help = if raw.kind == RawKind::Gate { "write is = \"ok\"" } else { "write is = \"failed\"" };
        sink.push(Diagnostic::error(codes::STATE_BOUND, message, place).help(help));
        return None;
    };
    // A check says what is a breach, a gate what must hold; failed is 1, ok is 0.
    let breach_is_failed = is.value != (raw.kind == RawKind::Gate);
    let side = if breach_is_failed { Side::Above } else { Side::Below };
    Some(Bound { metric, group, side, limit: Limit::Absolute(0.5), floor: None })
}

fn sides(raw: &RawCheck) -> String {
    match raw.kind {
        RawKind::Gate => "say what must hold: at_least = \"...\" or at_most = \"...\"".to_owned(),
        _ => "say which side is a breach: above = \"...\" or below = \"...\"".to_owned(),
    }
}

fn one_bound<'a>(raw: &'a RawCheck, sink: &mut Sink) -> Option<(BoundWord, &'a At<Written>)> {
    match raw.bounds.as_slice() {
        [(word, written)] => Some((*word, written)),
        [] => {
            let message = format!("`{}` has no bound", raw.id.value);
            sink.push(Diagnostic::error(codes::ONE_SIDE, message, raw.id.place.clone()).help(sides(raw)));
            None
        }
        [(_, first), (_, second), ..] => {
            let message = format!("`{}` has two bounds", raw.id.value);
            sink.push(
                Diagnostic::error(codes::ONE_SIDE, message, second.place.clone())
                    .also(first.place.clone(), "the other one")
                    .help("write two checks; thresholds take a list: p0 = [{ below = \"...\" }, { above = \"...\" }]"),
            );
            None
        }
    }
}

fn limit(raw: &RawCheck, written: &At<Written>, metric: &CheckedMetric<'_>, sink: &mut Sink) -> Option<Limit> {
    let literal = quantity::literal(written, sink)?;
    let unit = metric.metric.unit;
    match (&raw.than, literal.sign) {
        (None, None) => Some(Limit::Absolute(quantity::in_unit(&literal, written, unit, sink)?)),
        // A plain number may well be negative: a bare minus is a level unless `than` says otherwise.
        (None, Some(Sign::Minus)) if literal.is_bare() && matches!(unit, Unit::Number | Unit::Count) => {
            Some(Limit::Absolute(quantity::in_unit(&literal, written, unit, sink)?))
        }
        (None, Some(_)) => {
            let message = format!("`{literal}` is a change, and `{}` does not say against what", raw.id.value);
            sink.push(
                Diagnostic::error(codes::THAN, message, written.place.clone())
                    .help("add than = \"baseline\" or than = \"control\", or drop the sign for a level"),
            );
            None
        }
        (Some(than), None) => {
            let message = format!("`{literal}` is a level, and `than` compares with a change");
            sink.push(
                Diagnostic::error(codes::THAN, message, written.place.clone())
                    .also(than.place.clone(), "compared with this")
                    .help("give the bound a sign, as \"+10%\", or drop `than`"),
            );
            None
        }
        (Some(than), Some(_)) => change(&literal, written, than.value, unit, sink),
    }
}

/// `"+10%"` is a fraction of the comparison whatever the metric's unit; any other signed quantity is a difference.
fn change(literal: &Literal, written: &At<Written>, than: Than, unit: Unit, sink: &mut Sink) -> Option<Limit> {
    if let Some(fraction) = literal.as_fraction() {
        return Some(Limit::Relative { than, fraction });
    }
    Some(Limit::Difference { than, delta: quantity::in_unit(literal, written, unit, sink)? })
}

/// The outer option is none when the floor is broken.
#[allow(clippy::option_option, reason = "broken, absent and present are three answers")]
fn floor(
    raw: &RawCheck,
    side: Side,
    limit: &Limit,
    metric: &CheckedMetric<'_>,
    sink: &mut Sink,
) -> Option<Option<Floor>> {
    let Some((word, written)) = raw.floors.first() else { return Some(None) };
    let same_side = matches!((word, side), (BoundWord::Above, Side::Above) | (BoundWord::Below, Side::Below));
    if raw.floors.len() > 1 || !same_side {
        let message = format!("the floor of `{}` is not on the side of its bound", raw.id.value);
        sink.push(
            Diagnostic::error(codes::CONFLICTING_KEYS, message, written.place.clone())
                .help("and_above goes with above, and_below with below"),
        );
        return None;
    }
    let literal = quantity::literal(written, sink)?;
    if literal.sign.is_some() && literal.as_fraction().is_some() {
        let message = format!("the floor `{literal}` is relative, and a floor is a level or a difference");
        sink.push(Diagnostic::error(codes::UNIT_MISMATCH, message, written.place.clone()).help(format!(
            "write it in {}, as \"+1{}\"",
            metric.metric.unit,
            quantity::suffix(metric.metric.unit)
        )));
        return None;
    }
    let value = quantity::in_unit(&literal, written, metric.metric.unit, sink)?;
    match (literal.sign, limit.than()) {
        (Some(_), None) => {
            let message =
                format!("the floor `{literal}` is a difference, and `{}` compares with nothing", raw.id.value);
            sink.push(
                Diagnostic::error(codes::THAN, message, written.place.clone()).help("add than, or drop the sign"),
            );
            None
        }
        (Some(_), Some(_)) => Some(Some(Floor::Difference(value))),
        (None, _) => Some(Some(Floor::Level(value))),
    }
}

fn never(raw: &RawCheck, place: &Place, why: &str, always: bool, sink: &mut Sink) {
    let gate = raw.kind == RawKind::Gate;
    let outcome = match (gate, always) {
        (false, false) => "can never fire",
        (false, true) => "always fires",
        (true, false) => "is always open",
        (true, true) => "can never open",
    };
    sink.push(
        Diagnostic::error(codes::CANNOT_FIRE, format!("`{}` {outcome}: {why}", raw.id.value), place.clone())
            .help("move the bound inside; bounds are strict, so exactly at the bound is not a breach"),
    );
}

/// A level outside what the metric can read fires never or always; either way somebody meant something else.
fn reachable(
    raw: &RawCheck,
    side: Side,
    level: f64,
    written: &At<Written>,
    metric: &CheckedMetric<'_>,
    sink: &mut Sink,
) {
    let Some(range) = metric.metric.range else { return };
    let unit = metric.metric.unit;
    let why = format!("`{}` lies between {} and {}", metric.raw.name.value, unit.show(range.lo), unit.show(range.hi));
    match side {
        Side::Above if level >= range.hi => never(raw, &written.place, &why, false, sink),
        Side::Below if level <= range.lo => never(raw, &written.place, &why, false, sink),
        Side::Above if level < range.lo => never(raw, &written.place, &why, true, sink),
        Side::Below if level > range.hi => never(raw, &written.place, &why, true, sink),
        _ => {}
    }
}

/// A change in the good direction fires on a healthy rollout; a fall by all of it or more cannot happen.
fn relative_reachable(raw: &RawCheck, side: Side, limit: Limit, written: &At<Written>, sink: &mut Sink) {
    if raw.kind == RawKind::Gate {
        return;
    }
    let change = match limit {
        Limit::Relative { fraction, .. } => fraction,
        Limit::Difference { delta, .. } => delta,
        Limit::Absolute(_) => return,
    };
    let wrong_sign = (side == Side::Above && change < 0.0) || (side == Side::Below && change > 0.0);
    if wrong_sign {
        never(raw, &written.place, "a value equal to its comparison is a breach already", true, sink);
    } else if side == Side::Below && matches!(limit, Limit::Relative { fraction, .. } if fraction <= -1.0) {
        never(raw, &written.place, "nothing falls by more than all of it", false, sink);
    }
}

//! `[thresholds]`, `[triggers]` and `[gates]`.

use crate::model::severity::Severity;
use crate::policy::codes;
use crate::policy::compiled::Than;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::sink::Sink;
use crate::policy::tree::{Entry, Node, Value};

use super::fields::{At, Fields, wrong_type};
use super::metrics::GROUPS;
use super::{BoundWord, RawCheck, RawKind, allow};

/// What a trigger or a gate looks at.
const SUBJECTS: [&str; 2] = ["metric", "script"];
const SEVERITIES: [(&str, Severity); 3] = [("p0", Severity::P0), ("p1", Severity::P1), ("p2", Severity::P2)];

/// All of `[thresholds.METRIC]`.
pub(crate) fn thresholds(table: &Entry, sink: &mut Sink) -> Vec<RawCheck> {
    let Value::Table(metrics) = &table.node.value else {
        wrong_type(sink, &table.node.place, "thresholds", "a table", &table.node.value);
        return Vec::new();
    };
    let mut checks = Vec::new();
    for metric in &metrics.entries {
        let Value::Table(levels) = &metric.node.value else {
            wrong_type(sink, &metric.node.place, &format!("thresholds.{}", metric.key), "a table", &metric.node.value);
            continue;
        };
        for level in &levels.entries {
            let Some(severity) = severity(level, sink) else { continue };
            let name = At::new(metric.key.clone(), metric.key_place.clone());
            checks.extend(level_bounds(&name, severity, level, sink));
        }
    }
    checks
}

fn severity(level: &Entry, sink: &mut Sink) -> Option<Severity> {
    let found = SEVERITIES.iter().find(|(key, _)| *key == level.key).map(|(_, severity)| *severity);
    if found.is_none() {
        let message = format!("unknown severity `{}`", level.key);
        let mut diagnostic = Diagnostic::error(codes::UNKNOWN_SEVERITY, message, level.key_place.clone());
        // Levels differ by one digit, so only the case of the letter is safe to guess.
        if let Some((meant, _)) = SEVERITIES.iter().find(|(key, _)| key.eq_ignore_ascii_case(&level.key)) {
            diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
            sink.mend(&level.key_place, *meant, format!("`{}` renamed `{meant}`", level.key));
        }
        sink.push(diagnostic.help("severities are p0 (worst), p1 and p2"));
    }
    found
}

fn level_bounds(metric: &At<String>, severity: Severity, level: &Entry, sink: &mut Sink) -> Vec<RawCheck> {
    let id = format!("{}.{}", metric.value, severity.key());
    let nodes: Vec<(usize, &Node)> = match &level.node.value {
        Value::List(items) => items.iter().enumerate().map(|(at, node)| (at + 1, node)).collect(),
        _ => vec![(1, &level.node)],
    };
    let one = |(nth, node): (usize, &Node), sink: &mut Sink| {
        let id = if nth == 1 { id.clone() } else { format!("{id}.{nth}") };
        let place = if nth == 1 { level.key_place.clone() } else { node.place.clone() };
        let mut fields = Fields::of(node, &place, format!("threshold `{id}`"), sink)?;
        let mut check = condition(&mut fields, RawKind::Threshold { severity, nth }, At::new(id, place.clone()), sink);
        check.metric = Some(metric.clone());
        fields.finish(sink);
        Some(check)
    };
    nodes.into_iter().filter_map(|item| one(item, sink)).collect()
}

/// One trigger.
pub(crate) fn trigger(entry: &Entry, sink: &mut Sink) -> Option<RawCheck> {
    let id = At::new(entry.key.clone(), entry.key_place.clone());
    let mut fields = Fields::of(&entry.node, &entry.key_place, format!("trigger `{}`", entry.key), sink)?;
    let before = sink.errors();
    let (metric, script) = (fields.text("metric", sink), fields.text("script", sink));
    let severity = fields.word("severity", &SEVERITIES, sink);
    let mut broken = sink.errors() > before;
    let check = condition(&mut fields, RawKind::Trigger, id, sink);
    broken |= metric.is_none() && script.is_none() && fields.misspells(&SUBJECTS);
    fields.finish(sink);
    Some(RawCheck { metric, script, severity, broken: broken || check.broken, ..check })
}

/// One gate.
pub(crate) fn gate(entry: &Entry, sink: &mut Sink) -> Option<RawCheck> {
    let id = At::new(entry.key.clone(), entry.key_place.clone());
    let mut fields = Fields::of(&entry.node, &entry.key_place, format!("gate `{}`", entry.key), sink)?;
    let before = sink.errors();
    let (metric, script) = (fields.text("metric", sink), fields.text("script", sink));
    let bounds = quantities(&mut fields, [("at_least", BoundWord::AtLeast), ("at_most", BoundWord::AtMost)], sink);
    let mut check = RawCheck {
        bounds,
        metric,
        script,
        is: fields.word("is", &[("ok", false), ("failed", true)], sink),
        than: than(&mut fields, sink),
        window: fields.window("for", sink),
        group: fields.word("group", &GROUPS, sink),
        shadow: fields.flag("shadow", sink).is_some_and(|flag| flag.value),
        ..blank(RawKind::Gate, id)
    };
    check.broken = sink.errors() > before;
    check.allow = allow(&mut fields, sink);
    check.broken |= check.bounds.is_empty() && fields.misspells(&["at_least", "at_most"]);
    check.broken |= check.metric.is_none() && check.script.is_none() && fields.misspells(&SUBJECTS);
    fields.finish(sink);
    Some(check)
}

/// The keys that thresholds and triggers share.
fn condition(fields: &mut Fields<'_>, kind: RawKind, id: At<String>, sink: &mut Sink) -> RawCheck {
    let before = sink.errors();
    let mut check = RawCheck {
        is: fields.word("is", &[("ok", false), ("failed", true)], sink),
        bounds: quantities(fields, [("above", BoundWord::Above), ("below", BoundWord::Below)], sink),
        than: than(fields, sink),
        floors: quantities(fields, [("and_above", BoundWord::Above), ("and_below", BoundWord::Below)], sink),
        window: fields.window("for", sink),
        clear: fields.window("clear_after", sink),
        group: fields.word("group", &GROUPS, sink),
        stages: fields.texts("in", sink),
        shadow: fields.flag("shadow", sink).is_some_and(|flag| flag.value),
        unless_control: fields.flag("unless_control", sink),
        target: fields.text("target", sink),
        ..blank(kind, id)
    };
    check.broken = sink.errors() > before;
    check.allow = allow(fields, sink);
    check.broken |= check.bounds.is_empty() && fields.misspells(&["above", "below"]);
    check
}

fn than(fields: &mut Fields<'_>, sink: &mut Sink) -> Option<At<Than>> {
    fields.word("than", &[("baseline", Than::Baseline), ("control", Than::Control)], sink)
}

fn quantities(
    fields: &mut Fields<'_>,
    words: [(&'static str, BoundWord); 2],
    sink: &mut Sink,
) -> Vec<(BoundWord, At<super::Written>)> {
    words.into_iter().filter_map(|(key, word)| Some((word, fields.quantity(key, sink)?))).collect()
}

fn blank(kind: RawKind, id: At<String>) -> RawCheck {
    RawCheck {
        kind,
        id,
        metric: None,
        script: None,
        bounds: Vec::new(),
        is: None,
        than: None,
        floors: Vec::new(),
        window: None,
        clear: None,
        group: None,
        stages: None,
        severity: None,
        shadow: false,
        unless_control: None,
        target: None,
        allow: Vec::new(),
        broken: false,
    }
}

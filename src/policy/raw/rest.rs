//! The small tables: `[severities]`, `[baseline]`, `[params]`, `[freeze]`, `[objectives]`.

use crate::model::severity::Response;
use crate::model::time::Time;
use crate::policy::codes;
use crate::policy::compiled::Objective;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::sink::Sink;
use crate::policy::tree::{Entry, Node, Value};

use super::fields::{self, At, Fields, word, wrong_type};
use super::{RawBaseline, RawFreeze, RawParam, RawSeverity, allow};

/// `[severities]`.
pub(crate) fn severities(entry: &Entry, sink: &mut Sink) -> [RawSeverity; 3] {
    let Some(mut fields) = Fields::of(&entry.node, &entry.key_place, "[severities]", sink) else {
        return Default::default();
    };
    let levels = ["p0", "p1", "p2"].map(|key| severity(&mut fields, key, sink).unwrap_or_default());
    fields.finish(sink);
    levels
}

fn severity(fields: &mut Fields<'_>, key: &'static str, sink: &mut Sink) -> Option<RawSeverity> {
    let entry = fields.get(key)?;
    let mut inner = Fields::of(&entry.node, &entry.key_place, format!("severity `{key}`"), sink)?;
    let answers = [("rollback", Response::Rollback), ("hold", Response::Hold), ("warn", Response::Warn)];
    let level = RawSeverity {
        then: inner.word("then", &answers, sink),
        notify: inner.texts("notify", sink),
        allow: allow(&mut inner, sink),
    };
    inner.finish(sink);
    Some(level)
}

/// `[baseline]`.
pub(crate) fn baseline(entry: &Entry, sink: &mut Sink) -> RawBaseline {
    let Some(mut fields) = Fields::of(&entry.node, &entry.key_place, "[baseline]", sink) else {
        return RawBaseline::default();
    };
    let baseline = RawBaseline {
        window: fields.duration("window", sink),
        min_points: fields.whole("min_points", 1, sink),
        max_age: fields.duration("max_age", sink),
        drift: fields.quantity("drift", sink),
        allow: allow(&mut fields, sink),
    };
    fields.finish(sink);
    baseline
}

/// One param.
pub(crate) fn param(entry: &Entry, sink: &mut Sink) -> Option<RawParam> {
    let value = fields::quantity(&entry.node, &entry.key, sink)?;
    Some(RawParam { name: At::new(entry.key.clone(), entry.key_place.clone()), value })
}

/// `[objectives]`: free text for people; only its shape is checked.
pub(crate) fn objectives(entry: &Entry, sink: &mut Sink) -> Vec<Objective> {
    let Value::Table(table) = &entry.node.value else {
        wrong_type(sink, &entry.node.place, "objectives", "a table", &entry.node.value);
        return Vec::new();
    };
    let mut read = |objective: &Entry| {
        let text = fields::text(&objective.node, &objective.key, sink)?;
        Some(Objective { name: objective.key.clone(), text: text.value })
    };
    table.entries.iter().filter_map(&mut read).collect()
}

/// `[freeze]`.
pub(crate) fn freezes(entry: &Entry, sink: &mut Sink) -> Vec<RawFreeze> {
    let Some(mut fields) = Fields::of(&entry.node, &entry.key_place, "[freeze]", sink) else { return Vec::new() };
    let windows = match fields.get("windows").map(|entry| &entry.node) {
        Some(Node { value: Value::List(items), .. }) => items.iter().filter_map(|item| freeze(item, sink)).collect(),
        Some(other) => {
            wrong_type(sink, &other.place, "windows", "a list of tables", &other.value);
            Vec::new()
        }
        None => Vec::new(),
    };
    fields.finish(sink);
    windows
}

fn freeze(node: &Node, sink: &mut Sink) -> Option<RawFreeze> {
    let mut fields = Fields::of(node, &node.place, "a freeze window", sink)?;
    let days = fields.texts("days", sink);
    let from = fields.required("from", "say when it starts", sink).map(|entry| &entry.node);
    let to = fields.required("to", "say when it ends", sink).map(|entry| &entry.node);
    let note = fields.text("note", sink).map(|note| note.value).unwrap_or_default();
    let read = match days {
        Some(days) => {
            let zone = fields
                .required("zone", "say whose time of day it is: zone = \"Europe/Berlin\"", sink)
                .and_then(|entry| zone(&entry.node, sink));
            let days = weekdays(days, sink);
            let (from, to) = (from.and_then(|at| clock(at, sink)), to.and_then(|at| clock(at, sink)));
            weekly(days, from, to, zone, note)
        }
        None => {
            let (from, to) = (from.and_then(|at| instant(at, sink)), to.and_then(|at| instant(at, sink)));
            range(from, to, note, sink)
        }
    };
    fields.finish(sink);
    read
}

fn weekly(
    days: [bool; 7],
    from: Option<jiff::civil::Time>,
    to: Option<jiff::civil::Time>,
    zone: Option<jiff::tz::TimeZone>,
    note: String,
) -> Option<RawFreeze> {
    Some(RawFreeze::Weekly { days, from: from?, to: to?, zone: zone?, note })
}

fn range(from: Option<At<Time>>, to: Option<At<Time>>, note: String, sink: &mut Sink) -> Option<RawFreeze> {
    let (from, to) = (from?, to?);
    if to.value <= from.value {
        sink.push(
            Diagnostic::error(codes::BAD_TIME, "a freeze window ends before it starts", to.place.clone())
                .also(from.place.clone(), "it starts here"),
        );
        return None;
    }
    Some(RawFreeze::Range { from, to, note })
}

fn weekdays(days: Vec<At<String>>, sink: &mut Sink) -> [bool; 7] {
    let words = [("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)];
    let mut set = [false; 7];
    for day in days {
        if let Some(at) = word(day, "days", &words, sink) {
            set.iter_mut().skip(at.value).take(1).for_each(|slot| *slot = true);
        }
    }
    set
}

fn bad_time(sink: &mut Sink, place: &Place, message: String, help: &str) {
    sink.push(Diagnostic::error(codes::BAD_TIME, message, place.clone()).help(help));
}

fn instant(node: &Node, sink: &mut Sink) -> Option<At<Time>> {
    let text = match &node.value {
        Value::Text(text) | Value::Date(text) => text,
        other => {
            wrong_type(sink, &node.place, "from and to", "a time", other);
            return None;
        }
    };
    match Time::parse(text) {
        Ok(time) => Some(At::new(time, node.place.clone())),
        Err(_) => {
            let help = "write it as \"2026-12-24T00:00:00Z\"; for a weekly window add days and zone";
            bad_time(sink, &node.place, format!("`{text}` is not a time"), help);
            None
        }
    }
}

fn clock(node: &Node, sink: &mut Sink) -> Option<jiff::civil::Time> {
    let text = match &node.value {
        Value::Text(text) | Value::Date(text) => text.as_str(),
        other => {
            wrong_type(sink, &node.place, "from and to", "a time of day", other);
            return None;
        }
    };
    // "24:00" is the midnight after; a window whose end is not after its start runs past midnight.
    let read = if text == "24:00" { "00:00" } else { text };
    match read.parse() {
        Ok(time) => Some(time),
        Err(_) => {
            bad_time(sink, &node.place, format!("`{text}` is not a time of day"), "write it as \"16:00\"");
            None
        }
    }
}

fn zone(node: &Node, sink: &mut Sink) -> Option<jiff::tz::TimeZone> {
    let name = fields::text(node, "zone", sink)?;
    match jiff::tz::TimeZone::get(&name.value) {
        Ok(zone) => Some(zone),
        Err(_) => {
            let help = "use a name of the tz database: \"Europe/Berlin\", \"America/New_York\", \"UTC\"";
            bad_time(sink, &name.place, format!("unknown time zone `{}`", name.value), help);
            None
        }
    }
}

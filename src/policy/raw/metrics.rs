//! `[metrics]`: what is measured, and what silence means.

use crate::model::frame::{Group, Kind};
use crate::model::units::{Better, Unit};
use crate::policy::codes;
use crate::policy::compiled::OnUnknown;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::sink::Sink;
use crate::policy::tree::{Entry, Value};

use super::fields::{self, At, Fields, Written, word, wrong_type};
use super::{RawMetric, allow};

pub(crate) const GROUPS: [(&str, Group); 3] =
    [("treatment", Group::Treatment), ("control", Group::Control), ("all", Group::All)];

/// One metric.
pub(crate) fn metric(entry: &Entry, sink: &mut Sink) -> Option<RawMetric> {
    let name = At::new(entry.key.clone(), entry.key_place.clone());
    let mut fields = Fields::of(&entry.node, &entry.key_place, format!("metric `{}`", entry.key), sink)?;
    let units = Unit::ALL.map(|unit| (unit.name(), unit));
    let unit = required_word(&mut fields, "unit", &units, "every number carries its unit: unit = \"percent\"", sink);
    let better = [("higher", Better::Higher), ("lower", Better::Lower)];
    let better = required_word(&mut fields, "better", &better, "say which way is good: better = \"lower\"", sink);
    let max_age = fields
        .required("max_age", "say how old is too old: max_age = \"90s\"", sink)
        .and_then(|entry| fields::duration(&entry.node, "max_age", sink));
    let answers = [("hold", OnUnknown::Hold), ("rollback", OnUnknown::Rollback)];
    let on_unknown =
        required_word(&mut fields, "on_unknown", &answers, "say what silence means: on_unknown = \"hold\"", sink);
    let metric = RawMetric {
        name,
        unit,
        better,
        max_age,
        on_unknown,
        min_samples: fields.whole("min_samples", 0, sink),
        range: range(&mut fields, sink),
        kind: fields
            .word("kind", &[("gauge", Kind::Gauge), ("counter", Kind::Counter)], sink)
            .map_or(Kind::Gauge, |kind| kind.value),
        group: fields.word("group", &GROUPS, sink),
        unknown_after: fields.duration("unknown_after", sink),
        stuck_after: fields.duration("stuck_after", sink),
        allow: allow(&mut fields, sink),
    };
    fields.finish(sink);
    Some(metric)
}

fn required_word<T: Copy>(
    fields: &mut Fields<'_>,
    key: &'static str,
    words: &[(&str, T)],
    help: &str,
    sink: &mut Sink,
) -> Option<At<T>> {
    let entry = fields.required(key, help, sink)?;
    let text = fields::text(&entry.node, key, sink)?;
    word(text, key, words, sink)
}

fn range(fields: &mut Fields<'_>, sink: &mut Sink) -> Option<At<(At<Written>, At<Written>)>> {
    let node = &fields.get("range")?.node;
    let Value::List(items) = &node.value else {
        wrong_type(sink, &node.place, "range", "a pair such as [\"0%\", \"100%\"]", &node.value);
        return None;
    };
    let [lo, hi] = items.as_slice() else {
        let message = format!("`range` has {} ends, and two are due", items.len());
        sink.push(Diagnostic::error(codes::OUT_OF_RANGE, message, node.place.clone()));
        return None;
    };
    let (lo, hi) = (fields::quantity(lo, "range", sink), fields::quantity(hi, "range", sink));
    Some(At::new((lo?, hi?), node.place.clone()))
}

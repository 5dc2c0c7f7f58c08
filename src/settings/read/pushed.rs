//! Sources that others push to: which series and which alerts are which metrics of the policy.

use crate::model::frame::Group;
use crate::model::ids::MetricName;
use crate::policy::codes as shared;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::fields::{Fields, text, wrong_type};
use crate::policy::tree::{Table, Value};

use super::super::codes;
use super::super::sources::{
    AlertSettings, AlertmanagerSettings, GroupBy, Matching, OtlpMetric, OtlpSettings, OtlpTake, PlaceSettings,
};
use super::queries::{GROUPS, groups};
use super::{Entry, Reader};

pub(super) fn otlp(fields: &mut Fields<'_>, place: &Place, r: &mut Reader<'_>) -> Option<OtlpSettings> {
    let where_from = place_of(fields, "group_attribute", "region_attribute", r);
    let help = "say which series is which metric: metrics = { error_rate = \"http.server.errors\" }";
    let table = named(fields, "metrics", place, help, r)?;
    let metrics = table.entries.iter().filter_map(|entry| otlp_metric(entry, r)).collect();
    Some(OtlpSettings { metrics, place: where_from })
}

fn otlp_metric(entry: &Entry, r: &mut Reader<'_>) -> Option<OtlpMetric> {
    let metric = MetricName::new(&entry.key);
    if let Value::Text(_) = entry.node.value {
        let from = text(&entry.node, &entry.key, r.sink).and_then(|from| r.not_empty(from, &entry.key))?.value;
        return Some(OtlpMetric { metric, from, take: OtlpTake::Value, factor: 1.0, matching: Vec::new() });
    }
    let mut fields = Fields::of(&entry.node, &entry.key_place, format!("the metric `{}`", entry.key), r.sink)?;
    let from = r.filled(&mut fields, "from");
    let take = take(&mut fields, r);
    let factor = factor(&mut fields, r);
    let matching = fields.get("where").map(|entry| matching(entry, r)).unwrap_or_default();
    let has_from = fields.required("from", "name the instrument: from = \"http.server.request.duration\"", r.sink);
    fields.finish(r.sink);
    has_from?;
    Some(OtlpMetric { metric, from: from?.value, take: take?, factor: factor?, matching })
}

/// `value`, `count`, `sum`, or a percentile: `p95`, `p99.9`.
fn take(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<OtlpTake> {
    let Some(found) = fields.get("take") else { return Some(OtlpTake::Value) };
    let found = text(&found.node, "take", r.sink)?;
    let percentile = found.value.strip_prefix('p').and_then(|percent| percent.parse::<f64>().ok());
    let take = match (found.value.as_str(), percentile) {
        ("value", _) => Some(OtlpTake::Value),
        ("count", _) => Some(OtlpTake::Count),
        ("sum", _) => Some(OtlpTake::Sum),
        (_, Some(percent)) if percent > 0.0 && percent < 100.0 => Some(OtlpTake::Quantile(percent / 100.0)),
        _ => None,
    };
    if take.is_none() {
        let message = format!("`take` cannot be `{}`", found.value);
        r.sink.push(
            Diagnostic::error(shared::UNKNOWN_WORD, message, found.place)
                .help("one of: value, count, sum, or a percentile of a histogram such as p95"),
        );
    }
    take
}

fn factor(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<f64> {
    let Some(entry) = fields.get("factor") else { return Some(1.0) };
    #[expect(clippy::cast_precision_loss, reason = "a factor is a short number")]
    let factor = match &entry.node.value {
        Value::Integer(whole) => *whole as f64,
        Value::Float(number) => *number,
        other => {
            wrong_type(r.sink, &entry.node.place, "factor", "a number", other);
            return None;
        }
    };
    if factor.is_finite() && factor != 0.0 {
        return Some(factor);
    }
    let message = format!("`factor` cannot be {factor}");
    r.sink.push(
        Diagnostic::error(shared::OUT_OF_RANGE, message, entry.node.place.clone())
            .help("what one unit there is in the policy's unit: 1000 from seconds to milliseconds"),
    );
    None
}

pub(super) fn alertmanager(fields: &mut Fields<'_>, place: &Place, r: &mut Reader<'_>) -> Option<AlertmanagerSettings> {
    let where_from = place_of(fields, "group_label", "region_label", r);
    let help = "say which alert is which state: alerts = { health = \"CheckoutDown\" }";
    let table = named(fields, "alerts", place, help, r)?;
    let alerts = table.entries.iter().filter_map(|entry| alert(entry, r)).collect();
    Some(AlertmanagerSettings { alerts, place: where_from })
}

fn alert(entry: &Entry, r: &mut Reader<'_>) -> Option<AlertSettings> {
    let metric = MetricName::new(&entry.key);
    if let Value::Text(_) = entry.node.value {
        let alert = text(&entry.node, &entry.key, r.sink).and_then(|alert| r.not_empty(alert, &entry.key))?.value;
        return Some(AlertSettings { metric, alert, matching: Vec::new(), fires_when_ok: false });
    }
    let mut fields = Fields::of(&entry.node, &entry.key_place, format!("the state `{}`", entry.key), r.sink)?;
    let alert = r.filled(&mut fields, "alert");
    let matching = fields.get("where").map(|entry| matching(entry, r)).unwrap_or_default();
    let fires = fields.word("fires_when", &[("failed", false), ("ok", true)], r.sink);
    let has_alert = fields.required("alert", "name the alert: alert = \"CheckoutDown\"", r.sink);
    fields.finish(r.sink);
    has_alert?;
    let fires_when_ok = fires.is_some_and(|fires| fires.value);
    Some(AlertSettings { metric, alert: alert?.value, matching, fires_when_ok })
}

/// The table under `key`, by metric of the policy; a source without one gives nothing.
fn named<'a>(
    fields: &mut Fields<'a>,
    key: &'static str,
    place: &Place,
    help: &str,
    r: &mut Reader<'_>,
) -> Option<&'a Table> {
    let Some(entry) = fields.get(key) else {
        let message = format!("the source has no `{key}`: nothing would be read");
        r.sink.push(Diagnostic::error(codes::NOTHING_ASKED, message, place.clone()).help(help));
        return None;
    };
    let Value::Table(table) = &entry.node.value else {
        wrong_type(r.sink, &entry.node.place, key, "a table by metric of the policy", &entry.node.value);
        return None;
    };
    if table.entries.is_empty() {
        let message = format!("`{key}` is empty: nothing would be read");
        r.sink.push(Diagnostic::error(codes::NOTHING_ASKED, message, entry.key_place.clone()).help(help));
    }
    Some(table)
}

/// `group = "treatment"`, or the label that names it; the treatment when nothing is said, as checks read it.
fn place_of(
    fields: &mut Fields<'_>,
    group_key: &'static str,
    region_key: &'static str,
    r: &mut Reader<'_>,
) -> PlaceSettings {
    let always_at = fields.get("group").map(|entry| entry.key_place.clone());
    let always = fields.word("group", &GROUPS, r.sink);
    let label = r.filled(fields, group_key);
    let words = groups(fields, r);
    if let (Some(place), Some(_)) = (always_at, &label) {
        let message = format!("`group` says which group it always is, and `{group_key}` that a label does");
        r.sink.push(Diagnostic::error(codes::EXCLUSIVE, message, place).help("keep one of them"));
    }
    let group = match label {
        Some(label) => GroupBy::Label { label: label.value, words },
        None => GroupBy::Always(always.map_or(Group::Treatment, |group| group.value)),
    };
    let fixed = fields.get("region").is_some();
    let region_label = r.filled(fields, region_key);
    if let (true, Some(label)) = (fixed, &region_label) {
        let message = format!("`region` says which region it always is, and `{region_key}` that a label does");
        r.sink.push(Diagnostic::error(codes::EXCLUSIVE, message, label.place.clone()).help("keep one of them"));
    }
    PlaceSettings { group, region_label: region_label.map(|label| label.value) }
}

/// `where = { service = "checkout", zone = ["a", "b"] }`.
fn matching(entry: &Entry, r: &mut Reader<'_>) -> Vec<Matching> {
    let Value::Table(table) = &entry.node.value else {
        wrong_type(r.sink, &entry.node.place, "where", "a table of labels to values", &entry.node.value);
        return Vec::new();
    };
    let each = table.entries.iter().filter_map(|entry| {
        let one_of: Vec<String> = match &entry.node.value {
            Value::List(_) => r.listed(entry, &entry.key)?.into_iter().map(|value| value.value).collect(),
            _ => vec![text(&entry.node, &entry.key, r.sink)?.value],
        };
        if one_of.is_empty() {
            let message = format!("`{}` is empty: nothing would match", entry.key);
            r.sink.push(Diagnostic::error(shared::EMPTY, message, entry.node.place.clone()));
        }
        Some(Matching { label: entry.key.clone(), one_of })
    });
    each.collect()
}

//! `[telemetry]`: the collector that traces go to.

use crate::policy::codes as shared;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::raw::fields::{Fields, text, wrong_type};
use crate::policy::tree::Value;

use super::super::codes;
use super::super::values::TelemetrySettings;
use super::sources::{HTTP, headers};
use super::{Entry, Reader};

pub(super) fn telemetry(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<TelemetrySettings> {
    let help = "say where the collector takes OTLP over HTTP: otlp = \"http://127.0.0.1:4318\"";
    let otlp = fields.required("otlp", help, r.sink).and_then(|entry| r.url(entry, "otlp", &HTTP));
    let ca = r.path(fields, "ca");
    let headers = fields.get("headers").map(|entry| headers(entry, r)).unwrap_or_default();
    let service = r.filled(fields, "service").map_or_else(|| "rollgate".to_owned(), |service| service.value);
    let attributes = fields.get("attributes").map(|entry| attributes(entry, r)).unwrap_or_default();
    let share = share(fields, r).unwrap_or(1.0);
    let logs = fields.flag("logs", r.sink).is_some_and(|logs| logs.value);
    Some(TelemetrySettings { otlp: otlp?, ca, headers, service, attributes, share, logs })
}

/// What describes the service: names to texts.
fn attributes(entry: &Entry, r: &mut Reader<'_>) -> Vec<(String, String)> {
    let Value::Table(table) = &entry.node.value else {
        wrong_type(r.sink, &entry.node.place, "attributes", "a table of names to texts", &entry.node.value);
        return Vec::new();
    };
    let each = table.entries.iter().filter_map(|entry| {
        if entry.key.trim().is_empty() {
            r.sink.push(Diagnostic::error(shared::BAD_NAME, "an attribute has no name", entry.key_place.clone()));
            return None;
        }
        Some((entry.key.clone(), text(&entry.node, &entry.key, r.sink)?.value))
    });
    each.collect()
}

/// A percentage, as a share of one.
fn share(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<f64> {
    let help = "write it as \"10%\"";
    let entry = fields.get("sample")?;
    if let Value::Integer(_) | Value::Float(_) = entry.node.value {
        let message = "`sample` is a number without a unit";
        r.sink.push(Diagnostic::error(shared::UNIT_MISSING, message, entry.node.place.clone()).help(help));
        return None;
    }
    let found = text(&entry.node, "sample", r.sink)?;
    let percent = found.value.strip_suffix('%').and_then(|percent| percent.trim().parse::<f64>().ok());
    let share = percent.filter(|percent| (0.0..=100.0).contains(percent)).map(|percent| percent / 100.0);
    if share.is_none() {
        let message = format!("`{}` is not a share of the traces", found.value);
        r.sink.push(Diagnostic::error(codes::AMOUNT, message, found.place).help(help));
    }
    share
}

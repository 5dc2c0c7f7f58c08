//! From spans and log lines to the messages of OTLP.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource as WireResource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode,
};
use prost::Message as _;

use crate::daemon::logs::Line;
use crate::daemon::traces::{Ended, Kind, Value};

/// What describes this process, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::daemon) struct Resource(pub(in crate::daemon::otlp) Vec<(String, String)>);

/// Spans as a body of `/v1/traces`.
pub(super) fn traces(resource: &Resource, spans: &[Ended]) -> Vec<u8> {
    let scope_spans =
        vec![ScopeSpans { scope: Some(scope()), spans: spans.iter().map(span).collect(), schema_url: String::new() }];
    let of_resource = ResourceSpans { resource: Some(described(resource)), scope_spans, schema_url: String::new() };
    ExportTraceServiceRequest { resource_spans: vec![of_resource] }.encode_to_vec()
}

/// Log lines as a body of `/v1/logs`.
pub(super) fn logs(resource: &Resource, lines: &[Line]) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs {
        scope: Some(scope()),
        log_records: lines.iter().map(record).collect(),
        schema_url: String::new(),
    }];
    let of_resource = ResourceLogs { resource: Some(described(resource)), scope_logs, schema_url: String::new() };
    ExportLogsServiceRequest { resource_logs: vec![of_resource] }.encode_to_vec()
}

fn span(ended: &Ended) -> Span {
    Span {
        trace_id: ended.context.trace.to_vec(),
        span_id: ended.context.span.to_vec(),
        parent_span_id: ended.parent.map_or_else(Vec::new, |parent| parent.to_vec()),
        flags: u32::from(ended.context.sampled),
        name: ended.name.to_string(),
        kind: match ended.kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
        }
        .into(),
        start_time_unix_nano: ended.began,
        end_time_unix_nano: ended.ended,
        attributes: ended.attributes.iter().map(|(name, value)| pair(name, value)).collect(),
        status: ended.failed.as_ref().map(|why| Status { message: why.clone(), code: StatusCode::Error.into() }),
        ..Span::default()
    }
}

fn record(line: &Line) -> LogRecord {
    LogRecord {
        time_unix_nano: line.at,
        observed_time_unix_nano: line.at,
        severity_number: line.level.number(),
        severity_text: line.level.name().to_owned(),
        body: Some(any(&Value::Text(line.text.clone()))),
        attributes: line.fields.iter().map(|(name, value)| pair(name, value)).collect(),
        trace_id: line.trace.map_or_else(Vec::new, |trace| trace.to_vec()),
        span_id: line.span.map_or_else(Vec::new, |span| span.to_vec()),
        ..LogRecord::default()
    }
}

fn scope() -> InstrumentationScope {
    let (name, version) = ("rollgate".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    InstrumentationScope { name, version, ..InstrumentationScope::default() }
}

fn described(resource: &Resource) -> WireResource {
    let attributes = resource.0.iter().map(|(name, value)| pair(name, &Value::Text(value.clone()))).collect();
    WireResource { attributes, ..WireResource::default() }
}

fn pair(name: &str, value: &Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(any(value)), ..KeyValue::default() }
}

fn any(value: &Value) -> AnyValue {
    AnyValue {
        value: Some(match value {
            Value::Text(text) => any_value::Value::StringValue(text.clone()),
            Value::Whole(number) => any_value::Value::IntValue(*number),
            Value::Flag(flag) => any_value::Value::BoolValue(*flag),
        }),
    }
}

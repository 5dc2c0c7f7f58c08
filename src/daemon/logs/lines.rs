//! A copy of each log line for whoever sends them to a collector.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as Around, Layer};

use crate::daemon::traces::{Context, Value};
use crate::shell::clock;

/// A log line.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::daemon) struct Line {
    /// When, in nanoseconds since 1970.
    pub(in crate::daemon) at: u64,
    /// How bad it is.
    pub(in crate::daemon) level: Level,
    /// What it says.
    pub(in crate::daemon) text: String,
    /// And of what.
    pub(in crate::daemon) fields: Vec<(&'static str, Value)>,
    /// The trace it belongs to.
    pub(in crate::daemon) trace: Option<[u8; 16]>,
    /// The span it was said in.
    pub(in crate::daemon) span: Option<[u8; 8]>,
}

/// How bad a line is, as OpenTelemetry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::daemon) struct Level(tracing::Level);

impl Level {
    pub(in crate::daemon) const fn name(self) -> &'static str {
        match self.0 {
            tracing::Level::ERROR => "ERROR",
            tracing::Level::WARN => "WARN",
            tracing::Level::INFO => "INFO",
            tracing::Level::DEBUG => "DEBUG",
            tracing::Level::TRACE => "TRACE",
        }
    }

    pub(in crate::daemon) const fn number(self) -> i32 {
        match self.0 {
            tracing::Level::ERROR => 17,
            tracing::Level::WARN => 13,
            tracing::Level::INFO => 9,
            tracing::Level::DEBUG => 5,
            tracing::Level::TRACE => 1,
        }
    }
}

/// Where copies go.
pub(in crate::daemon) trait Lines: Send + Sync {
    /// Takes a line. Never blocks.
    fn take(&self, line: Line);
}

static SINK: OnceLock<Arc<dyn Lines>> = OnceLock::new();

/// Copies go to `sink` from now on. The first call counts.
pub(in crate::daemon) fn send_to(sink: Arc<dyn Lines>) {
    drop(SINK.set(sink));
}

/// Copies what is logged, once somebody wants it.
pub(super) struct Copies;

impl<S: Subscriber> Layer<S> for Copies {
    fn on_event(&self, event: &Event<'_>, _: Around<'_, S>) {
        let Some(sink) = SINK.get() else { return };
        let mut said = Said::default();
        event.record(&mut said);
        let around = Context::current();
        sink.take(Line {
            at: clock::nanos(),
            level: Level(*event.metadata().level()),
            text: said.text,
            fields: said.fields,
            trace: said.trace.or_else(|| around.map(|context| context.trace)),
            span: around.map(|context| context.span),
        });
    }
}

#[derive(Default)]
struct Said {
    text: String,
    fields: Vec<(&'static str, Value)>,
    trace: Option<[u8; 16]>,
}

impl Said {
    fn take(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text)) => self.text = text,
            // The record has a place of its own for it.
            ("trace_id", Value::Text(trace)) => self.trace = Context::trace_of(&trace),
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, Value::Whole(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, value.into());
    }
}

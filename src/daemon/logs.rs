//! What is logged: one line an event, for people or for programs, to standard error; and to a collector, where the
//! settings ask for that.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::values::{LogFormat, LogSettings};

#[cfg(feature = "otel")]
mod lines;
#[cfg(feature = "otel")]
pub(super) use lines::{Line, Lines, send_to};

/// Logs from here on. The first call counts: a test that opens several controllers in one process keeps the first.
pub fn begin(settings: LogSettings, colour: bool) {
    // What libraries say is of interest only where they complain.
    let filter = EnvFilter::new(format!("warn,rollgate={}", settings.level.as_str()));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Text => install(builder.with_ansi(colour).with_target(false).finish()),
        LogFormat::Json => install(builder.json().flatten_event(true).with_current_span(false).finish()),
    }
}

#[cfg(feature = "otel")]
fn install<S>(subscriber: S)
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
{
    use tracing_subscriber::layer::SubscriberExt as _;
    drop(subscriber.with(lines::Copies).try_init());
}

#[cfg(not(feature = "otel"))]
fn install(subscriber: impl tracing::Subscriber + Send + Sync) {
    drop(subscriber.try_init());
}

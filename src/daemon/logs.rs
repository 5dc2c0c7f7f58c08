//! What is logged: one line an event, for people or for programs, to standard error.

use tracing_subscriber::EnvFilter;

use crate::settings::values::{LogFormat, LogSettings};

/// Logs from here on. The first call counts: a test that opens several controllers in one process keeps the first.
pub fn begin(settings: LogSettings, colour: bool) {
    // What libraries say is of interest only where they complain.
    let filter = EnvFilter::new(format!("warn,rollgate={}", settings.level.as_str()));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match settings.format {
        LogFormat::Text => builder.with_ansi(colour).with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    drop(begun);
}

//! rollgate.toml: defaults, every key, every mistake, and secrets that never show.

#![allow(clippy::disallowed_methods, reason = "it compares with committed files, and writes them when asked to")]
#![allow(missing_docs, reason = "tests say what they are about by name")]

mod bounds;
mod commands;
mod docs;
mod messages;
#[cfg(feature = "live")]
mod resolve;
mod schema;
mod secrets;
mod values;

use rollgate::policy::diagnostic::{Diagnostic, Level};
use rollgate::policy::source::PolicySource;
use rollgate::report::diagnostics::draw;
use rollgate::report::screen::Screen;
use rollgate::settings::{Read, SETTINGS_FILE, Settings, read};

/// Every key there is.
const FULL: &str = include_str!("full.toml");

fn read_text(text: &str) -> Read {
    read("deploy", SETTINGS_FILE, text)
}

/// The settings of a text without a problem.
fn sound(text: &str) -> Settings {
    let read = read_text(text);
    let errors: Vec<&Diagnostic> = read.diagnostics.iter().filter(|found| found.level == Level::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    read.settings.expect("settings without an error")
}

/// The codes of what is wrong, in order of place.
fn codes(text: &str) -> Vec<String> {
    read_text(text).diagnostics.iter().map(|found| found.code.to_string()).collect()
}

/// A problem as it stands on a terminal of 80 columns, without its colours.
fn drawn_plain(found: &Diagnostic, shown: &PolicySource) -> String {
    anstream::adapter::strip_str(&draw(found, shown, Screen::STANDARD)).to_string()
}

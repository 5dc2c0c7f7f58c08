//! GitHub Actions' workflow commands: annotations on the lines of a pull request.
//!
//! GitHub shows ten errors, ten warnings and ten notices of one step and silently drops the rest; the worst come
//! first, and what is dropped is counted in a last notice and listed in the log.

use std::fmt::Write as _;

use crate::report::layout::count;

use super::Report;
use super::item::{Item, Level};
use super::text::{clean, one_line};

/// How many annotations of one level GitHub shows of one step.
const SHOWN: usize = 10;

/// One command per line.
#[must_use]
pub(super) fn write(report: &Report) -> String {
    let mut text = String::new();
    let of = |level: Level| report.items.iter().filter(move |item| item.level == level);
    let overflows = [Level::Error, Level::Warning, Level::Note].into_iter().any(|level| of(level).count() > SHOWN);
    let mut rest: Vec<&Item> = Vec::new();
    for level in [Level::Error, Level::Warning, Level::Note] {
        // The last notice is one of the ten.
        let room = if overflows && level == Level::Note { SHOWN - 1 } else { SHOWN };
        for (at, item) in of(level).enumerate() {
            if at < room {
                let _infallible = writeln!(text, "{}", command(item));
            } else {
                rest.push(item);
            }
        }
    }
    if !rest.is_empty() {
        let lines: Vec<String> = rest.iter().map(|item| harmless(&item.as_line())).collect();
        let more = more(&rest);
        let _infallible = write!(text, "::group::{}\n{}\n::endgroup::\n", data(&more), lines.join("\n"));
        let told = format!("{more}: GitHub shows {SHOWN} of a kind; the log of this step has all of them");
        let _infallible = writeln!(text, "::notice title=rollgate::{}", data(&told));
    }
    // A line of the log, for whoever reads it there; no annotation.
    let _infallible = writeln!(text, "{}", harmless(&report.closing));
    text
}

/// `3 more errors, 20 more warnings`.
fn more(rest: &[&Item]) -> String {
    let of = |level: Level| rest.iter().filter(|item| item.level == level).count();
    let words = [(Level::Error, "more error"), (Level::Warning, "more warning"), (Level::Note, "more note")];
    let words = words.into_iter().filter(|(level, _)| of(*level) > 0).map(|(level, word)| count(of(level), word));
    words.collect::<Vec<_>>().join(", ")
}

fn command(item: &Item) -> String {
    let name = match item.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let mut properties: Vec<(&str, String)> = Vec::new();
    if let Some(place) = &item.place {
        properties.push(("file", place.file.clone()));
        properties.push(("line", place.line.to_string()));
        properties.push(("endLine", place.end_line.to_string()));
        // Columns of a range over several lines are refused.
        if let Some((start, end)) = place.columns.filter(|_| place.line == place.end_line) {
            properties.push(("col", start.characters.to_string()));
            properties.push(("endColumn", end.characters.to_string()));
        }
    }
    let title = if item.title.is_empty() { item.code.clone() } else { format!("{} {}", item.code, item.title) };
    properties.push(("title", title));
    let properties: Vec<String> =
        properties.iter().map(|(key, value)| format!("{key}={}", property(&clean(value)))).collect();
    format!("::{name} {}::{}", properties.join(","), data(&clean(&message(item))))
}

/// The sentence, then a line for each thing that helps.
fn message(item: &Item) -> String {
    let mut lines = vec![item.message.clone()];
    lines.extend(item.related.iter().map(|related| format!("see {}: {}", related.place, related.message)));
    lines.extend(item.help.iter().map(|help| format!("help: {help}")));
    if !item.environments.is_empty() {
        lines.push(format!("only in {}", item.environments.join(", ")));
    }
    lines.join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A line of the log in which the runner finds no command: neither `::name::` at its beginning nor `##[name]` in it.
fn harmless(line: &str) -> String {
    let line = one_line(line).replace("##[", "## [");
    if line.starts_with("::") { format!(". {line}") } else { line }
}

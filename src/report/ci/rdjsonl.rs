//! reviewdog's diagnostic format, one object per line: comments on the lines of any host's pull request.
//!
//! Columns count bytes of UTF-8 from one, and the end of a range is not part of it.

use serde::Serialize;

use super::Report;
use super::item::{Column, Item, Level, Place};
use super::text::clean;

#[derive(Serialize)]
struct Diagnostic<'a> {
    message: String,
    location: Location<'a>,
    severity: &'static str,
    source: Source,
    code: Code<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion<'a>>,
    original_output: String,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

#[derive(Serialize)]
struct Code<'a> {
    value: &'a str,
}

#[derive(Serialize)]
struct Suggestion<'a> {
    range: Range,
    text: &'a str,
}

/// One line per remark.
#[must_use]
pub(super) fn write(report: &Report) -> String {
    let lines = report.items.iter().filter_map(|item| serde_json::to_string(&diagnostic(item)).ok());
    lines.map(|line| line + "\n").collect()
}

fn diagnostic(item: &Item) -> Diagnostic<'_> {
    let mut message = item.message.clone();
    for help in &item.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    if !item.environments.is_empty() {
        message.push_str(&format!("\nonly in {}", item.environments.join(", ")));
    }
    Diagnostic {
        message: clean(&message),
        location: Location {
            path: item.place.as_ref().map_or("", |place| place.file.as_str()),
            range: item.place.as_ref().map(range),
        },
        severity: match item.level {
            Level::Error => "ERROR",
            Level::Warning => "WARNING",
            Level::Note => "INFO",
        },
        source: Source { name: "rollgate" },
        code: Code { value: &item.code },
        suggestions: item.mends.iter().map(|mend| Suggestion { range: range(&mend.place), text: &mend.text }).collect(),
        original_output: clean(&item.as_line()),
    }
}

fn range(place: &Place) -> Range {
    let column = |of: fn(&(Column, Column)) -> Column| place.columns.as_ref().map(|columns| of(columns).bytes);
    Range {
        start: Position { line: place.line, column: column(|(start, _)| *start) },
        end: Position { line: place.end_line, column: column(|(_, end)| *end) },
    }
}

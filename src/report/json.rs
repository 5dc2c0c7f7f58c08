//! Reports for programs: one JSON object that names its shape, so that a reader can refuse a shape it does not know.

use serde::Serialize;

use crate::model::decision::DECISION_SCHEMA;
use crate::policy::codes::Page;
use crate::policy::diagnostic::{Diagnostic, Label};
use crate::policy::source::PolicySource;

use super::diagnostics::path;
use super::position::Position;

/// `{"schema": "rollgate/v1", "kind": "check", ...}`.
#[derive(Debug, Serialize)]
pub struct Envelope<T> {
    schema: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    body: T,
}

impl<T: Serialize> Envelope<T> {
    /// A report of one kind: `check`, `test`, `replay`.
    pub const fn new(kind: &'static str, body: T) -> Envelope<T> {
        Envelope { schema: DECISION_SCHEMA, kind, body }
    }

    /// On one line, for JSON Lines.
    ///
    /// # Errors
    /// The body has something that JSON cannot say.
    pub fn line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// On many lines, for people who read JSON.
    ///
    /// # Errors
    /// The body has something that JSON cannot say.
    pub fn pretty(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// The page of a problem code.
#[derive(Debug, Serialize)]
pub struct CodePage {
    code: String,
    level: crate::policy::diagnostic::Level,
    title: &'static str,
    meaning: &'static str,
    refused: &'static str,
    accepted: &'static str,
    why: &'static str,
}

impl CodePage {
    /// From the page that people read.
    #[must_use]
    pub fn new(page: &Page) -> CodePage {
        CodePage {
            code: page.code.to_string(),
            level: page.level,
            title: page.title,
            meaning: page.meaning,
            refused: page.bad,
            accepted: page.good,
            why: page.why,
        }
    }
}

/// A problem with the line and column that an editor shows.
#[derive(Debug, Serialize)]
pub struct Problem {
    code: String,
    level: crate::policy::diagnostic::Level,
    message: String,
    #[serde(flatten)]
    place: Spot,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Spot>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    help: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environments: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Spot {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
}

impl Problem {
    /// From a diagnostic and the files it speaks of.
    #[must_use]
    pub fn new(diagnostic: &Diagnostic, source: &PolicySource) -> Problem {
        Problem {
            code: diagnostic.code.to_string(),
            level: diagnostic.level,
            message: diagnostic.message.clone(),
            place: spot(&diagnostic.primary, source),
            related: diagnostic.secondary.iter().map(|label| spot(label, source)).collect(),
            help: diagnostic.help.clone(),
            environments: diagnostic.environments.clone(),
        }
    }
}

fn spot(label: &Label, source: &PolicySource) -> Spot {
    let text = source.get(&label.place.file).map_or("", AsRef::as_ref);
    let (start, end) = (Position::of(text, label.place.span.start), Position::of(text, label.place.span.end));
    Spot {
        file: path(source, &label.place.file),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        label: label.text.clone(),
    }
}

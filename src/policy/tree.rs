//! A TOML file as a tree in which every key and every value knows its place.
//!
//! Reading a tree rather than deserialising into structs is what lets one run report every problem of every file: a
//! deserialiser stops at the first.

use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::codes;
use super::diagnostic::{Diagnostic, Place};

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What TOML can say.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// The word for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// Keys and values, in the order in which they stand in the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) node: Node,
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }
}

/// A parsed file: what could be read, what could not, and whether the rest can be trusted to be complete.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    pub(crate) root: Node,
    pub(crate) problems: Vec<Diagnostic>,
}

/// Reads `text` as the file `file`. Syntax errors are reported all together; the tree holds what lies around them.
pub(crate) fn parse(file: &Arc<str>, text: &str) -> Parsed {
    let text_without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    let shift = text.len() - text_without_mark.len();
    let at = |span: Range<usize>| Place { file: Arc::clone(file), span: span.start + shift..span.end + shift };
    let (root, errors) = DeTable::parse_recoverable(text_without_mark);
    let problems = problems(&errors, text_without_mark, &at);
    let root = Node { place: at(0..0), value: Value::Table(table(root.get_ref(), &at)) };
    Parsed { root, problems }
}

/// One problem a line: what the parser says of the rest of a line it could not read follows from the first.
fn problems(errors: &[toml::de::Error], text: &str, at: &dyn Fn(Range<usize>) -> Place) -> Vec<Diagnostic> {
    let mut told: Vec<usize> = Vec::new();
    let mut problems = Vec::new();
    for error in errors {
        let span = seen(text, error.span().unwrap_or(0..0));
        let line = text.get(..span.start).map_or(0, |before| before.matches('\n').count());
        if !told.contains(&line) {
            told.push(line);
            problems.push(syntax_error(error.message(), at(span)));
        }
    }
    problems
}

/// The span with at least one character in it, so that there is something to point at: a value that is missing at the
/// end of a line is pointed at in front of the line break.
fn seen(text: &str, span: Range<usize>) -> Range<usize> {
    if !span.is_empty() {
        return span;
    }
    let wide = |c: &char| !matches!(c, '\n' | '\r');
    let behind = text.get(span.start..).and_then(|rest| rest.chars().next()).filter(wide);
    let before = text.get(..span.start).and_then(|done| done.chars().next_back()).filter(wide);
    match (behind, before) {
        (Some(next), _) => span.start..span.start + next.len_utf8(),
        (None, Some(last)) => span.start - last.len_utf8()..span.start,
        (None, None) => span,
    }
}

fn syntax_error(message: &str, place: Place) -> Diagnostic {
    let message = message.trim_end_matches('.');
    if message.contains("duplicate key") {
        return Diagnostic::error(codes::DUPLICATE, "a key is written twice", place)
            .label("the second one")
            .help("keep one of them; TOML does not say which would win");
    }
    // What the parser says when no value, or a bare word, stands behind the `=`.
    if message.contains("string values must be quoted") {
        return Diagnostic::error(codes::SYNTAX, "not valid TOML: a value is missing or has no quotes", place)
            .help("write texts in quotes, as in stage = \"canary\"");
    }
    Diagnostic::error(codes::SYNTAX, format!("not valid TOML: {message}"), place)
}

fn table(from: &DeTable<'_>, at: &dyn Fn(Range<usize>) -> Place) -> Table {
    let mut entries: Vec<Entry> = from
        .iter()
        .filter(|(key, _)| !(key.get_ref().is_empty() && key.span().is_empty()))
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_place: at(key.span()),
            node: node(value.get_ref(), at(value.span()), at),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_place.span.start);
    Table { entries }
}

fn node(from: &DeValue<'_>, place: Place, at: &dyn Fn(Range<usize>) -> Place) -> Node {
    let value = match from {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(whole) => Value::Integer(whole),
            Err(_) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        },
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| node(item.get_ref(), at(item.span()), at)).collect())
        }
        DeValue::Table(inner) => Value::Table(table(inner, at)),
    };
    Node { place, value }
}

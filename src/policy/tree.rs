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
    let problems = errors.iter().map(|error| syntax_error(error, &at)).collect();
    let root = Node { place: at(0..0), value: Value::Table(table(root.get_ref(), &at)) };
    Parsed { root, problems }
}

fn syntax_error(error: &toml::de::Error, at: &dyn Fn(Range<usize>) -> Place) -> Diagnostic {
    let place = at(error.span().unwrap_or(0..0));
    let message = error.message().trim_end_matches('.').to_owned();
    if message.contains("duplicate key") {
        return Diagnostic::error(codes::DUPLICATE, "a key is written twice", place)
            .label("the second one")
            .help("keep one of them; TOML does not say which would win");
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

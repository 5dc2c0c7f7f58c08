//! Reading one TOML table: every key asked for, everything else reported with the keys that would be accepted.

use crate::model::time::Duration;
use crate::policy::codes;
use crate::policy::compiled::{MAX_RING, Window};
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::sink::Sink;
use crate::policy::suggest::{closest, is_certain, listed};
use crate::policy::tree::{Entry, Node, Table, Value};

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<T> At<T> {
    pub(crate) const fn new(value: T, place: Place) -> At<T> {
        At { value, place }
    }
}

/// A quantity as written, before it is known in which unit it is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub(crate) text: String,
    /// Written as a TOML text, not as a TOML number.
    pub(crate) quoted: bool,
}

/// One table on its way to being read.
pub(crate) struct Fields<'a> {
    table: &'a Table,
    /// Where to point when a key is missing: the table's header or key.
    pub(crate) place: &'a Place,
    /// "stage `canary`", for messages.
    what: String,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Over the table in `node`; anything else is reported.
    pub(crate) fn of(node: &'a Node, place: &'a Place, what: impl Into<String>, sink: &mut Sink) -> Option<Fields<'a>> {
        let what = what.into();
        match &node.value {
            Value::Table(table) => Some(Fields { table, place, what, asked: Vec::new() }),
            other => {
                wrong_type(sink, &node.place, &what, "a table", other);
                None
            }
        }
    }

    /// What stands under `key`, if anything.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'a Entry> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.table.get(key)
    }

    /// What stands under `key`; its absence is reported.
    pub(crate) fn required(&mut self, key: &'static str, help: &str, sink: &mut Sink) -> Option<&'a Entry> {
        let found = self.get(key);
        if found.is_none() {
            let message = format!("{} has no `{key}`", self.what);
            sink.push(Diagnostic::error(codes::MISSING_KEY, message, self.place.clone()).help(help));
        }
        found
    }

    pub(crate) fn text(&mut self, key: &'static str, sink: &mut Sink) -> Option<At<String>> {
        self.get(key).and_then(|entry| text(&entry.node, key, sink))
    }

    pub(crate) fn flag(&mut self, key: &'static str, sink: &mut Sink) -> Option<At<bool>> {
        let node = &self.get(key)?.node;
        match node.value {
            Value::Bool(flag) => Some(At::new(flag, node.place.clone())),
            ref other => {
                wrong_type(sink, &node.place, key, "true or false", other);
                None
            }
        }
    }

    /// A whole number of at least `least`.
    pub(crate) fn whole(&mut self, key: &'static str, least: u64, sink: &mut Sink) -> Option<At<u64>> {
        let node = &self.get(key)?.node;
        match node.value {
            Value::Integer(number) => match u64::try_from(number) {
                Ok(whole) if whole >= least => Some(At::new(whole, node.place.clone())),
                _ => {
                    let message = format!("`{key}` is {number}, and at least {least} is due");
                    sink.push(Diagnostic::error(codes::OUT_OF_RANGE, message, node.place.clone()));
                    None
                }
            },
            ref other => {
                wrong_type(sink, &node.place, key, "a whole number", other);
                None
            }
        }
    }

    pub(crate) fn duration(&mut self, key: &'static str, sink: &mut Sink) -> Option<At<Duration>> {
        self.get(key).and_then(|entry| duration(&entry.node, key, sink))
    }

    pub(crate) fn window(&mut self, key: &'static str, sink: &mut Sink) -> Option<At<Window>> {
        let node = &self.get(key)?.node;
        let text = text(node, key, sink)?;
        match parse_window(&text.value) {
            Ok(window) => Some(At::new(window, text.place)),
            Err(why) => {
                sink.push(
                    Diagnostic::error(codes::BAD_WINDOW, format!("`{}` {why}", text.value), text.place)
                        .help("write a duration (\"2m\") or a count of observations (\"3 of 5\")"),
                );
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, key: &'static str, sink: &mut Sink) -> Option<Vec<At<String>>> {
        self.get(key).and_then(|entry| texts(&entry.node, key, sink))
    }

    pub(crate) fn quantity(&mut self, key: &'static str, sink: &mut Sink) -> Option<At<Written>> {
        self.get(key).and_then(|entry| quantity(&entry.node, key, sink))
    }

    /// One of a closed list of words.
    pub(crate) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], sink: &mut Sink) -> Option<At<T>> {
        let node = &self.get(key)?.node;
        let text = text(node, key, sink)?;
        word(text, key, words, sink)
    }

    /// Whether a key that nobody asked for is a slip for one of `keys`: its absence follows from the slip.
    pub(crate) fn misspells(&self, keys: &[&str]) -> bool {
        let strange = |entry: &&Entry| !self.asked.contains(&entry.key.as_str());
        let meant = |entry: &Entry| closest(&entry.key, self.asked.iter().copied());
        self.table.entries.iter().filter(strange).filter_map(meant).any(|meant| keys.contains(&meant))
    }

    /// Reports every key nobody asked for.
    pub(crate) fn finish(self, sink: &mut Sink) {
        for entry in self.table.entries.iter().filter(|entry| !self.asked.contains(&entry.key.as_str())) {
            unknown_key(sink, entry, &self.what, &self.asked, self.table);
        }
    }
}

fn unknown_key(sink: &mut Sink, entry: &Entry, what: &str, asked: &[&'static str], table: &Table) {
    let message = format!("unknown key `{}` in {what}", entry.key);
    let mut diagnostic = Diagnostic::error(codes::UNKNOWN_KEY, message, entry.key_place.clone());
    if let Some(meant) = closest(&entry.key, asked.iter().copied()) {
        diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
        if table.get(meant).is_none() {
            // That `meant` is missing follows from the slip.
            let missing = format!("{what} has no `{meant}`");
            sink.diagnostics.retain(|told| told.code != codes::MISSING_KEY || told.message != missing);
        }
        // Where an overlay slips, what stands under the right name is the policy's.
        let free = table.get(meant).is_none_or(|known| known.node.place.file != entry.key_place.file);
        if free && is_certain(&entry.key, meant, asked.iter().copied()) {
            sink.mend(&entry.key_place, meant, format!("`{}` renamed `{meant}`", entry.key));
        }
    }
    sink.push(diagnostic.help(format!("keys here: {}", listed(asked.iter().copied()))));
}

/// Reports a value of the wrong TOML type.
pub(crate) fn wrong_type(sink: &mut Sink, place: &Place, what: &str, due: &str, found: &Value) {
    let what = if what.contains('`') { what.to_owned() } else { format!("`{what}`") };
    let message = format!("{what} is {}, and {due} is due", found.kind());
    sink.push(Diagnostic::error(codes::WRONG_TYPE, message, place.clone()));
}

pub(crate) fn text(node: &Node, key: &str, sink: &mut Sink) -> Option<At<String>> {
    match &node.value {
        Value::Text(text) => Some(At::new(text.clone(), node.place.clone())),
        other => {
            wrong_type(sink, &node.place, key, "a text", other);
            None
        }
    }
}

pub(crate) fn texts(node: &Node, key: &str, sink: &mut Sink) -> Option<Vec<At<String>>> {
    match &node.value {
        Value::List(items) => Some(items.iter().filter_map(|item| text(item, key, sink)).collect()),
        other => {
            wrong_type(sink, &node.place, key, "a list of texts", other);
            None
        }
    }
}

pub(crate) fn duration(node: &Node, key: &str, sink: &mut Sink) -> Option<At<Duration>> {
    if let Value::Integer(_) | Value::Float(_) = node.value {
        sink.push(
            Diagnostic::error(codes::UNIT_MISSING, format!("`{key}` is a number without a unit"), node.place.clone())
                .help("write it as \"90s\", \"5m\", \"1h30m\" or \"2d\""),
        );
        return None;
    }
    let text = text(node, key, sink)?;
    match Duration::parse(&text.value) {
        Ok(duration) => Some(At::new(duration, text.place)),
        Err(_) => {
            let message = format!("`{}` is not a duration", text.value);
            sink.push(
                Diagnostic::error(codes::BAD_DURATION, message, text.place)
                    .help("write it as \"90s\", \"5m\", \"1h30m\" or \"2d\"; it must be longer than zero"),
            );
            None
        }
    }
}

pub(crate) fn quantity(node: &Node, key: &str, sink: &mut Sink) -> Option<At<Written>> {
    let written = match &node.value {
        Value::Text(text) => Written { text: text.clone(), quoted: true },
        Value::Integer(number) => Written { text: number.to_string(), quoted: false },
        Value::Float(number) if number.is_finite() => Written { text: number.to_string(), quoted: false },
        Value::Float(number) => {
            let message = format!("`{key}` is {number}, which is not a number to compare with");
            sink.push(
                Diagnostic::error(codes::NOT_FINITE, message, node.place.clone())
                    .help("write a number with its unit, as \"95%\"; to check nothing, remove the line"),
            );
            return None;
        }
        other => {
            wrong_type(sink, &node.place, key, "a quantity such as \"95%\"", other);
            return None;
        }
    };
    Some(At::new(written, node.place.clone()))
}

/// One of a closed list of words, with the nearest one when it is none of them.
pub(crate) fn word<T: Copy>(text: At<String>, key: &str, words: &[(&str, T)], sink: &mut Sink) -> Option<At<T>> {
    let found = words.iter().find(|(name, _)| *name == text.value);
    if let Some((_, value)) = found {
        return Some(At::new(*value, text.place));
    }
    let names = || words.iter().map(|(name, _)| *name);
    let message = format!("`{key}` cannot be `{}`", text.value);
    let mut diagnostic = Diagnostic::error(codes::UNKNOWN_WORD, message, text.place.clone());
    if let Some(meant) = closest(&text.value, names()) {
        diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
        if is_certain(&text.value, meant, names()) {
            sink.mend(&text.place, format!("\"{meant}\""), format!("`{}` renamed `{meant}`", text.value));
        }
    }
    sink.push(diagnostic.help(format!("one of: {}", listed(names()))));
    None
}

/// `2m` or `3 of 5`.
pub(crate) fn parse_window(text: &str) -> Result<Window, String> {
    let mut words = text.split_whitespace();
    if let (Some(k), Some("of"), Some(n), None) = (words.next(), words.next(), words.next(), words.next()) {
        let (Ok(k), Ok(n)) = (k.parse::<u32>(), n.parse::<u32>()) else {
            return Err("is not a count of observations".to_owned());
        };
        return match (k, n) {
            (0, _) => Err("asks for no observation at all".to_owned()),
            (k, n) if k > n => Err(format!("asks for {k} of only {n} observations")),
            (_, n) if n > MAX_RING => Err(format!("looks at more than {MAX_RING} observations")),
            (k, n) => Ok(Window::Of { k, n }),
        };
    }
    Duration::parse(text).map(Window::For).map_err(|_| "is neither a duration nor `k of n`".to_owned())
}

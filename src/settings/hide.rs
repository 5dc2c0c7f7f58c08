//! What must not be drawn: secrets that somebody wrote out. A diagnostic shows its line, and the line goes to terminals,
//! to CI logs and to code scanning.

use std::ops::Range;

use crate::policy::tree::{Node, Table, Value};

use super::secret::SecretRef;

/// A key whose name has one of these in it holds a secret, whether rollgate knows the key or not.
const TELLING: [&str; 10] =
    ["password", "passwd", "secret", "token", "bearer", "auth", "credential", "api_key", "apikey", "private"];

/// Bytes of the file that are not shown.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    spans: Vec<Range<usize>>,
}

impl Hidden {
    /// The value in `node`, without its quotes, is not shown.
    pub(crate) fn value(&mut self, node: &Node) {
        let span = &node.place.span;
        let quotes = usize::from(matches!(node.value, Value::Text(_)) && span.len() >= 2);
        self.spans.push(span.start + quotes..span.end - quotes);
    }

    /// On a line that is no TOML, whatever stands behind a telling key may be a secret.
    pub(crate) fn broken_line(&mut self, text: &str, at: usize) {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let end = at + after.find('\n').unwrap_or(after.len());
        let line = text.get(start..end).unwrap_or_default();
        let Some(equals) = line.find('=') else { return };
        let (key, value) = line.split_at(equals);
        if is_telling(key) || key.trim() == "url" || value.contains("://") {
            self.spans.push(start + equals + 1..end);
        }
    }

    /// Notes what looks like a secret anywhere in the file: a password in a URL, a text under a telling key.
    pub(crate) fn suspicious(&mut self, root: &Node) {
        if let Value::Table(table) = &root.value {
            self.table(table, false);
        }
    }

    fn table(&mut self, table: &Table, told: bool) {
        for entry in &table.entries {
            self.node(&entry.node, told || is_telling(&entry.key));
        }
    }

    fn node(&mut self, node: &Node, told: bool) {
        match &node.value {
            Value::Text(text) => {
                let literal = SecretRef::parse(text).is_err();
                // Which bytes the password has in the file is not known where the text has escapes.
                if literal && (told || has_password(text)) {
                    self.value(node);
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.node(item, told)),
            // The tables of `[[api.tokens]]` are no secrets, and what is in them is told by its own keys.
            Value::Table(table) => self.table(table, false),
            _ if told => self.value(node),
            _ => {}
        }
    }

    /// `text` with asterisks where something is hidden; every other byte keeps its place.
    pub(crate) fn mask(&self, text: &str) -> String {
        let hidden = |at: usize| self.spans.iter().any(|span| span.contains(&at));
        let mut shown = String::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            if c != '\n' && hidden(at) {
                shown.extend(std::iter::repeat_n('*', c.len_utf8()));
            } else {
                shown.push(c);
            }
        }
        shown
    }
}

/// Whether a key's name says that it holds a secret.
pub(crate) fn is_telling(key: &str) -> bool {
    let lower = key.to_lowercase();
    TELLING.iter().any(|word| lower.contains(word))
}

/// `scheme://user:password@host`.
pub(crate) fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A password may itself hold an `@`: the last one ends it.
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
        || rest.split_once('@').is_some_and(|(user, _)| user.contains(':') && !user.contains(' '))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::user_and_password("redis://user:hunter2@host:6379", true)]
    #[case::password_alone("redis://:hunter2@host", true)]
    #[case::at_in_the_password("redis://:hun@ter@host", true)]
    #[case::slash_in_the_password("redis://:hun/ter@host", true)]
    #[case::port("redis://host:6379/0", false)]
    #[case::user_alone("redis://user@host:6379", false)]
    #[case::no_url("user:password@host", false)]
    fn a_password_in_a_url_is_seen(#[case] text: &str, #[case] has: bool) {
        assert_eq!(has_password(text), has);
    }
}

//! Replies taken apart. One that is not of the shape a command has was written by somebody else.

use redis::Value;

use super::fault::{Fault, corrupt};

fn odd(value: &Value, wanted: &str) -> Fault {
    let kind = match value {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) | Value::Okay => "a text",
        Value::Array(_) => "a list",
        _ => "something else",
    };
    corrupt(format!("the server answered with {kind} where {wanted} was due"))
}

pub(super) fn text(value: Value) -> Result<String, Fault> {
    match value {
        Value::BulkString(bytes) => {
            String::from_utf8(bytes).map_err(|_| corrupt("the server holds a text that is not UTF-8"))
        }
        Value::SimpleString(text) => Ok(text),
        Value::Okay => Ok("OK".to_owned()),
        Value::Int(number) => Ok(number.to_string()),
        other => Err(odd(&other, "a text")),
    }
}

pub(super) fn maybe_text(value: Value) -> Result<Option<String>, Fault> {
    if value == Value::Nil { Ok(None) } else { text(value).map(Some) }
}

pub(super) fn integer(value: Value) -> Result<i64, Fault> {
    match value {
        Value::Int(number) => Ok(number),
        other => text(other)?.parse().map_err(|_| corrupt("the server holds a text where a number was due")),
    }
}

/// A number that grows without an end in sight.
pub(super) fn count(value: Value) -> Result<u64, Fault> {
    text(value)?.parse().map_err(|_| corrupt("the server holds a text where a count was due"))
}

pub(super) fn list(value: Value) -> Result<Vec<Value>, Fault> {
    match value {
        Value::Array(values) => Ok(values),
        other => Err(odd(&other, "a list")),
    }
}

/// What a script answers: a word, and what belongs to it.
pub(super) struct Verdict {
    word: String,
    rest: std::vec::IntoIter<Value>,
}

impl Verdict {
    pub(super) fn read(value: Value) -> Result<Verdict, Fault> {
        let mut rest = list(value)?.into_iter();
        let word = text(rest.next().unwrap_or_default())?;
        Ok(Verdict { word, rest })
    }

    pub(super) fn word(&self) -> &str {
        &self.word
    }

    pub(super) fn text(&mut self) -> Result<String, Fault> {
        text(self.next())
    }

    pub(super) fn count(&mut self) -> Result<u64, Fault> {
        count(self.next())
    }

    pub(super) fn next(&mut self) -> Value {
        self.rest.next().unwrap_or_default()
    }

    /// A script of this program never says that.
    pub(super) fn unheard_of(&self) -> Fault {
        corrupt(format!("a script answered `{}`: another program's script stands in its place", self.word))
    }
}

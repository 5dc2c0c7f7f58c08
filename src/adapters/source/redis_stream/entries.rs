//! Entries of a stream, picked out of replies piece by piece: one strange entry must not cost the others.

use redis::Value;

use super::FIELD;

/// One entry.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) id: String,
    /// The text of its snapshot, or why there is none.
    pub(super) snapshot: Result<Vec<u8>, String>,
}

/// The entries in the reply to `XREADGROUP` for one stream: `[[stream, [[id, [field, value, ..]], ..]]]`, or nothing.
pub(super) fn of_read(reply: Value) -> Option<Vec<Entry>> {
    let streams = match reply {
        Value::Nil => return Some(Vec::new()),
        Value::Array(streams) => streams,
        _ => return None,
    };
    let Some(Value::Array(stream)) = streams.into_iter().next() else { return None };
    of_list(stream.into_iter().nth(1)?)
}

/// The entries in the reply to `XAUTOCLAIM`: `[next, [[id, [field, value, ..]], ..], [deleted, ..]]`.
pub(super) fn of_claim(reply: Value) -> Option<Vec<Entry>> {
    let Value::Array(parts) = reply else { return None };
    of_list(parts.into_iter().nth(1)?)
}

fn of_list(list: Value) -> Option<Vec<Entry>> {
    let Value::Array(entries) = list else { return None };
    // Before Redis 7, an entry that is gone is claimed as nothing.
    Some(entries.into_iter().filter_map(entry).collect())
}

fn entry(value: Value) -> Option<Entry> {
    let Value::Array(parts) = value else { return None };
    let mut parts = parts.into_iter();
    let Some(Value::BulkString(id)) = parts.next() else { return None };
    let id = String::from_utf8(id).ok()?;
    let snapshot = match parts.next() {
        Some(Value::Array(fields)) => of_fields(fields),
        _ => Err("it was trimmed from the stream before it was read".to_owned()),
    };
    Some(Entry { id, snapshot })
}

fn of_fields(fields: Vec<Value>) -> Result<Vec<u8>, String> {
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if let (Value::BulkString(name), Value::BulkString(text)) = (name, value)
            && name == FIELD.as_bytes()
        {
            return Ok(text);
        }
    }
    Err(format!("it has no field `{FIELD}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn list(values: Vec<Value>) -> Value {
        Value::Array(values)
    }

    #[test]
    fn each_entry_stands_for_itself() {
        let strange = Value::BulkString(vec![0xff, 0xfe]);
        let reply = list(vec![list(vec![
            text("stream"),
            list(vec![
                list(vec![text("1-0"), list(vec![text("a"), text("b"), text(FIELD), text("{}")])]),
                list(vec![text("2-0"), list(vec![strange.clone(), strange])]),
                list(vec![text("3-0"), Value::Nil]),
                Value::Nil,
            ]),
        ])]);
        let entries = of_read(reply).unwrap();
        let told: Vec<_> = entries.iter().map(|entry| (entry.id.as_str(), entry.snapshot.is_ok())).collect();
        assert_eq!(told, [("1-0", true), ("2-0", false), ("3-0", false)]);
    }

    #[test]
    fn nothing_is_nothing_and_anything_else_is_no_reply() {
        assert_eq!(of_read(Value::Nil), Some(vec![]));
        assert_eq!(of_read(Value::Int(1)), None);
        assert_eq!(of_read(list(vec![])), None);
        assert_eq!(of_claim(list(vec![text("0-0"), list(vec![]), list(vec![])])), Some(vec![]));
        assert_eq!(of_claim(list(vec![text("0-0")])), None);
    }
}

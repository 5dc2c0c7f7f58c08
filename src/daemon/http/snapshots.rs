//! Snapshots out of text: one, an array, or one per line. The way that is taken for every push reads straight into the
//! model; only what cannot be read is looked at again, slowly, to say which field of which line is wrong.

use serde_json::Value;

use super::body::{self, Object, Shape};
use super::problem::Problem;
use crate::model::snapshot::{SNAPSHOT_VERSION, Snapshot};
use crate::model::time::Time;
use crate::policy::suggest;

/// More snapshots in one call are no push but an import.
const MOST_SNAPSHOTS: usize = 10_000;
/// More readings in one snapshot are no snapshot of a rollout.
const MOST_READINGS: usize = 10_000;
/// Longer names are no names.
const LONGEST_NAME: usize = 256;
const FIELDS: [&str; 8] = ["v", "time", "rollout", "environment", "region", "source", "exposure", "groups"];
const EXAMPLE: &str =
    "a snapshot is {\"time\": \"2026-11-01T00:00:00Z\", \"groups\": {\"treatment\": {\"error_rate\": 0.2}}}";

/// Reads a body; at least one snapshot.
pub(super) fn read(text: &[u8], shape: Shape) -> Result<Vec<Snapshot>, Problem> {
    body::shallow(text)?;
    let snapshots = match shape {
        Shape::JsonLines => lines(text)?,
        _ if text.trim_ascii_start().starts_with(b"[") => array(text)?,
        _ => vec![one(text, None)?],
    };
    if snapshots.is_empty() {
        return Err(Problem::wrong("empty", "there is no snapshot in it").help(EXAMPLE));
    }
    Ok(snapshots)
}

fn lines(text: &[u8]) -> Result<Vec<Snapshot>, Problem> {
    let mut snapshots = Vec::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if snapshots.len() == MOST_SNAPSHOTS {
            return Err(too_many());
        }
        snapshots.push(one(line, Some(at.saturating_add(1)))?);
    }
    Ok(snapshots)
}

fn array(text: &[u8]) -> Result<Vec<Snapshot>, Problem> {
    let snapshots: Vec<Snapshot> = match serde_json::from_slice::<Vec<Object<Snapshot>>>(text) {
        Ok(snapshots) => snapshots.into_iter().map(|Object(snapshot)| snapshot).collect(),
        Err(error) => return Err(mend(text, &error).unwrap_or_else(|| unread(&error)).line(error.line())),
    };
    if snapshots.len() > MOST_SNAPSHOTS {
        return Err(too_many());
    }
    for (at, snapshot) in snapshots.iter().enumerate() {
        fits(snapshot, &format!("/{at}"))?;
    }
    Ok(snapshots)
}

/// Reads one; `line` says where it stands when the text is only a part.
fn one(text: &[u8], line: Option<usize>) -> Result<Snapshot, Problem> {
    let read = match serde_json::from_slice::<Object<Snapshot>>(text) {
        Ok(Object(snapshot)) => fits(&snapshot, "").map(|()| snapshot),
        Err(error) => {
            let problem = mend(text, &error).unwrap_or_else(|| unread(&error));
            Err(problem.line(line.unwrap_or_else(|| error.line())))
        }
    };
    match line {
        Some(line) => read.map_err(|problem| problem.line(line)),
        None => read,
    }
}

fn too_many() -> Problem {
    let title = format!("more than {MOST_SNAPSHOTS} snapshots at once");
    Problem::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, "too-many", title).help("send them in several calls")
}

/// What serde cannot know: how much of it there may be, and of which version.
fn fits(snapshot: &Snapshot, at: &str) -> Result<(), Problem> {
    if snapshot.v > SNAPSHOT_VERSION {
        let title = format!("it is of shape {}, and this rollgate reads shapes up to {SNAPSHOT_VERSION}", snapshot.v);
        return Err(Problem::wrong("version", title)
            .field(format!("{at}/v"))
            .help("leave `v` out, or upgrade rollgate"));
    }
    let readings: usize = snapshot.groups.values().map(std::collections::BTreeMap::len).sum();
    if readings > MOST_READINGS {
        let title = format!("{readings} readings in one snapshot, at most {MOST_READINGS}");
        return Err(Problem::wrong("too-many", title).field(format!("{at}/groups")));
    }
    let own = [&snapshot.rollout, &snapshot.environment, &snapshot.source].into_iter().flatten();
    let inside = snapshot.groups.iter().flat_map(|(group, metrics)| std::iter::once(group).chain(metrics.keys()));
    let mut names = own.chain(std::iter::once(&snapshot.region)).chain(inside);
    match names.find(|name| name.len() > LONGEST_NAME || name.chars().any(char::is_control)) {
        None => Ok(()),
        Some(_) => {
            let title = format!("a name is longer than {LONGEST_NAME} bytes, or has control characters in it");
            Err(Problem::wrong("name", title).field(at.to_owned()))
        }
    }
}

fn unread(error: &serde_json::Error) -> Problem {
    if error.is_data() {
        Problem::wrong("snapshot", words(error)).help(EXAMPLE)
    } else {
        Problem::bad("json", words(error)).help("check that the JSON is whole")
    }
}

/// What serde says, without the place: that stands beside it.
pub(super) fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

/// Finds the field that is wrong in JSON that is sound.
fn mend(text: &[u8], error: &serde_json::Error) -> Option<Problem> {
    if !error.is_data() {
        return None;
    }
    let value: Value = serde_json::from_slice(text).ok()?;
    match &value {
        Value::Array(all) => all.iter().enumerate().find_map(|(at, value)| wrong_field(value, &format!("/{at}"))),
        value => wrong_field(value, ""),
    }
}

fn wrong_field(value: &Value, at: &str) -> Option<Problem> {
    let wrong = |field: &str, title: String| Problem::wrong("snapshot", title).field(format!("{at}/{field}"));
    let Value::Object(fields) = value else {
        return Some(Problem::wrong("snapshot", "a snapshot is an object").field(at.to_owned()).help(EXAMPLE));
    };
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        let help = match suggest::closest(unknown, FIELDS) {
            Some(near) => format!("did you mean `{near}`? metrics stand under `groups`"),
            None => format!("the fields are {}", FIELDS.join(", ")),
        };
        return Some(wrong(unknown, format!("unknown field `{unknown}`")).help(help));
    }
    for needed in ["time", "groups"] {
        if !fields.contains_key(needed) {
            return Some(wrong(needed, format!("`{needed}` is missing")).help(EXAMPLE));
        }
    }
    fields.iter().find_map(|(name, value)| {
        let fine = match (name.as_str(), value) {
            ("time", value) => return wrong_time(value).map(|title| wrong("time", title)),
            ("groups", Value::Object(groups)) => {
                return groups.iter().find_map(|(name, group)| wrong_group(at, name, group));
            }
            ("groups", _) => {
                return Some(wrong("groups", "`groups` is an object: group, metric, reading".to_owned()).help(EXAMPLE));
            }
            ("v", value) => value.as_u64().is_some_and(|v| u32::try_from(v).is_ok()),
            ("exposure", value) => value.is_number() || value.is_null(),
            ("region", value) => value.is_string(),
            (_, value) => value.is_string() || value.is_null(),
        };
        let kind = if matches!(name.as_str(), "v" | "exposure") { "a number" } else { "a text" };
        (!fine).then(|| wrong(name, format!("`{name}` is {kind}")))
    })
}

fn wrong_group(at: &str, name: &str, group: &Value) -> Option<Problem> {
    let here = format!("{at}/groups/{name}");
    let Value::Object(metrics) = group else {
        return Some(Problem::wrong("snapshot", format!("group `{name}` is an object: metric to reading")).field(here));
    };
    metrics.iter().find_map(|(metric, reading)| {
        let wrong =
            |field: &str, title| Some(Problem::wrong("snapshot", title).field(format!("{here}/{metric}/{field}")));
        match (reading.get("observed").and_then(wrong_time), reading.get("unknown")) {
            (Some(title), _) => wrong("observed", title),
            (None, Some(reason)) if !reason.is_string() => wrong("unknown", "the reason is a text".to_owned()),
            _ => None,
        }
    })
}

fn wrong_time(value: &Value) -> Option<String> {
    match value.as_str().map(Time::parse) {
        Some(Ok(_)) => None,
        Some(Err(error)) => Some(error.to_string()),
        None => Some(format!("`{value}` is not a time; write it as \"2026-11-01T00:00:00Z\"")),
    }
}

//! One entry: what happened, who did it and why, what it changed, and the seal that ties it to the entry before.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::event::{Event, What};
use crate::model::ids::{Actor, Digest, Environment, RolloutId};
use crate::model::time::Time;

use super::hash::{Hash, Key, LEDGER_VERSION};

/// What an entry says. The order of the fields is the order in which they are written, and hashed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The shape of this entry.
    pub v: u32,
    /// Its place in the chain, from 1, without holes: the order is total whatever the clock says.
    pub seq: u64,
    /// When; never earlier than the entry before.
    pub at: Time,
    /// Which rollout.
    pub rollout: RolloutId,
    /// Where.
    pub environment: Environment,
    /// Who: a person, or `rollgate`.
    pub actor: Actor,
    /// Why, in their words; empty for what the machine does by itself (the event has its own sentence).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The policy in force after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
    /// What happened.
    pub what: What,
    /// What it changed of the rollout's state, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changed: BTreeMap<String, Change>,
    /// The seal of the entry before.
    pub prev: Hash,
}

impl Record {
    /// The event to fold.
    #[must_use]
    pub fn event(&self) -> Event {
        Event { time: self.at, what: self.what.clone() }
    }

    /// The chain it belongs to.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(self.rollout.clone(), self.environment.clone())
    }
}

/// A value before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Before.
    pub old: Value,
    /// After.
    pub new: Value,
}

/// A sealed entry: what it says, and the very bytes that were hashed. Those bytes are what is stored and exported, so
/// an entry of a newer rollgate, with words this one does not know, keeps its seal.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    record: Record,
    line: Arc<str>,
    hash: Hash,
}

impl Entry {
    /// Seals a record.
    ///
    /// # Errors
    /// It holds something that JSON cannot say, such as a number that is not finite.
    pub fn seal(record: Record) -> Result<Entry, BadLine> {
        let body = serde_json::to_string(&record).map_err(|error| BadLine::NotAnEntry(error.to_string()))?;
        let (hash, line) = sealed(&body);
        Ok(Entry { record, line: Arc::from(line), hash })
    }

    /// Reads a line and checks its own seal; whether it follows the line before is [`super::verify()`]'s.
    ///
    /// # Errors
    /// Not an entry, an entry of a newer shape, or one whose bytes were changed.
    pub fn parse(line: &str) -> Result<Entry, BadLine> {
        let (body, hash) = unseal(line)?;
        let record: Record = serde_json::from_str(line).map_err(|error| {
            // A newer shape is not damage, and the message must not say so.
            match version_of(line) {
                Some(version) if version > LEDGER_VERSION => BadLine::Newer(version),
                _ => BadLine::NotAnEntry(error.to_string()),
            }
        })?;
        if record.v > LEDGER_VERSION {
            return Err(BadLine::Newer(record.v));
        }
        let found = Hash::of(&[body.as_bytes()]);
        if found.as_str() != hash {
            return Err(BadLine::Altered);
        }
        Ok(Entry { record, line: Arc::from(line), hash: found })
    }

    /// What it says.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Its seal.
    #[must_use]
    pub const fn hash(&self) -> &Hash {
        &self.hash
    }

    /// Its line, without a line break: the bytes to store and to export.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }
}

const HASH_KEY: &str = ",\"hash\":\"";
const END: &str = "\"}";

/// What was hashed, and the hash written behind it.
pub(super) fn unseal(line: &str) -> Result<(&str, &str), BadLine> {
    let rest = line.strip_suffix(END).ok_or(BadLine::Unsealed)?;
    let (body, hash) = rest.rsplit_once(HASH_KEY).ok_or(BadLine::Unsealed)?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hash { Ok((body, hash)) } else { Err(BadLine::Unsealed) }
}

/// Puts the seal behind a body that `unseal` takes off again.
pub(super) fn sealed(body: &str) -> (Hash, String) {
    let body = body.strip_suffix('}').unwrap_or(body);
    let hash = Hash::of(&[body.as_bytes()]);
    let line = format!("{body}{HASH_KEY}{hash}{END}");
    (hash, line)
}

fn version_of(line: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    serde_json::from_str::<Version>(line).ok().map(|version| version.v)
}

/// Why a line is no sound entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// The end is missing or is no hash: cut off, or not of a ledger.
    #[error("it has no seal: cut off, or not an entry of a ledger")]
    Unsealed,
    /// Not JSON, or a field is missing.
    #[error("it is not an entry: {0}")]
    NotAnEntry(String),
    /// The bytes do not match the seal.
    #[error("it was changed after it was sealed")]
    Altered,
    /// Written by a newer rollgate.
    #[error("it is of shape {0}, and this rollgate reads shapes up to {LEDGER_VERSION}: use a newer one")]
    Newer(u32),
}

//! One line of a segment: a snapshot, when it came in and for which rollout, its place, and a short hash over all of it.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::ledger::hash::Key;
use crate::model::snapshot::Snapshot;
use crate::model::time::Time;

/// Hex digits of the hash: 64 bits tell chance damage from sound lines; the ledger, not this, is proof against people.
const HASH_DIGITS: usize = 16;
const HASH_KEY: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";

/// What a line says, in the order in which it is written.
#[derive(Debug, Deserialize)]
struct Said {
    n: u64,
    at: Time,
    snapshot: Snapshot,
}

/// A line without its place and its hash: all that can be said before the writer knows where it goes.
pub(super) fn body(key: &Key, at: Time, snapshot: &Snapshot) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(320);
    body.extend_from_slice(b"\"at\":");
    serde_json::to_writer(&mut body, &at)?;
    body.push(b',');
    body.extend_from_slice(&names(key)?);
    body.extend_from_slice(b"\"snapshot\":");
    serde_json::to_writer(&mut body, snapshot)?;
    Ok(body)
}

/// How a line names its rollout; a reader knows by it whether the rest is worth reading.
pub(super) fn names(key: &Key) -> serde_json::Result<Vec<u8>> {
    let rollout = serde_json::to_string(&key.rollout)?;
    let environment = serde_json::to_string(&key.environment)?;
    Ok(format!("\"rollout\":{rollout},\"environment\":{environment},").into_bytes())
}

/// Puts a line together and adds it to `out`, with its line break.
pub(super) fn seal(segment: &str, n: u64, body: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(format!("{{\"n\":{n},").as_bytes());
    out.extend_from_slice(body);
    let hash = hash(segment, out.get(start..).unwrap_or_default());
    out.extend_from_slice(HASH_KEY);
    out.extend_from_slice(&hash);
    out.extend_from_slice(END);
    out.push(b'\n');
}

/// What is left of a line, read back.
#[derive(Debug)]
pub(super) enum Read {
    /// Whole, and of the rollout that was asked for.
    Ours(u64, Time, Box<Snapshot>),
    /// Whole, and of another.
    Others(u64),
    /// Torn, altered or moved.
    Damaged,
}

/// Reads a line, with or without its line break; `names` says which rollout is wanted.
pub(super) fn read(segment: &str, line: &[u8], names: &[u8]) -> Read {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let Some((said, n)) = whole(segment, line) else { return Read::Damaged };
    // `{"n":12,"at":"...","rollout":...`: a time has no comma in it.
    let ours = said.splitn(3, |byte| *byte == b',').nth(2).is_some_and(|rest| rest.starts_with(names));
    if !ours {
        return Read::Others(n);
    }
    match serde_json::from_slice::<Said>(line) {
        Ok(said) => Read::Ours(said.n, said.at, Box::new(said.snapshot)),
        // Whole, and still not read: written by a rollgate that knows more.
        Err(_) => Read::Damaged,
    }
}

/// When a whole line came in.
pub(super) fn came_in(segment: &str, line: &[u8]) -> Option<Time> {
    #[derive(Deserialize)]
    struct When {
        at: Time,
    }
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    whole(segment, line)?;
    serde_json::from_slice::<When>(line).ok().map(|when| when.at)
}

/// The hashed part of a line, and its place, when the hash is right.
fn whole<'a>(segment: &str, line: &'a [u8]) -> Option<(&'a [u8], u64)> {
    let rest = line.strip_suffix(END)?;
    let (rest, found) = rest.split_at_checked(rest.len().checked_sub(HASH_DIGITS)?)?;
    let said = rest.strip_suffix(HASH_KEY)?;
    if hash(segment, said) != found {
        return None;
    }
    let digits = said.strip_prefix(b"{\"n\":")?.split(|byte| *byte == b',').next()?;
    let n = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((said, n))
}

fn hash(segment: &str, said: &[u8]) -> [u8; HASH_DIGITS] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut sum = Sha256::new();
    sum.update(segment.as_bytes());
    sum.update(b"\0");
    sum.update(said);
    let sum = sum.finalize();
    let mut digits = [b'0'; HASH_DIGITS];
    let halves = sum.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (digit, half) in digits.iter_mut().zip(halves) {
        *digit = HEX.get(usize::from(half)).copied().unwrap_or(b'0');
    }
    digits
}

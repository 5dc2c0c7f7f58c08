//! Reading a chain. Every answer comes with the head it belongs to, which is compared with the furthest this process
//! has seen; every line's own seal is checked on the way out.

use redis::{Cmd, Value, cmd};

use super::fault::{Fault, corrupt};
use super::names::Rollout;
use super::values::{list, maybe_text, text};
use super::wire::Wire;
use crate::ledger::hash::Key;
use crate::ledger::{BadLine, Checkpoint, Entry, Head};
use crate::ports::store::Exposed;

/// How many entries are asked for at once: each piece has the whole deadline.
pub(super) const PIECE: usize = 512;

/// Beyond this a score is no exact number any more, and there are no such entries.
const LAST_SCORE: u64 = 1 << 53;

fn field(keys: &Rollout, name: &str) -> Cmd {
    let mut command = cmd("HGET");
    command.arg(keys.state()).arg(name);
    command
}

/// A head as it was written, or the beginning of the chain.
pub(super) fn head_of(key: &Key, text: Option<&str>) -> Result<Head, Fault> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(Head::genesis(key)),
        Some(text) => serde_json::from_str(text)
            .map_err(|error| corrupt(format!("{key}: the end of the ledger is not what was written: {error}"))),
    }
}

/// Asks for something of a rollout together with its head.
fn with_head(wire: &mut Wire, key: &Key, command: Option<Cmd>) -> Result<(Head, Value), Fault> {
    let keys = wire.plan.names.rollout(key);
    let before = wire.plan.memory.seen(key);
    let mut commands = vec![(keys.slot(), field(&keys, "head"))];
    commands.extend(command.map(|command| (keys.slot(), command)));
    let mut replies = wire.ask_all(commands)?.into_iter();
    let head = head_of(key, maybe_text(replies.next().unwrap_or_default())?.as_deref())?;
    wire.plan.memory.note(key, before.as_ref(), &head)?;
    Ok((head, replies.next().unwrap_or_default()))
}

pub(super) fn head(wire: &mut Wire, key: &Key) -> Result<Head, Fault> {
    Ok(with_head(wire, key, None)?.0)
}

/// One piece of a chain, and whether it is the last.
pub(super) fn entries(wire: &mut Wire, key: &Key, from: u64, limit: usize) -> Result<(Vec<Entry>, bool), Fault> {
    let keys = wire.plan.names.rollout(key);
    let mut range = cmd("XRANGE");
    range.arg(keys.entries()).arg(format!("{}-0", from.max(1))).arg("+").arg("COUNT").arg(limit);
    let (head, rows) = with_head(wire, key, Some(range))?;
    let rows = list(rows)?;
    let is_last = rows.len() < limit;
    let mut entries: Vec<Entry> = Vec::with_capacity(rows.len());
    for row in rows {
        let (seq, line) = row_of(row)?;
        // A chain that is being restored has no head yet, and what stands there is no part of any.
        if seq > head.seq && head.seq == 0 {
            return Ok((Vec::new(), true));
        }
        let entry = Entry::parse(&line).map_err(|why| damaged(key, &format!("entry {seq}"), &why))?;
        if entry.record().seq != seq || entry.record().key() != *key {
            return Err(corrupt(format!("{key}: entry {seq} stands in the wrong place")));
        }
        if entries.last().is_some_and(|last| last.record().seq.saturating_add(1) != seq) {
            return Err(corrupt(format!("{key}: entries are missing before entry {seq}")));
        }
        entries.push(entry);
    }
    let end = entries.last().map_or(from.saturating_sub(1), |last| last.record().seq);
    if is_last && end < head.seq {
        return Err(corrupt(format!(
            "{key}: the ledger ends in entry {}, and entries after {end} are missing",
            head.seq
        )));
    }
    Ok((entries, is_last))
}

/// Place and line of one row of a stream.
pub(super) fn row_of(row: Value) -> Result<(u64, String), Fault> {
    let mut row = list(row)?.into_iter();
    let id = text(row.next().unwrap_or_default())?;
    let place = id.split_once('-').and_then(|(seq, _)| seq.parse().ok());
    let line = list(row.next().unwrap_or_default())?.into_iter().nth(1).unwrap_or_default();
    Ok((place.ok_or_else(|| corrupt(format!("`{id}` is no place of an entry")))?, text(line)?))
}

pub(super) fn checkpoint(wire: &mut Wire, key: &Key, at_most: u64) -> Result<Option<Checkpoint>, Fault> {
    let keys = wire.plan.names.rollout(key);
    let top = if at_most >= LAST_SCORE { "+inf".to_owned() } else { at_most.to_string() };
    let mut range = cmd("ZREVRANGEBYSCORE");
    range.arg(keys.checkpoints()).arg(top).arg("-inf").arg("LIMIT").arg(0).arg(1);
    let (head, found) = with_head(wire, key, Some(range))?;
    let Some(line) = list(found)?.into_iter().next() else { return Ok(None) };
    if head.seq == 0 {
        return Ok(None);
    }
    let name = format!("the checkpoint at or before entry {at_most}");
    let checkpoint = Checkpoint::parse(&text(line)?).map_err(|why| damaged(key, &name, &why))?;
    if checkpoint.key() != key || checkpoint.head().seq > at_most {
        return Err(corrupt(format!("{key}: {name} stands in the wrong place")));
    }
    Ok(Some(checkpoint))
}

fn damaged(key: &Key, what: &str, why: &BadLine) -> Fault {
    corrupt(format!("{key}: {what}: {why}"))
}

pub(super) fn exposed(wire: &mut Wire, key: &Key) -> Result<Exposed, Fault> {
    let command = field(&wire.plan.names.rollout(key), "exposed");
    let (_, found) = with_head(wire, key, Some(command))?;
    match maybe_text(found)? {
        None => Ok(Exposed::default()),
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| corrupt(format!("{key}: what is exposed is not what was written: {error}"))),
    }
}

//! Reading: every line's own seal is checked on the way out, so that damage is never taken for history.

use redb::{ReadTransaction, ReadableTable, TableDefinition};

use crate::ledger::hash::Key;
use crate::ledger::{BadLine, Checkpoint, Entry, Head};
use crate::model::ids::{Digest, Environment, RolloutId};
use crate::ports::store::{Exposed, StoreError};

use super::tables::{CHECKPOINTS, Chain, ENTRIES, EXPOSED, HEADS, InWords as _, POLICIES};

/// A chain as the tables name it.
pub(super) fn chain(key: &Key) -> (&str, &str) {
    (key.rollout.as_str(), key.environment.as_str())
}

pub(super) fn keys(transaction: &ReadTransaction) -> Result<Vec<Key>, StoreError> {
    let heads = transaction.open_table(HEADS).in_words()?;
    let mut keys = Vec::new();
    for row in heads.iter().in_words()? {
        let (place, _) = row.in_words()?;
        let (rollout, environment) = place.value();
        keys.push(Key::new(RolloutId::new(rollout), Environment::new(environment)));
    }
    Ok(keys)
}

pub(super) fn head(transaction: &ReadTransaction, key: &Key) -> Result<Head, StoreError> {
    head_in(&transaction.open_table(HEADS).in_words()?, key)
}

/// The end of a chain, from a table open for reading or writing.
pub(super) fn head_in(heads: &impl ReadableTable<Chain, &'static str>, key: &Key) -> Result<Head, StoreError> {
    match heads.get(chain(key)).in_words()? {
        None => Ok(Head::genesis(key)),
        Some(head) => serde_json::from_str(head.value()).in_words(),
    }
}

pub(super) fn entries(
    transaction: &ReadTransaction,
    key: &Key,
    from: u64,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let table = transaction.open_table(ENTRIES).in_words()?;
    let (rollout, environment) = chain(key);
    let mut entries = Vec::new();
    for row in table.range((rollout, environment, from)..=(rollout, environment, u64::MAX)).in_words()?.take(limit) {
        let (place, line) = row.in_words()?;
        let seq = place.value().2;
        let entry = Entry::parse(line.value()).map_err(|why| damaged(key, &format!("entry {seq}"), &why))?;
        if entry.record().seq != seq || entry.record().key() != *key {
            return Err(StoreError::Corrupt { what: format!("{key}: entry {seq} stands in the wrong place") });
        }
        entries.push(entry);
    }
    Ok(entries)
}

pub(super) fn checkpoint(
    transaction: &ReadTransaction,
    key: &Key,
    at_most: u64,
) -> Result<Option<Checkpoint>, StoreError> {
    let table = transaction.open_table(CHECKPOINTS).in_words()?;
    let (rollout, environment) = chain(key);
    let mut found = table.range((rollout, environment, 0)..=(rollout, environment, at_most)).in_words()?;
    let Some(row) = found.next_back() else { return Ok(None) };
    let (place, line) = row.in_words()?;
    let name = format!("the checkpoint at entry {}", place.value().2);
    Checkpoint::parse(line.value()).map(Some).map_err(|why| damaged(key, &name, &why))
}

fn damaged(key: &Key, what: &str, why: &BadLine) -> StoreError {
    StoreError::Corrupt { what: format!("{key}: {what}: {why}") }
}

pub(super) fn exposed(transaction: &ReadTransaction, key: &Key) -> Result<Exposed, StoreError> {
    exposed_in(&transaction.open_table(EXPOSED).in_words()?, key)
}

/// What is exposed, from a table open for reading or writing.
pub(super) fn exposed_in(table: &impl ReadableTable<Chain, &'static str>, key: &Key) -> Result<Exposed, StoreError> {
    match table.get(chain(key)).in_words()? {
        None => Ok(Exposed::default()),
        Some(text) => serde_json::from_str(text.value()).in_words(),
    }
}

pub(super) fn text(
    transaction: &ReadTransaction,
    table: TableDefinition<'static, &'static str, &'static str>,
    key: &str,
) -> Result<Option<String>, StoreError> {
    let table = transaction.open_table(table).in_words()?;
    Ok(table.get(key).in_words()?.map(|text| text.value().to_owned()))
}

pub(super) fn policies(transaction: &ReadTransaction) -> Result<Vec<Digest>, StoreError> {
    let table = transaction.open_table(POLICIES).in_words()?;
    let mut digests = Vec::new();
    for row in table.iter().in_words()? {
        digests.push(Digest::new(row.in_words()?.0.value()));
    }
    Ok(digests)
}

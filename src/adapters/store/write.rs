//! Writing: the checks and the writes of one batch, inside one transaction.

use redb::{ReadableTable as _, WriteTransaction};

use crate::ledger::hash::Key;
use crate::ledger::{Checkpoint, Entry, Head, verify};
use crate::model::ids::Digest;
use crate::model::time::Time;
use crate::ports::crash;
use crate::ports::store::{Appended, Authority, Batch, Exposed, StoreError};

use super::lease;
use super::read::{chain, exposed_in, head_in};
use super::tables::{CHECKPOINTS, DECISIONS, ENTRIES, EXPOSED, HEADS, InWords as _, POLICIES, TOKENS};

pub(super) fn append(transaction: &WriteTransaction, batch: &Batch, now: Time) -> Result<Appended, StoreError> {
    crash::here("store.append.begun");
    let (rollout, environment) = chain(&batch.key);
    let head = head_in(&transaction.open_table(HEADS).in_words()?, &batch.key)?;
    let mut tokens = transaction.open_table(TOKENS).in_words()?;
    let name = (rollout, environment, batch.token.as_str());
    let before = tokens.get(name).in_words()?.map(|end| end.value());
    if let Some(end) = before {
        return Ok(Appended { head, again: true, end });
    }
    tokens.insert(name, batch.end()).in_words()?;
    drop(tokens);
    check_authority(transaction, &batch.authority, now)?;
    if head != batch.expected {
        return Err(StoreError::Conflict(head));
    }
    let head = write_entries(transaction, &batch.key, head, &batch.entries)?;
    crash::here("store.append.entries");
    if let Some(exposed) = &batch.exposed {
        write_exposed(transaction, &batch.key, exposed)?;
    }
    crash::here("store.append.exposures");
    for (digest, text) in &batch.policies {
        put_policy(transaction, digest, text)?;
    }
    let mut decisions = transaction.open_table(DECISIONS).in_words()?;
    for (id, text) in &batch.decisions {
        decisions.insert(id.as_str(), text.as_str()).in_words()?;
    }
    if let Some(checkpoint) = &batch.checkpoint {
        write_checkpoint(transaction, checkpoint)?;
    }
    Ok(Appended { head, again: false, end: batch.end() })
}

fn check_authority(transaction: &WriteTransaction, authority: &Authority, now: Time) -> Result<(), StoreError> {
    match authority {
        Authority::RollBack => Ok(()),
        Authority::Leader(token) => lease::check(transaction, token, now),
        Authority::Unled => match lease::held(transaction, now)? {
            None => Ok(()),
            Some(lease) => Err(StoreError::NotLeader { holder: Some(lease.token.holder) }),
        },
    }
}

/// Writes entries that follow `head`; the new end.
fn write_entries(transaction: &WriteTransaction, key: &Key, head: Head, entries: &[Entry]) -> Result<Head, StoreError> {
    let (rollout, environment) = chain(key);
    let mut table = transaction.open_table(ENTRIES).in_words()?;
    let mut end = head;
    for entry in entries {
        let record = entry.record();
        let follows = record.seq == end.seq.saturating_add(1) && record.prev == end.hash && record.at >= end.at;
        if !follows || record.key() != *key {
            // Not what the store holds but what it was handed; written, it would be damage all the same.
            let what = format!("{key}: entry {} of the batch does not follow entry {}", record.seq, end.seq);
            return Err(StoreError::Corrupt { what });
        }
        table.insert((rollout, environment, record.seq), entry.line()).in_words()?;
        end = Head::at(entry);
    }
    write_head(transaction, key, &end)?;
    Ok(end)
}

fn write_head(transaction: &WriteTransaction, key: &Key, head: &Head) -> Result<(), StoreError> {
    let text = serde_json::to_string(head).in_words()?;
    transaction.open_table(HEADS).in_words()?.insert(chain(key), text.as_str()).in_words()?;
    Ok(())
}

fn write_exposed(transaction: &WriteTransaction, key: &Key, exposed: &Exposed) -> Result<(), StoreError> {
    let mut table = transaction.open_table(EXPOSED).in_words()?;
    let held = exposed_in(&table, key)?.generation;
    if exposed.generation <= held {
        return Err(StoreError::StaleGeneration { carried: exposed.generation, held });
    }
    let text = serde_json::to_string(exposed).in_words()?;
    table.insert(chain(key), text.as_str()).in_words()?;
    Ok(())
}

fn write_checkpoint(transaction: &WriteTransaction, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let (rollout, environment) = chain(checkpoint.key());
    let place = (rollout, environment, checkpoint.head().seq);
    transaction.open_table(CHECKPOINTS).in_words()?.insert(place, checkpoint.line()).in_words()?;
    Ok(())
}

pub(super) fn put_policy(transaction: &WriteTransaction, digest: &Digest, text: &str) -> Result<(), StoreError> {
    let mut table = transaction.open_table(POLICIES).in_words()?;
    if table.get(digest.as_str()).in_words()?.is_none() {
        table.insert(digest.as_str(), text).in_words()?;
    }
    Ok(())
}

pub(super) fn prune(transaction: &WriteTransaction, base: &Checkpoint) -> Result<u64, StoreError> {
    let key = base.key();
    let (rollout, environment) = chain(key);
    let seq = base.head().seq;
    let mut entries = transaction.open_table(ENTRIES).in_words()?;
    let stands = match entries.get((rollout, environment, seq)).in_words()? {
        Some(line) => Entry::parse(line.value()).is_ok_and(|entry| Head::at(&entry) == *base.head()),
        None => false,
    };
    if !stands {
        return Err(StoreError::Conflict(head_in(&transaction.open_table(HEADS).in_words()?, key)?));
    }
    let mut dropped = 0;
    entries
        .retain_in((rollout, environment, 0)..=(rollout, environment, seq), |_, _| {
            dropped += 1;
            false
        })
        .in_words()?;
    let mut checkpoints = transaction.open_table(CHECKPOINTS).in_words()?;
    checkpoints.retain_in((rollout, environment, 0)..(rollout, environment, seq), |_, _| false).in_words()?;
    drop(checkpoints);
    write_checkpoint(transaction, base)?;
    let mut tokens = transaction.open_table(TOKENS).in_words()?;
    tokens
        .retain_in((rollout, environment, "").., |place, at| (place.0, place.1) != (rollout, environment) || at > seq)
        .in_words()?;
    Ok(dropped)
}

pub(super) fn restore(
    transaction: &WriteTransaction,
    key: &Key,
    base: Option<&Checkpoint>,
    entries: &[Entry],
    exposed: &Exposed,
) -> Result<(), StoreError> {
    let known = head_in(&transaction.open_table(HEADS).in_words()?, key)?;
    if known.seq > 0 {
        return Err(StoreError::Conflict(known));
    }
    verify(key, base, entries).map_err(|broken| StoreError::Corrupt { what: format!("{key}: {broken}") })?;
    let start = match base {
        Some(base) => {
            write_checkpoint(transaction, base)?;
            base.head().clone()
        }
        None => Head::genesis(key),
    };
    write_entries(transaction, key, start, entries)?;
    if exposed.generation.0 > 0 {
        write_exposed(transaction, key, exposed)?;
    }
    Ok(())
}

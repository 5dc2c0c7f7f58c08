//! Which rollouts there are, and what is kept beside their chains: policies and decision records. In a cluster the index
//! lives in another slot than the chains, so it is written before a chain's first entry (a rollout that is never named
//! cannot be found) and marked after it (one that is marked, and has no entries, was lost).

use redis::{Value, cmd};

use super::fault::{Fault, corrupt};
use super::slots;
use super::values::{integer, list, maybe_text, text};
use super::wire::Wire;
use crate::ledger::hash::Key;
use crate::model::ids::Digest;

const ANNOUNCED: &str = "announced";
const WRITTEN: &str = "written";

fn name(key: &Key) -> Result<String, Fault> {
    serde_json::to_string(key).map_err(|error| corrupt(error.to_string()))
}

/// Names a rollout before its first entry. Elsewhere than in a cluster, the script that writes the entry does it.
pub(super) fn announce(wire: &mut Wire, key: &Key) -> Result<(), Fault> {
    if !wire.plan.is_cluster() || wire.plan.memory.seen(key).is_some() {
        return Ok(());
    }
    let index = wire.plan.names.index();
    let mut command = cmd("HSETNX");
    command.arg(&index).arg(name(key)?).arg(ANNOUNCED);
    wire.ask(slots::of(&index), command).map(|_| ())
}

/// Says that a rollout has entries. It is only a mark: should it fail, the next process that writes sets it.
pub(super) fn mark(wire: &mut Wire, key: &Key) {
    if !wire.plan.is_cluster() || !wire.plan.memory.first_mark(key) {
        return;
    }
    let index = wire.plan.names.index();
    if let Ok(name) = name(key) {
        let mut command = cmd("HSET");
        command.arg(&index).arg(name).arg(WRITTEN);
        // The batch is written, and that is what the caller asked for.
        let _ = wire.ask(slots::of(&index), command);
    }
}

/// Every rollout that was named, and whether it is known to have entries.
fn named(wire: &mut Wire) -> Result<Vec<(Key, bool)>, Fault> {
    let index = wire.plan.names.index();
    let mut command = cmd("HGETALL");
    command.arg(&index);
    let mut fields = list(wire.ask(slots::of(&index), command)?)?.into_iter();
    let mut found = Vec::new();
    while let (Some(field), Some(mark)) = (fields.next(), fields.next()) {
        let name = text(field)?;
        let key = serde_json::from_str(&name).map_err(|_| corrupt(format!("the index names `{name}`")))?;
        found.push((key, text(mark)? == WRITTEN));
    }
    found.sort();
    Ok(found)
}

/// Every rollout that has entries, in order of name.
pub(super) fn keys(wire: &mut Wire) -> Result<Vec<Key>, Fault> {
    let seen = wire.plan.memory.rollouts();
    let named = named(wire)?;
    if let Some(lost) = seen.iter().find(|key| named.iter().all(|(name, _)| name != *key)) {
        return Err(corrupt(format!(
            "{lost}: the store does not know it any more: the server lost its index of rollouts"
        )));
    }
    let ask = named.iter().map(|(key, _)| {
        let keys = wire.plan.names.rollout(key);
        let mut command = cmd("HEXISTS");
        command.arg(keys.state()).arg("head");
        (keys.slot(), command)
    });
    let ask = ask.collect();
    let mut found = Vec::new();
    for ((key, is_written), there) in named.into_iter().zip(wire.ask_all(ask)?) {
        match (integer(there)? == 1, is_written || seen.contains(&key)) {
            (true, _) => found.push(key),
            (false, true) => {
                return Err(corrupt(format!(
                    "{key}: its ledger is gone: the server that had it came back without its data"
                )));
            }
            (false, false) => {}
        }
    }
    Ok(found)
}

/// Every rollout that was ever named, with or without entries.
pub(super) fn all(wire: &mut Wire) -> Result<Vec<Key>, Fault> {
    Ok(named(wire)?.into_iter().map(|(key, _)| key).collect())
}

/// What a field of a hash says in any of the rollouts.
fn anywhere(
    wire: &mut Wire,
    field: &str,
    hash: impl Fn(&super::names::Rollout) -> String,
) -> Result<Option<String>, Fault> {
    let keys = all(wire)?;
    let ask = keys.iter().map(|key| {
        let keys = wire.plan.names.rollout(key);
        let mut command = cmd("HGET");
        command.arg(hash(&keys)).arg(field);
        (keys.slot(), command)
    });
    let ask = ask.collect();
    let found = wire.ask_all(ask)?.into_iter().find(|value| *value != Value::Nil);
    found.map_or(Ok(None), maybe_text)
}

pub(super) fn policy(wire: &mut Wire, digest: &Digest) -> Result<Option<String>, Fault> {
    if let Some(text) = anywhere(wire, digest.as_str(), |keys| keys.policies())? {
        return Ok(Some(text));
    }
    let hash = wire.plan.names.policies();
    let mut command = cmd("HGET");
    command.arg(&hash).arg(digest.as_str());
    maybe_text(wire.ask(slots::of(&hash), command)?)
}

pub(super) fn decision(wire: &mut Wire, id: &str) -> Result<Option<String>, Fault> {
    anywhere(wire, id, |keys| keys.decisions())
}

/// The digests of all policies, each once, in order.
pub(super) fn policies(wire: &mut Wire) -> Result<Vec<Digest>, Fault> {
    let mut hashes = vec![wire.plan.names.policies()];
    for key in all(wire)? {
        hashes.push(wire.plan.names.rollout(&key).policies());
    }
    let ask = hashes.iter().map(|hash| {
        let mut command = cmd("HKEYS");
        command.arg(hash);
        (slots::of(hash), command)
    });
    let ask = ask.collect();
    let mut digests = Vec::new();
    for names in wire.ask_all(ask)? {
        for name in list(names)? {
            digests.push(Digest::new(text(name)?));
        }
    }
    digests.sort();
    digests.dedup();
    Ok(digests)
}

pub(super) fn put_policy(wire: &mut Wire, digest: &Digest, text: &str) -> Result<(), Fault> {
    if policy(wire, digest)?.is_some() {
        return Ok(());
    }
    let hash = wire.plan.names.policies();
    let mut command = cmd("HSETNX");
    command.arg(&hash).arg(digest.as_str()).arg(text);
    wire.ask_to_keep(slots::of(&hash), command)
}

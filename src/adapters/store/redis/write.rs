//! Writing a chain: a batch, a shorter chain, a chain from elsewhere.

use serde::Serialize;

use super::fault::{Fault, corrupt, unavailable};
use super::index;
use super::lease;
use super::memory::went_back;
use super::names::Rollout;
use super::read::head_of;
use super::script::{APPEND, Call, PRUNE, RESTORE};
use super::values::{Verdict, list, maybe_text};
use super::wire::{Lasting, Wire, other_store};
use crate::ledger::hash::Key;
use crate::ledger::verify::Walk;
use crate::ledger::{Checkpoint, Entry, Head};
use crate::model::ids::Generation;
use crate::ports::crash;
use crate::ports::store::{Appended, Authority, Batch, Exposed, StoreError};

/// How often a batch is tried whose rollout had not heard of the lease.
const HEARINGS: usize = 3;

/// What the script is told besides entries, policies and decisions. Counts are texts: Lua cannot hold 64 bits.
#[derive(Debug, Serialize)]
struct Append<'a> {
    id: &'a str,
    cluster: bool,
    shift: i64,
    name: String,
    nonce: &'a str,
    token: &'a str,
    touch: bool,
    genesis: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    seen: Option<Seen>,
    seq: String,
    hash: &'a str,
    #[serde(flatten)]
    right: Right<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broken: bool,
    #[serde(flatten)]
    end: End,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    exposing: Option<Exposing>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    standing: Option<Standing>,
    entries: usize,
    policies: usize,
    decisions: usize,
}

#[derive(Debug, Serialize)]
struct Seen {
    seen_seq: String,
    seen_hash: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "authority", rename_all = "lowercase")]
enum Right<'a> {
    Leader {
        holder: &'a str,
        fence: String,
    },
    /// Who leads, as the lease's own slot said a moment ago; only in a cluster.
    Unled {
        led: String,
        led_fence: String,
    },
    RollBack,
}

#[derive(Debug, Serialize)]
struct End {
    end_seq: String,
    end_hash: String,
    end_head: String,
}

#[derive(Debug, Serialize)]
struct Exposing {
    generation: String,
    exposed: String,
}

#[derive(Debug, Serialize)]
struct Standing {
    checkpoint_seq: String,
    checkpoint: String,
}

fn json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| corrupt(error.to_string()))
}

impl End {
    fn of(head: &Head) -> Result<End, Fault> {
        Ok(End { end_seq: head.seq.to_string(), end_hash: head.hash.to_string(), end_head: json(head)? })
    }
}

impl Exposing {
    fn of(exposed: &Exposed) -> Result<Exposing, Fault> {
        Ok(Exposing { generation: exposed.generation.0.to_string(), exposed: json(exposed)? })
    }
}

impl Standing {
    fn of(checkpoint: &Checkpoint) -> Standing {
        Standing { checkpoint_seq: checkpoint.head().seq.to_string(), checkpoint: checkpoint.line().to_owned() }
    }
}

/// Whether entries follow a head; the last of them.
fn end_of(key: &Key, head: &Head, entries: &[Entry]) -> Result<Head, String> {
    entries.iter().try_fold(head.clone(), |end, entry| {
        let record = entry.record();
        let follows = record.seq == end.seq.saturating_add(1) && record.prev == end.hash && record.at >= end.at;
        if follows && record.key() == *key {
            Ok(Head::at(entry))
        } else {
            Err(format!("{key}: entry {} of the batch does not follow entry {}", record.seq, end.seq))
        }
    })
}

/// Place and line of each entry, for a script.
fn lines(entries: &[Entry]) -> impl Iterator<Item = String> + '_ {
    entries.iter().flat_map(|entry| [entry.record().seq.to_string(), entry.line().to_owned()])
}

/// Writes a batch under `nonce`, which names this call and no other: a second attempt of the same call that finds the
/// batch written knows that it wrote it itself.
pub(super) fn append(wire: &mut Wire, batch: &Batch, nonce: &str) -> Result<Appended, Fault> {
    crash::here("store.redis.begun");
    index::announce(wire, &batch.key)?;
    let before = wire.plan.memory.seen(&batch.key);
    for _ in 0..HEARINGS {
        let keys = wire.plan.names.rollout(&batch.key);
        let call = call(wire, batch, nonce, &keys)?;
        let verdict = Verdict::read(wire.script(&APPEND, keys.slot(), &call, Lasting::Batch)?)?;
        if verdict.word() == "unheard" {
            if let Authority::Leader(token) = &batch.authority {
                lease::tell(wire, token, &keys)?;
            }
            continue;
        }
        let appended = judged(wire, batch, verdict)?;
        wire.plan.memory.note(&batch.key, before.as_ref(), &appended.head)?;
        index::mark(wire, &batch.key);
        crash::here("store.redis.marked");
        return Ok(appended);
    }
    Err(unavailable("the lease changes hands faster than this rollout hears of it"))
}

fn call(wire: &mut Wire, batch: &Batch, nonce: &str, keys: &Rollout) -> Result<Call, Fault> {
    let right = right(wire, batch)?;
    let plan = &wire.plan;
    let seen = plan.memory.seen(&batch.key);
    let ended = end_of(&batch.key, &batch.expected, &batch.entries);
    let settings = Append {
        id: plan.memory.identity.get().map_or("", String::as_str),
        cluster: plan.is_cluster(),
        shift: plan.shift(),
        name: json(&batch.key)?,
        nonce,
        token: &batch.token,
        touch: plan.options.replicas_to_wait > 0,
        genesis: batch.key.genesis().to_string(),
        seen: seen.map(|head| Seen { seen_seq: head.seq.to_string(), seen_hash: head.hash.to_string() }),
        seq: batch.expected.seq.to_string(),
        hash: batch.expected.hash.as_str(),
        right,
        broken: ended.is_err(),
        end: End::of(&ended.unwrap_or_else(|_| batch.expected.clone()))?,
        exposing: batch.exposed.as_ref().map(Exposing::of).transpose()?,
        standing: batch.checkpoint.as_ref().map(Standing::of),
        entries: batch.entries.len(),
        policies: batch.policies.len(),
        decisions: batch.decisions.len(),
    };
    let policies = batch.policies.iter().flat_map(|(digest, text)| [digest.as_str().to_owned(), text.clone()]);
    let decisions = batch.decisions.iter().flat_map(|(id, text)| [id.clone(), text.clone()]);
    let lines = lines(&batch.entries).chain(policies).chain(decisions).collect();
    let (state, lease, store, index) = if plan.is_cluster() {
        (keys.state(), keys.lease(), keys.state(), keys.state())
    } else {
        (keys.state(), plan.names.lease(), plan.names.store(), plan.names.index())
    };
    let of_chain =
        [keys.entries(), keys.checkpoints(), keys.tokens(), keys.policies(), keys.decisions(), keys.decided()];
    let keys = [state].into_iter().chain(of_chain).chain([lease, store, index]).collect();
    Ok(Call::new(keys, &settings)?.with(lines))
}

fn right<'a>(wire: &mut Wire, batch: &'a Batch) -> Result<Right<'a>, Fault> {
    Ok(match &batch.authority {
        Authority::Leader(token) => Right::Leader { holder: token.holder.as_str(), fence: token.fence.0.to_string() },
        Authority::RollBack => Right::RollBack,
        Authority::Unled if wire.plan.is_cluster() => {
            let (lease, fence) = lease::look(wire)?;
            let led = lease.map_or_else(String::new, |(lease, _)| lease.token.holder.as_str().to_owned());
            Right::Unled { led, led_fence: fence.0.to_string() }
        }
        Authority::Unled => Right::Unled { led: String::new(), led_fence: "0".to_owned() },
    })
}

/// What the script's word means.
fn judged(wire: &Wire, batch: &Batch, mut verdict: Verdict) -> Result<Appended, Fault> {
    let key = &batch.key;
    match verdict.word() {
        "ok" => {
            let head = end_of(key, &batch.expected, &batch.entries).map_err(corrupt)?;
            Ok(Appended { head, again: false, end: batch.end() })
        }
        "again" => {
            let head = head_of(key, maybe_text(verdict.next())?.as_deref())?;
            Ok(Appended { head, again: verdict.count()? == 0, end: verdict.count()? })
        }
        "conflict" => {
            let head = head_of(key, maybe_text(verdict.next())?.as_deref())?;
            wire.plan.memory.note(key, None, &head)?;
            Err(StoreError::Conflict(head).into())
        }
        "stale" => {
            let (carried, held) = (Generation(verdict.count()?), Generation(verdict.count()?));
            Err(StoreError::StaleGeneration { carried, held }.into())
        }
        "led" => Err(lease::led(&mut verdict)?),
        "broken" => Err(corrupt(end_of(key, &batch.expected, &batch.entries).err().unwrap_or_default())),
        "back" => {
            let now = verdict.count()?;
            let seen = wire.plan.memory.seen(key).unwrap_or_else(|| Head::genesis(key));
            Err(went_back(key, &seen, now).into())
        }
        "other" => Err(other_store(&wire.plan.options.place())),
        "torn" => {
            let at = verdict.text()?;
            Err(corrupt(format!("{key}: entry {at} stands behind the end of the ledger")))
        }
        _ => Err(verdict.unheard_of()),
    }
}

/// Drops entries up to a checkpoint; `entry` is the line that was found at its place.
pub(super) fn prune(wire: &mut Wire, base: &Checkpoint, entry: &Entry) -> Result<u64, Fault> {
    #[derive(Serialize)]
    struct Prune<'a> {
        seq: String,
        next: String,
        entry: &'a str,
        checkpoint: &'a str,
    }
    let keys = wire.plan.names.rollout(base.key());
    let seq = base.head().seq;
    let next = seq.saturating_add(1).to_string();
    let settings = Prune { seq: seq.to_string(), next, entry: entry.line(), checkpoint: base.line() };
    let names = vec![keys.state(), keys.entries(), keys.checkpoints(), keys.tokens(), keys.decisions(), keys.decided()];
    let call = Call::new(names, &settings)?;
    let mut verdict = Verdict::read(wire.script(&PRUNE, keys.slot(), &call, Lasting::Yes)?)?;
    match verdict.word() {
        "ok" => verdict.count(),
        "gone" => Err(StoreError::Conflict(head_of(base.key(), maybe_text(verdict.next())?.as_deref())?).into()),
        _ => Err(verdict.unheard_of()),
    }
}

/// One piece of a chain from elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) key: Key,
    /// Names this restoring and no other.
    pub(super) nonce: String,
    pub(super) entries: Vec<Entry>,
    pub(super) is_first: bool,
    /// With the last piece: where the chain ends, and what is exposed.
    pub(super) end: Option<(Head, Exposed)>,
    /// With the first piece: where it begins.
    pub(super) base: Option<Checkpoint>,
}

/// Whether entries are a chain; its end.
pub(super) fn verified(key: &Key, base: Option<&Checkpoint>, entries: &[Entry]) -> Result<Head, Fault> {
    let broken = |broken| corrupt(format!("{key}: {broken}"));
    let mut walk = Walk::new(key, base).map_err(broken)?;
    entries.iter().try_for_each(|entry| walk.step(entry)).map_err(broken)?;
    Ok(walk.head().clone())
}

pub(super) fn restore(wire: &mut Wire, piece: &Piece) -> Result<(), Fault> {
    #[derive(Serialize)]
    struct Restore<'a> {
        id: &'a str,
        cluster: bool,
        name: String,
        nonce: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        first: bool,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        end: Option<End>,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        exposing: Option<Exposing>,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        standing: Option<Standing>,
    }
    index::announce(wire, &piece.key)?;
    let plan = &wire.plan;
    let keys = plan.names.rollout(&piece.key);
    let exposed = piece.end.as_ref().map(|(_, exposed)| exposed).filter(|exposed| exposed.generation.0 > 0);
    let settings = Restore {
        id: plan.memory.identity.get().map_or("", String::as_str),
        cluster: plan.is_cluster(),
        name: json(&piece.key)?,
        nonce: &piece.nonce,
        first: piece.is_first,
        end: piece.end.as_ref().map(|(head, _)| End::of(head)).transpose()?,
        exposing: exposed.map(Exposing::of).transpose()?,
        standing: piece.base.as_ref().map(Standing::of),
    };
    let (store, index) =
        if plan.is_cluster() { (keys.state(), keys.state()) } else { (plan.names.store(), plan.names.index()) };
    let names = vec![keys.state(), keys.entries(), keys.checkpoints(), store, index];
    let call = Call::new(names, &settings)?.with(lines(&piece.entries).collect());
    let mut verdict = Verdict::read(wire.script(&RESTORE, keys.slot(), &call, Lasting::Yes)?)?;
    match verdict.word() {
        "ok" => {}
        "known" => {
            return Err(StoreError::Conflict(head_of(&piece.key, maybe_text(verdict.next())?.as_deref())?).into());
        }
        "overtaken" => return Err(StoreError::Conflict(Head::genesis(&piece.key)).into()),
        "other" => return Err(other_store(&wire.plan.options.place())),
        _ => return Err(verdict.unheard_of()),
    }
    if let Some((head, _)) = &piece.end {
        wire.plan.memory.note(&piece.key, None, head)?;
        index::mark(wire, &piece.key);
    }
    Ok(())
}

/// The entry at one place, if it is there.
pub(super) fn entry_at(wire: &mut Wire, key: &Key, seq: u64) -> Result<Option<Entry>, Fault> {
    let keys = wire.plan.names.rollout(key);
    let mut range = redis::cmd("XRANGE");
    range.arg(keys.entries()).arg(format!("{seq}-0")).arg(format!("{seq}-0"));
    let Some(row) = list(wire.ask(keys.slot(), range)?)?.into_iter().next() else { return Ok(None) };
    Ok(Entry::parse(&super::read::row_of(row)?.1).ok())
}

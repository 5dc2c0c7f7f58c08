//! Keeping a store: is all of it sound, what may be dropped, how it moves to another place.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::engine;
use crate::ledger::export::{BadExport, End, Line, Reader};
use crate::ledger::hash::Key;
use crate::ledger::verify::{Verified, Walk};
use crate::ledger::{Checkpoint, Entry, Head};
use crate::model::event::What;
use crate::model::ids::Digest;
use crate::model::state::RolloutState;
use crate::model::time::Time;
use crate::ports::store::{Exposed, Store, StoreError};

use super::load::{PAGE, genesis};
use super::record::PolicyRecord;

/// The checkpoint a chain begins at, if retention dropped its beginning.
///
/// # Errors
/// The store's.
pub fn base(store: &dyn Store, key: &Key) -> Result<Option<Checkpoint>, StoreError> {
    match store.entries(key, 0, 1)?.first() {
        Some(first) => store.checkpoint(key, first.record().seq.saturating_sub(1)),
        None => store.checkpoint(key, u64::MAX),
    }
}

/// Hands every entry of a chain to `each`, in order.
///
/// # Errors
/// The store's, or whatever `each` says.
pub fn for_each<E: From<StoreError>>(
    store: &dyn Store,
    key: &Key,
    each: impl FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    for_each_from(store, key, 0, each)
}

fn for_each_from<E: From<StoreError>>(
    store: &dyn Store,
    key: &Key,
    mut from: u64,
    mut each: impl FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    loop {
        let page = store.entries(key, from, PAGE)?;
        let is_last = page.len() < PAGE;
        for entry in page {
            from = entry.record().seq.saturating_add(1);
            each(entry)?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// A chain that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Which.
    pub key: Key,
    /// The checkpoint it begins at, if its beginning was dropped.
    pub base: Option<Checkpoint>,
    /// What it holds.
    pub chain: Verified,
    /// What is wrong, in words; the first break of the chain ends the search.
    pub problems: Vec<String>,
}

/// How often it is looked again when others write, or prune, meanwhile.
const ATTEMPTS: usize = 16;

/// Looks at everything a store says about one rollout: the chain, every checkpoint against the fold, the exposure
/// against the state, the policies against their digests. Others may write meanwhile.
///
/// # Errors
/// The store's, except for damage, which is a problem and no error.
pub fn check(store: &dyn Store, key: &Key) -> Result<Checked, StoreError> {
    match check_sound(store, key).or_else(|error| again(error, store, key)) {
        Err(StoreError::Corrupt { what }) => {
            let chain = Verified { entries: 0, from: 0, head: Head::genesis(key) };
            Ok(Checked { key: key.clone(), base: None, chain, problems: vec![what] })
        }
        other => other,
    }
}

/// Pruning while it is read looks like a hole; damage is still there at a second look.
fn again(error: StoreError, store: &dyn Store, key: &Key) -> Result<Checked, StoreError> {
    if matches!(error, StoreError::Corrupt { .. }) { check_sound(store, key) } else { Err(error) }
}

/// A chain, as far as it was looked at.
struct Look {
    walk: Walk,
    state: RolloutState,
    problems: Vec<String>,
    policies: Vec<Digest>,
}

impl Look {
    /// Goes on to where the entries end now.
    fn on(&mut self, store: &dyn Store, key: &Key) -> Result<(), StoreError> {
        for_each_from(store, key, self.walk.head().seq.saturating_add(1), |entry| {
            let damaged = |broken: crate::ledger::Broken| StoreError::Corrupt { what: format!("{key}: {broken}") };
            self.walk.step(&entry).map_err(damaged)?;
            self.state = engine::fold(std::mem::replace(&mut self.state, genesis()), &entry.record().event());
            if let What::PolicyChanged { new, .. } = &entry.record().what {
                self.policies.push(new.clone());
            }
            let seq = entry.record().seq;
            let here = store.checkpoint(key, seq)?.filter(|checkpoint| checkpoint.head().seq == seq);
            let is_fold = |at: &Checkpoint| *at.head() == Head::at(&entry) && *at.state() == self.state;
            if here.is_some_and(|checkpoint| !is_fold(&checkpoint)) {
                self.problems.push(format!("the checkpoint at entry {seq} is not the fold of the entries up to it"));
            }
            Ok::<(), StoreError>(())
        })
    }
}

fn check_sound(store: &dyn Store, key: &Key) -> Result<Checked, StoreError> {
    let damaged = |what: String| StoreError::Corrupt { what: format!("{key}: {what}") };
    let base = base(store, key)?;
    let walk = Walk::new(key, base.as_ref()).map_err(|broken| damaged(broken.to_string()))?;
    let state = base.as_ref().map_or_else(genesis, |base| base.state().clone());
    let policies = state.policy.iter().cloned().collect();
    let mut look = Look { walk, state, problems: Vec::new(), policies };
    look.on(store, key)?;
    let (mut exposed, mut head) = (store.exposed(key)?, store.head(key)?);
    for _ in 1..ATTEMPTS {
        if head.seq <= look.walk.head().seq {
            break;
        }
        // Somebody wrote meanwhile: what is exposed goes with the entries only if the chain still ends where they do.
        look.on(store, key)?;
        (exposed, head) = (store.exposed(key)?, store.head(key)?);
    }
    let Look { walk, state, mut problems, mut policies } = look;
    if head != *walk.head() {
        problems.push(format!("entries end at {}, and should end at {}", walk.head().seq, head.seq));
    }
    if exposed.generation > state.generation {
        problems.push(format!(
            "generation {} is exposed, and the ledger only knows {}",
            exposed.generation, state.generation
        ));
    }
    policies.dedup();
    for digest in policies {
        problems.extend(policy_problem(store, &digest)?);
    }
    Ok(Checked { key: key.clone(), base, chain: walk.end(), problems })
}

fn policy_problem(store: &dyn Store, digest: &Digest) -> Result<Option<String>, StoreError> {
    let why = match store.policy(digest)?.as_deref().map(PolicyRecord::parse) {
        None => "the store has it no more".to_owned(),
        Some(Err(why)) => why,
        Some(Ok(record)) if !record.is_intact() => "its text is not what its digest was made of".to_owned(),
        Some(Ok(_)) => return Ok(None),
    };
    Ok(Some(format!("policy {}: {why}", digest.short())))
}

/// What pruning dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// How many entries.
    pub entries: u64,
    /// The checkpoint from which the chain goes on, when anything was dropped.
    pub base: Option<u64>,
}

/// Drops what is older than `before`, keeping a checkpoint. The newest entry always stays.
///
/// # Errors
/// The store's; a chain that is broken is never pruned.
pub fn prune(store: &dyn Store, key: &Key, before: Time) -> Result<Pruned, StoreError> {
    let damaged = |what: String| StoreError::Corrupt { what: format!("{key}: {what}") };
    let head = store.head(key)?;
    let start = base(store, key)?;
    let mut walk = Walk::new(key, start.as_ref()).map_err(|broken| damaged(broken.to_string()))?;
    let mut state = start.as_ref().map_or_else(genesis, |base| base.state().clone());
    let (mut last, mut is_old) = (None, true);
    for_each(store, key, |entry| {
        walk.step(&entry).map_err(|broken| damaged(broken.to_string()))?;
        is_old = is_old && entry.record().at < before && entry.record().seq < head.seq;
        if is_old {
            state = engine::fold(std::mem::replace(&mut state, genesis()), &entry.record().event());
            last = Some(Head::at(&entry));
        }
        Ok::<(), StoreError>(())
    })?;
    let Some(last) = last else { return Ok(Pruned { entries: 0, base: None }) };
    let base = Checkpoint::seal(key, &last, &state).map_err(|why| damaged(why.to_string()))?;
    Ok(Pruned { entries: store.prune(&base)?, base: Some(last.seq) })
}

/// The first line of a store's export; after it the policies, what is exposed, and the chains.
#[derive(Debug, Serialize, Deserialize)]
struct Preamble {
    store: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptPolicy {
    policy: PolicyRecord,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptExposure {
    exposed: Exposed,
    #[serde(flatten)]
    key: Key,
}

/// Whether a line of a store's export is none of a chain's.
#[must_use]
pub fn is_beside_chains(line: &str) -> bool {
    ["{\"store\":", "{\"policy\":", "{\"exposed\":"].iter().any(|start| line.starts_with(start))
}

/// Why an export or an import did not go through.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file's.
    #[error("cannot read or write")]
    Io(#[from] io::Error),
    /// The export is not whole.
    #[error("the export cannot be trusted: {0}")]
    Export(#[from] BadExport),
    /// A line beside the chains is not as it should be.
    #[error("line {0}: {1}")]
    Line(usize, String),
}

/// Writes one chain as an export: checkpoint, entries, end.
///
/// # Errors
/// The store's, or the writer's.
pub fn export_chain(store: &dyn Store, key: &Key, out: &mut dyn Write) -> Result<u64, KeepError> {
    let base = base(store, key)?;
    if let Some(base) = &base {
        writeln!(out, "{}", base.line())?;
    }
    let mut head = base.map_or_else(|| Head::genesis(key), |base| base.head().clone());
    let mut count = 0;
    for_each(store, key, |entry| {
        writeln!(out, "{}", entry.line())?;
        (head, count) = (Head::at(&entry), count + 1);
        Ok::<(), KeepError>(())
    })?;
    writeln!(out, "{}", End { end: head, key: key.clone() }.line())?;
    Ok(count)
}

/// Writes a whole store.
///
/// # Errors
/// The store's, or the writer's.
pub fn export(store: &dyn Store, out: &mut dyn Write) -> Result<(), KeepError> {
    let mut policies = Vec::new();
    for digest in store.policies()? {
        policies.extend(store.policy(&digest)?.and_then(|text| PolicyRecord::parse(&text).ok()));
    }
    let keys = store.keys()?;
    let mut exposures = Vec::new();
    for key in &keys {
        exposures.push((key.clone(), store.exposed(key)?));
    }
    export_policies(policies, out)?;
    export_exposures(exposures, out)?;
    for key in &keys {
        export_chain(store, key, out)?;
    }
    Ok(())
}

fn put(out: &mut dyn Write, text: serde_json::Result<String>) -> Result<(), KeepError> {
    Ok(writeln!(out, "{}", text.map_err(io::Error::from)?)?)
}

/// Begins an export: its shape, and the policies.
///
/// # Errors
/// The writer's.
pub fn export_policies(policies: Vec<PolicyRecord>, out: &mut dyn Write) -> Result<(), KeepError> {
    put(out, serde_json::to_string(&Preamble { store: crate::ports::store::STORE_VERSION }))?;
    policies.into_iter().try_for_each(|policy| put(out, serde_json::to_string(&KeptPolicy { policy })))
}

/// Writes what is exposed; beside the chains, before or after them.
///
/// # Errors
/// The writer's.
pub fn export_exposures(exposures: Vec<(Key, Exposed)>, out: &mut dyn Write) -> Result<(), KeepError> {
    exposures.into_iter().try_for_each(|(key, exposed)| put(out, serde_json::to_string(&KeptExposure { exposed, key })))
}

/// What an import brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// The chains.
    pub chains: Vec<(Key, Verified)>,
    /// How many policies.
    pub policies: usize,
}

/// One chain of an import, while it is read.
#[derive(Default)]
struct Chain {
    base: Option<Checkpoint>,
    entries: Vec<Entry>,
}

/// Reads an export into a store that knows none of its rollouts. The whole export is checked before anything is written.
///
/// # Errors
/// The export is not whole, or the store's.
pub fn import(store: &dyn Store, input: &mut dyn BufRead) -> Result<Imported, KeepError> {
    let (mut reader, mut policies, mut exposures) = (Reader::default(), Vec::new(), Vec::new());
    let (mut chains, mut open): (Vec<Chain>, Chain) = (Vec::new(), Chain::default());
    for (at, line) in input.lines().enumerate() {
        let (line, at) = (line?, at + 1);
        let wrong = |error: serde_json::Error| KeepError::Line(at, error.to_string());
        if line.starts_with("{\"store\":") {
            let preamble: Preamble = serde_json::from_str(&line).map_err(wrong)?;
            let wanted = crate::ports::store::STORE_VERSION;
            if preamble.store != wanted {
                return Err(StoreError::OtherVersion { found: preamble.store, wanted }.into());
            }
            reader.pass();
        } else if line.starts_with("{\"policy\":") {
            let kept: KeptPolicy = serde_json::from_str(&line).map_err(wrong)?;
            policies.push(kept.policy);
            reader.pass();
        } else if line.starts_with("{\"exposed\":") {
            exposures.push(serde_json::from_str::<KeptExposure>(&line).map_err(wrong)?);
            reader.pass();
        } else {
            match reader.line(&line)? {
                Some(Line::Checkpoint(base)) => open.base = Some(base),
                Some(Line::Entry(entry)) => open.entries.push(entry),
                Some(Line::End(_)) => chains.push(std::mem::take(&mut open)),
                None => {}
            }
        }
    }
    let verified = reader.finish()?;
    for (key, _) in &verified {
        let known = store.head(key)?;
        if known.seq > 0 {
            return Err(StoreError::Conflict(known).into());
        }
    }
    for policy in &policies {
        store.put_policy(&policy.digest, &policy.text())?;
    }
    for ((key, _), chain) in verified.iter().zip(&chains) {
        let exposed = exposures.iter().find(|kept| kept.key == *key).map(|kept| kept.exposed.clone());
        store.restore(key, chain.base.as_ref(), &chain.entries, &exposed.unwrap_or_default())?;
    }
    Ok(Imported { chains: verified, policies: policies.len() })
}

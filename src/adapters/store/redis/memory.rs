//! What this process has seen of a store. A server may come back empty, or older than it was: restarted without its
//! data, restored from a backup, failed over to a replica that lagged behind. It does not know; this process does.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::ledger::Head;
use crate::ledger::hash::Key;
use crate::model::ids::Generation;
use crate::ports::store::StoreError;

/// Marks that only rise.
#[derive(Debug)]
pub(super) struct Memory {
    /// The store's own name, drawn when it was made.
    pub(super) identity: OnceLock<String>,
    marks: Mutex<Marks>,
    nonce: (u64, AtomicU64),
}

#[derive(Debug, Default)]
struct Marks {
    heads: HashMap<Key, Head>,
    /// Rollouts that this process has marked in the index.
    marked: HashSet<Key>,
    fence: Generation,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { identity: OnceLock::new(), marks: Mutex::default(), nonce: (random(), AtomicU64::new(0)) }
    }
}

/// A number nobody else has: the keys of a hash map are drawn at random.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A name for a store that is being made.
pub(super) fn new_identity() -> String {
    format!("{:016x}{:016x}", random(), random())
}

impl Memory {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        // A mark is written whole or not at all.
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for one attempt, that no other attempt of any process has.
    pub(super) fn nonce(&self) -> String {
        format!("{:016x}-{}", self.nonce.0, self.nonce.1.fetch_add(1, Ordering::Relaxed))
    }

    /// The furthest end of a chain that anybody in this process has seen. To be read before the server is asked: what
    /// it answers may be newer, and never older.
    pub(super) fn seen(&self, key: &Key) -> Option<Head> {
        self.marks().heads.get(key).cloned()
    }

    /// Every rollout that had entries.
    pub(super) fn rollouts(&self) -> Vec<Key> {
        self.marks().heads.keys().cloned().collect()
    }

    /// Compares what the server says with what was seen before it was asked, and remembers it.
    pub(super) fn note(&self, key: &Key, before: Option<&Head>, now: &Head) -> Result<(), StoreError> {
        if let Some(before) = before
            && (now.seq < before.seq || (now.seq == before.seq && now.hash != before.hash))
        {
            return Err(went_back(key, before, now.seq));
        }
        if now.seq > 0 {
            let mut marks = self.marks();
            let mark = marks.heads.entry(key.clone()).or_insert_with(|| now.clone());
            if mark.seq < now.seq {
                *mark = now.clone();
            }
        }
        Ok(())
    }

    /// Whether a rollout is to be marked in the index, which is done once per process.
    pub(super) fn first_mark(&self, key: &Key) -> bool {
        self.marks().marked.insert(key.clone())
    }

    /// The highest fence seen.
    pub(super) fn fence(&self) -> Generation {
        self.marks().fence
    }

    pub(super) fn note_fence(&self, fence: Generation) {
        let mut marks = self.marks();
        marks.fence = marks.fence.max(fence);
    }
}

/// The server lost what it had acknowledged.
pub(super) fn went_back(key: &Key, seen: &Head, now: u64) -> StoreError {
    let what =
        if now == seen.seq { "another entry stands in its place".to_owned() } else { format!("ends in entry {now}") };
    StoreError::Corrupt {
        what: format!(
            "{key}: the ledger {what}, and this process has seen entry {}: the server lost what it had acknowledged \
             (restarted without its data, restored, or failed over to a replica that lagged). Restore an export, or \
             restart every controller to go on from what is left",
            seen.seq
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Time;

    fn head(seq: u64) -> Head {
        Head { seq, at: Time::from_millis(0), ..Head::genesis(&key()) }
    }

    fn key() -> Key {
        Key::new("a".into(), "b".into())
    }

    #[test]
    fn a_chain_that_got_shorter_or_changed_is_told_and_a_slow_answer_is_not_taken_for_one() {
        let memory = Memory::default();
        memory.note(&key(), None, &head(0)).unwrap();
        assert_eq!(memory.seen(&key()), None);
        memory.note(&key(), None, &head(5)).unwrap();
        let before_the_slow_one = memory.seen(&key());
        memory.note(&key(), memory.seen(&key()).as_ref(), &head(6)).unwrap();
        // Asked before entry 6 was there, answered after.
        memory.note(&key(), before_the_slow_one.as_ref(), &head(5)).unwrap();
        assert_eq!(memory.seen(&key()), Some(head(6)));
        let refused = memory.note(&key(), memory.seen(&key()).as_ref(), &head(5)).unwrap_err();
        assert!(refused.to_string().contains("ends in entry 5, and this process has seen entry 6"), "{refused}");
        let other = Head { hash: Key::new("x".into(), "y".into()).genesis(), ..head(6) };
        assert!(memory.note(&key(), memory.seen(&key()).as_ref(), &other).is_err());
    }
}

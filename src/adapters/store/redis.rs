//! A store in Redis, shared by several controllers: one server, one that Sentinel elects, or a cluster.
//!
//! What it rests on:
//!
//! - **One script per batch.** It checks the token, the authority, the expected end and the generation, in the order of
//!   the embedded store, and then writes everything, in one step of the server. A fence is so checked where it counts.
//! - **Entries are a stream** whose ids are their places: read by range, dropped from the front by one exact trim, packed
//!   tightly for 30 days of them, and Redis itself refuses a place that was there before. A list finds places only by
//!   counting after a trim; a hash has no order.
//! - **`OK` is no proof.** A write waits for as many replicas as it is told to, and counts them. The master is asked
//!   for before every call, of a majority of sentinels, so a deposed one that was resumed is not written to.
//! - **A server may come back empty, or older.** The store has a name, and this process remembers the furthest it has
//!   seen: what went back is damage, and never taken for a fresh store.
//! - **Every call ends by its deadline**, and a connection with a reply under way is never used again.

pub(in crate::adapters) mod conn;
pub(in crate::adapters) mod fault;
mod health;
mod index;
mod lanes;
mod lease;
mod memory;
mod names;
mod options;
mod read;
mod script;
pub(in crate::adapters) mod sentinels;
mod slots;
mod values;
mod wire;
mod write;

use std::sync::Arc;

pub use options::{BadAddress, Credentials, Options, Servers, Tls};

use self::fault::unavailable;
use self::lanes::{Lanes, Twice};
use self::memory::Memory;
use self::names::Names;
use self::wire::Plan;
use self::write::Piece;
use crate::ledger::hash::Key;
use crate::ledger::{Checkpoint, Entry, Head};
use crate::model::ids::{Actor, Digest};
use crate::model::time::Duration;
use crate::ports::crash;
use crate::ports::store::{Appended, Batch, Exposed, Lease, LeaseToken, Store, StoreError};

/// A store in Redis.
pub struct Redis {
    lanes: Lanes,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl Redis {
    /// Opens the store, and makes sure that it is there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no server, [`StoreError::Refused`] when it does not take these options,
    /// [`StoreError::Missing`] when there is no store, [`StoreError::OtherVersion`], [`StoreError::Corrupt`].
    pub fn open(options: Options) -> Result<Redis, StoreError> {
        let store = Redis::unopened(options)?;
        store.leader()?;
        Ok(store)
    }

    /// The store, without looking whether it is there: for a controller that must start while its store is away. The
    /// first call that reaches it looks.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the options cannot be meant.
    pub fn unopened(options: Options) -> Result<Redis, StoreError> {
        if let Some(problem) = options.problem() {
            return Err(StoreError::Refused(problem));
        }
        let names = Names::new(&options.prefix);
        let plan = Plan::new(options, names, Memory::default());
        Ok(Redis { lanes: Lanes::new(Arc::new(plan)) })
    }

    /// Where it is, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        self.lanes.plan().options.place()
    }

    /// The store's own name, drawn when it was made; none before the first call that reached it.
    #[must_use]
    pub fn identity(&self) -> Option<&str> {
        self.lanes.plan().memory.identity.get().map(String::as_str)
    }

    /// What is set up on the servers so that acknowledged writes may be lost, each in a sentence; to be logged at the
    /// start, and after a failover.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn notes(&self) -> Result<Vec<String>, StoreError> {
        self.lanes.call(Twice::Fine, health::notes)
    }

    /// Lets the store's clock run ahead of the server's: tests do not wait for a lease to end.
    #[cfg(debug_assertions)]
    pub fn shift_clock(&self, by: Duration) {
        self.lanes.plan().shift_by(by);
    }

    fn new_nonce(&self) -> String {
        self.lanes.plan().memory.nonce()
    }
}

impl Store for Redis {
    fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.lanes.call(Twice::Fine, index::keys)
    }

    fn head(&self, key: &Key) -> Result<Head, StoreError> {
        let key = key.clone();
        self.lanes.call(Twice::Fine, move |wire| read::head(wire, &key))
    }

    fn entries(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let (mut found, mut from) = (Vec::new(), from);
        while found.len() < limit {
            let (key, piece) = (key.clone(), (limit - found.len()).min(read::PIECE));
            let (entries, is_last) =
                self.lanes.call(Twice::Fine, move |wire| read::entries(wire, &key, from, piece))?;
            found.extend(entries);
            if is_last {
                break;
            }
            from = found.last().map_or(from, |entry: &Entry| entry.record().seq.saturating_add(1));
        }
        Ok(found)
    }

    fn checkpoint(&self, key: &Key, at_most: u64) -> Result<Option<Checkpoint>, StoreError> {
        let key = key.clone();
        self.lanes.call(Twice::Fine, move |wire| read::checkpoint(wire, &key, at_most))
    }

    fn append(&self, batch: &Batch) -> Result<Appended, StoreError> {
        let (batch, nonce) = (batch.clone(), self.new_nonce());
        let appended = self.lanes.call(Twice::Fine, move |wire| write::append(wire, &batch, &nonce))?;
        crash::here("store.redis.acknowledged");
        Ok(appended)
    }

    fn exposed(&self, key: &Key) -> Result<Exposed, StoreError> {
        let key = key.clone();
        self.lanes.call(Twice::Fine, move |wire| read::exposed(wire, &key))
    }

    fn policy(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        let digest = digest.clone();
        self.lanes.call(Twice::Fine, move |wire| index::policy(wire, &digest))
    }

    fn policies(&self) -> Result<Vec<Digest>, StoreError> {
        self.lanes.call(Twice::Fine, index::policies)
    }

    fn decision(&self, id: &str) -> Result<Option<String>, StoreError> {
        let id = id.to_owned();
        self.lanes.call(Twice::Fine, move |wire| index::decision(wire, &id))
    }

    fn prune(&self, base: &Checkpoint) -> Result<u64, StoreError> {
        let base = base.clone();
        self.lanes.call(Twice::Never, move |wire| {
            let (key, seq) = (base.key(), base.head().seq);
            match write::entry_at(wire, key, seq)? {
                Some(entry) if Head::at(&entry) == *base.head() => write::prune(wire, &base, &entry),
                _ => Err(StoreError::Conflict(read::head(wire, key)?).into()),
            }
        })
    }

    fn restore(
        &self,
        key: &Key,
        base: Option<&Checkpoint>,
        entries: &[Entry],
        exposed: &Exposed,
    ) -> Result<(), StoreError> {
        let known = self.head(key)?;
        if known.seq > 0 {
            return Err(StoreError::Conflict(known));
        }
        let head = write::verified(key, base, entries).map_err(fault::Fault::in_words)?;
        let nonce = self.new_nonce();
        let mut pieces: Vec<&[Entry]> = entries.chunks(read::PIECE).collect();
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let last = pieces.len() - 1;
        for (at, entries) in pieces.into_iter().enumerate() {
            let piece = Piece {
                key: key.clone(),
                nonce: nonce.clone(),
                entries: entries.to_vec(),
                is_first: at == 0,
                end: (at == last).then(|| (head.clone(), exposed.clone())),
                base: base.filter(|_| at == 0).cloned(),
            };
            self.lanes.call(Twice::Never, move |wire| write::restore(wire, &piece))?;
        }
        Ok(())
    }

    fn put_policy(&self, digest: &Digest, text: &str) -> Result<(), StoreError> {
        let (digest, text) = (digest.clone(), text.to_owned());
        self.lanes.call(Twice::Fine, move |wire| index::put_policy(wire, &digest, &text))
    }

    fn acquire(&self, holder: &Actor, term: Duration) -> Result<LeaseToken, StoreError> {
        if holder.as_str().is_empty() {
            return Err(unavailable("a holder of the lease has a name").in_words());
        }
        let holder = holder.clone();
        self.lanes.call(Twice::Fine, move |wire| lease::acquire(wire, &holder, term))
    }

    fn renew(&self, token: &LeaseToken, term: Duration) -> Result<Lease, StoreError> {
        let token = token.clone();
        self.lanes.call(Twice::Fine, move |wire| lease::renew(wire, &token, term))
    }

    fn release(&self, token: &LeaseToken) -> Result<(), StoreError> {
        let token = token.clone();
        self.lanes.call(Twice::Fine, move |wire| lease::release(wire, &token))
    }

    fn leader(&self) -> Result<Option<Lease>, StoreError> {
        self.lanes.call(Twice::Fine, |wire| Ok(lease::look(wire)?.0.map(|(lease, _)| lease)))
    }
}

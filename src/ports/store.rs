//! The store: keeps ledgers, exposures, policies and decision records, and elects a leader.
//!
//! One trait for a file on one machine and for Redis shared by many, so it asks for no more than both can do: one
//! atomic, conditional write per rollout ([`Store::append`], in Redis one script over keys with one hash tag), reads
//! by range, and a lease. All calls are synchronous and have a deadline of their own: a store that hangs is a store
//! that failed, and the caller goes on.
//!
//! The contract is tested once, in `tests/store_contract`, against every implementation.

mod error;
mod values;

pub use error::StoreError;
pub use values::{Appended, Authority, Batch, Exposed, Exposure, Lease, LeaseToken};

use crate::ledger::hash::Key;
use crate::ledger::{Checkpoint, Entry, Head};
use crate::model::ids::{Actor, Digest};
use crate::model::time::Duration;

/// The shape of what a store holds; a store of another shape is refused, never guessed at.
pub const STORE_VERSION: u32 = 1;

/// Keeps everything that must survive.
pub trait Store: Send + Sync {
    /// The rollouts it knows, in order of name.
    ///
    /// # Errors
    /// See [`StoreError`]; so for every call.
    fn keys(&self) -> Result<Vec<Key>, StoreError>;

    /// The end of a chain; its genesis when nothing was ever appended.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn head(&self, key: &Key) -> Result<Head, StoreError>;

    /// At most `limit` entries from `from` on, in order. Entries that retention dropped are not there.
    ///
    /// # Errors
    /// See [`StoreError`]; an entry whose seal is broken is [`StoreError::Corrupt`].
    fn entries(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// The newest checkpoint at or before entry `at_most`.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn checkpoint(&self, key: &Key, at_most: u64) -> Result<Option<Checkpoint>, StoreError>;

    /// Writes a batch, all of it or nothing, and returns only when it is on disk (for Redis: on as many as it is
    /// configured to wait for).
    ///
    /// The store checks, in this order and in the same transaction: a batch whose `token` it has seen was written
    /// before, and is acknowledged again without writing; the `authority`; that the chain still ends in `expected`;
    /// that the exposure's generation is newer than the one in force.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing of the batch is then visible.
    fn append(&self, batch: &Batch) -> Result<Appended, StoreError>;

    /// What is exposed: every feature of the rollout, per region where regions differ.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn exposed(&self, key: &Key) -> Result<Exposed, StoreError>;

    /// The policy with this digest, as it was put.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn policy(&self, digest: &Digest) -> Result<Option<String>, StoreError>;

    /// The digests of all policies it holds, in order.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn policies(&self) -> Result<Vec<Digest>, StoreError>;

    /// A decision record by its id, as it was put.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn decision(&self, id: &str) -> Result<Option<String>, StoreError>;

    /// Drops the entries up to `base`, which is kept and from which the chain goes on.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::Conflict`] when the chain has no such entry.
    fn prune(&self, base: &Checkpoint) -> Result<u64, StoreError>;

    /// Writes a chain that was exported elsewhere, with what it exposes; the rollout must be unknown here.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::Conflict`] when the rollout is known.
    fn restore(
        &self,
        key: &Key,
        base: Option<&Checkpoint>,
        entries: &[Entry],
        exposed: &Exposed,
    ) -> Result<(), StoreError>;

    /// Puts a policy or a decision record beside the chains; content that is there already is left alone.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn put_policy(&self, digest: &Digest, text: &str) -> Result<(), StoreError>;

    /// Takes the lease if nobody has it, or if its time is over; a holder gets its own back with a longer time. A new
    /// holder gets a higher fence than any before, and whoever carries a lower one is refused from then on.
    ///
    /// # Errors
    /// [`StoreError::NotLeader`] while somebody else has it.
    fn acquire(&self, holder: &Actor, term: Duration) -> Result<LeaseToken, StoreError>;

    /// Extends a lease that is still held.
    ///
    /// # Errors
    /// [`StoreError::StaleGeneration`] when somebody took it since, [`StoreError::NotLeader`] when its time is over.
    fn renew(&self, token: &LeaseToken, term: Duration) -> Result<Lease, StoreError>;

    /// Gives a lease back; one that is no longer held is nothing to complain about.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn release(&self, token: &LeaseToken) -> Result<(), StoreError>;

    /// Who has the lease, if anybody has.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn leader(&self) -> Result<Option<Lease>, StoreError>;
}

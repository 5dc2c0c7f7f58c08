//! The journal: snapshots as they came in, on disk before they are acknowledged. A controller that starts again reads
//! them back and knows what it knew; `explain` evaluates them again.

use crate::ledger::hash::Key;
use crate::model::snapshot::Snapshot;
use crate::model::time::Time;

use super::store::StoreError;

/// Told once, from any thread, whether snapshots are on disk; it must not block.
pub type Kept = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Keeps the snapshots of the last hours.
pub trait Journal: Send + Sync {
    /// Keeps `snapshots`, which came in at `at` for `key`; they are on disk when this returns. Calls of several threads
    /// share one flush.
    ///
    /// # Errors
    /// They may not be on disk: whoever sent them must send them again.
    fn keep(&self, key: &Key, at: Time, snapshots: &[Snapshot]) -> Result<(), StoreError>;

    /// The same without waiting: `done` hears how it ended. Calls are kept, and their ends told, in the order in which
    /// they were made.
    fn keep_then(&self, key: &Key, at: Time, snapshots: &[Snapshot], done: Kept) {
        done(self.keep(key, at, snapshots));
    }

    /// Hands every snapshot that came in at or after `since` to `each`, in the order in which they came in. What cannot
    /// be read (the torn end of a crash) is passed over and counted in the answer.
    ///
    /// # Errors
    /// The journal cannot be read at all.
    fn recall(&self, key: &Key, since: Time, each: &mut dyn FnMut(Time, Snapshot)) -> Result<u64, StoreError>;

    /// Drops what came in before `before`, as far as whole segments go.
    ///
    /// # Errors
    /// It cannot be dropped; it is tried again the next time.
    fn forget(&self, before: Time) -> Result<(), StoreError>;
}

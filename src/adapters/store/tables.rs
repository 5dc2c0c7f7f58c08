//! The tables of the file, and redb's errors in the port's words.

use redb::{CommitError, DatabaseError, StorageError, TableDefinition, TableError, TransactionError};

use crate::ports::store::StoreError;

/// A chain: rollout and environment.
pub(super) type Chain = (&'static str, &'static str);
/// An entry or a checkpoint: rollout, environment, place.
pub(super) type Place = (&'static str, &'static str, u64);

/// What the file is: its shape.
pub(super) const META: TableDefinition<'static, &'static str, u32> = TableDefinition::new("meta");
/// The end of each chain, as JSON.
pub(super) const HEADS: TableDefinition<'static, Chain, &'static str> = TableDefinition::new("heads");
/// Entries, each its own line.
pub(super) const ENTRIES: TableDefinition<'static, Place, &'static str> = TableDefinition::new("entries");
/// Checkpoints, each its own line.
pub(super) const CHECKPOINTS: TableDefinition<'static, Place, &'static str> = TableDefinition::new("checkpoints");
/// What is exposed, as JSON: one value per rollout, so that its features cannot move apart.
pub(super) const EXPOSED: TableDefinition<'static, Chain, &'static str> = TableDefinition::new("exposed");
/// Batches written, by token, with the entry they ended in.
pub(super) const TOKENS: TableDefinition<'static, (&'static str, &'static str, &'static str), u64> =
    TableDefinition::new("tokens");
/// Policies by digest.
pub(super) const POLICIES: TableDefinition<'static, &'static str, &'static str> = TableDefinition::new("policies");
/// Decision records by id.
pub(super) const DECISIONS: TableDefinition<'static, &'static str, &'static str> = TableDefinition::new("decisions");
/// The lease, and the highest fence ever given out.
pub(super) const LEASE: TableDefinition<'static, &'static str, &'static str> = TableDefinition::new("lease");

/// The key of the file's shape in [`META`].
pub(super) const VERSION: &str = "version";

/// Every error of redb, in the port's words.
pub(super) trait InWords<T> {
    /// The value, or what the caller must know.
    fn in_words(self) -> Result<T, StoreError>;
}

impl<T, E: Into<Fault>> InWords<T> for Result<T, E> {
    fn in_words(self) -> Result<T, StoreError> {
        self.map_err(|error| match error.into() {
            Fault::Storage(error) => storage(error),
            Fault::Other(text) => StoreError::Unavailable(text),
            Fault::Damaged(what) => StoreError::Corrupt { what },
        })
    }
}

/// What redb's many errors come down to.
pub(super) enum Fault {
    Storage(StorageError),
    Damaged(String),
    Other(String),
}

impl From<StorageError> for Fault {
    fn from(error: StorageError) -> Fault {
        Fault::Storage(error)
    }
}

impl From<TransactionError> for Fault {
    fn from(error: TransactionError) -> Fault {
        match error {
            TransactionError::Storage(error) => Fault::Storage(error),
            other => Fault::Other(other.to_string()),
        }
    }
}

impl From<CommitError> for Fault {
    fn from(error: CommitError) -> Fault {
        match error {
            CommitError::Storage(error) => Fault::Storage(error),
            other => Fault::Other(other.to_string()),
        }
    }
}

impl From<TableError> for Fault {
    fn from(error: TableError) -> Fault {
        match error {
            TableError::Storage(error) => Fault::Storage(error),
            // A table is missing or of another type: the file is a redb file, and not one of ours.
            other => Fault::Damaged(other.to_string()),
        }
    }
}

impl From<DatabaseError> for Fault {
    fn from(error: DatabaseError) -> Fault {
        match error {
            DatabaseError::Storage(error) => Fault::Storage(error),
            other => Fault::Other(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Fault {
        Fault::Damaged(format!("a value is not what was written: {error}"))
    }
}

fn storage(error: StorageError) -> StoreError {
    match error {
        StorageError::Corrupted(what) => StoreError::Corrupt { what },
        StorageError::Io(error) => io(&error),
        StorageError::PreviousIo => {
            StoreError::Unavailable("an earlier write failed; it must be opened again".to_owned())
        }
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// An error of the file system.
pub(super) fn io(error: &std::io::Error) -> StoreError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full(error.to_string())
        }
        // How redb says that a file is not its own, or is cut off.
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => StoreError::Corrupt { what: error.to_string() },
        _ => StoreError::Unavailable(error.to_string()),
    }
}

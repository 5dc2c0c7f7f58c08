//! The embedded store: one file, nothing to install. Every write is one transaction, on disk (fsync) before it is
//! acknowledged; one process at a time has it open.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{RwLock, RwLockReadGuard};

use redb::{Builder, Database, ReadableDatabase as _, ReadableTable as _};

use crate::ledger::hash::Key;
use crate::ledger::{Checkpoint, Entry, Head};
use crate::model::ids::{Actor, Digest};
use crate::model::time::Duration;
use crate::ports::clock::Clock;
use crate::ports::store::{Appended, Batch, Exposed, Lease, LeaseToken, STORE_VERSION, Store, StoreError};

use super::disk::Disk;
use super::holder::holder;
use super::tables::{
    CHECKPOINTS, DECISIONS, ENTRIES, EXPOSED, HEADS, InWords as _, LEASE, META, POLICIES, TOKENS, VERSION, io,
};
use super::{lease, read, write};

/// How a store is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Make the file when it is not there.
    pub create: bool,
    /// The most the file may grow to; a write beyond that is refused as [`StoreError::Full`].
    pub max_bytes: Option<u64>,
    /// Leave it to the system when bytes reach the disk: for the ledger of a recording, which can be made again.
    pub unsynced: bool,
}

/// A store in one file.
pub struct Embedded {
    /// None after a failed read or write, until it is opened again: a disk that was full has room again some day.
    /// Whoever works on it has it shared; whoever checks or opens it has it alone.
    db: RwLock<Option<Database>>,
    options: Options,
    clock: Box<dyn Clock>,
    path: PathBuf,
    /// Holds it against other processes, and tells them who has it.
    file: File,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the file, and repairs it after a crash.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is not there, [`StoreError::Busy`], [`StoreError::OtherVersion`],
    /// [`StoreError::Corrupt`].
    pub fn open(path: &Path, options: Options, clock: Box<dyn Clock>) -> Result<Embedded, StoreError> {
        let (file, is_new) = open_file(path, options.create)?;
        if let Err(error) = file.try_lock() {
            return Err(match error {
                std::fs::TryLockError::WouldBlock => {
                    StoreError::Busy(format!("`{}` is open in {}", path.display(), holder(&file)))
                }
                std::fs::TryLockError::Error(error) => io(&error),
            });
        }
        let db = database(&file, options)?;
        if is_new {
            sync_folder(path)?;
        }
        settle_version(&db)?;
        Ok(Embedded { db: RwLock::new(Some(db)), options, clock, path: path.to_path_buf(), file })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads every page of the file and compares its checksum; `false` when something had to be repaired.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn check_file(&self) -> Result<bool, StoreError> {
        drop(self.opened()?);
        match self.db.write().map_err(|_| poisoned())?.as_mut() {
            Some(db) => db.check_integrity().in_words(),
            None => Err(given_up()),
        }
    }

    /// The database, opened again if need be.
    fn opened(&self) -> Result<RwLockReadGuard<'_, Option<Database>>, StoreError> {
        let db = self.db.read().map_err(|_| poisoned())?;
        if db.is_some() {
            return Ok(db);
        }
        drop(db);
        let mut db = self.db.write().map_err(|_| poisoned())?;
        if db.is_none() {
            *db = Some(database(&self.file, self.options)?);
        }
        drop(db);
        self.db.read().map_err(|_| poisoned())
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let db = self.opened()?;
        let done = work(db.as_ref().ok_or_else(given_up)?);
        drop(db);
        // After a failed write, the database takes no other: what is on disk is what was last committed.
        if matches!(done, Err(StoreError::Full(_) | StoreError::Unavailable(_))) {
            drop(self.db.write().map_err(|_| poisoned())?.take());
        }
        done
    }

    pub(super) fn reading<T>(
        &self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|db| work(&db.begin_read().in_words()?))
    }

    /// One transaction: everything `work` writes is on disk when this returns, or none of it ever was.
    pub(super) fn writing<T>(
        &self,
        work: impl FnOnce(&redb::WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|db| {
            let transaction = db.begin_write().in_words()?;
            match work(&transaction) {
                Ok(value) => {
                    crate::ports::crash::here("store.append.written");
                    transaction.commit().in_words()?;
                    crate::ports::crash::here("store.append.committed");
                    Ok(value)
                }
                Err(error) => {
                    // The first error is the one worth telling; after one of the disk, the abort fails as well.
                    let _ = transaction.abort();
                    Err(error)
                }
            }
        })
    }
}

fn database(file: &File, options: Options) -> Result<Database, StoreError> {
    let file = file.try_clone().map_err(|error| io(&error))?;
    let disk = Disk::new(file, options.max_bytes, options.unsynced).in_words()?;
    Builder::new().create_with_backend(disk).in_words()
}

fn given_up() -> StoreError {
    StoreError::Unavailable("another thread's write failed; it is opened again".to_owned())
}

fn poisoned() -> StoreError {
    StoreError::Unavailable("a thread failed while it used it; it must be opened again".to_owned())
}

/// Only its owner may read it: policies and reasons are nobody else's business.
fn open_file(path: &Path, create: bool) -> Result<(File, bool), StoreError> {
    let explained = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => StoreError::Missing(format!("there is no store at `{}`", path.display())),
        _ => match io(&error) {
            StoreError::Unavailable(why) => StoreError::Unavailable(format!("`{}`: {why}", path.display())),
            other => other,
        },
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.open(path) {
        Ok(file) => return Ok((file, false)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && create => {}
        Err(error) => return Err(explained(error)),
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create(true).truncate(false);
    Ok((options.open(path).map_err(explained)?, true))
}

/// A new file is only there for good when its folder says so on disk.
#[expect(clippy::disallowed_methods, reason = "a folder is opened to be synced")]
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| io(&error))?;
    }
    Ok(())
}

/// Writes the shape into a new file; refuses a file of another.
fn settle_version(db: &Database) -> Result<(), StoreError> {
    let transaction = db.begin_write().in_words()?;
    let found = {
        let mut meta = transaction.open_table(META).in_words()?;
        let found = meta.get(VERSION).in_words()?.map(|version| version.value());
        if found.is_none() {
            meta.insert(VERSION, STORE_VERSION).in_words()?;
        }
        found
    };
    match found {
        Some(STORE_VERSION) => transaction.abort().in_words(),
        Some(found) => {
            transaction.abort().in_words()?;
            Err(StoreError::OtherVersion { found, wanted: STORE_VERSION })
        }
        None => {
            // Every table is made now, so that reading never has to tell "empty" from "missing".
            transaction.open_table(HEADS).in_words()?;
            transaction.open_table(ENTRIES).in_words()?;
            transaction.open_table(CHECKPOINTS).in_words()?;
            transaction.open_table(EXPOSED).in_words()?;
            transaction.open_table(TOKENS).in_words()?;
            transaction.open_table(POLICIES).in_words()?;
            transaction.open_table(DECISIONS).in_words()?;
            transaction.open_table(LEASE).in_words()?;
            transaction.commit().in_words()
        }
    }
}

impl Store for Embedded {
    fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.reading(read::keys)
    }

    fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.reading(|transaction| read::head(transaction, key))
    }

    fn entries(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.reading(|transaction| read::entries(transaction, key, from, limit))
    }

    fn checkpoint(&self, key: &Key, at_most: u64) -> Result<Option<Checkpoint>, StoreError> {
        self.reading(|transaction| read::checkpoint(transaction, key, at_most))
    }

    fn append(&self, batch: &Batch) -> Result<Appended, StoreError> {
        let now = self.clock.now();
        self.writing(|transaction| write::append(transaction, batch, now))
    }

    fn exposed(&self, key: &Key) -> Result<Exposed, StoreError> {
        self.reading(|transaction| read::exposed(transaction, key))
    }

    fn policy(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        self.reading(|transaction| read::text(transaction, POLICIES, digest.as_str()))
    }

    fn policies(&self) -> Result<Vec<Digest>, StoreError> {
        self.reading(read::policies)
    }

    fn decision(&self, id: &str) -> Result<Option<String>, StoreError> {
        self.reading(|transaction| read::text(transaction, DECISIONS, id))
    }

    fn prune(&self, base: &Checkpoint) -> Result<u64, StoreError> {
        self.writing(|transaction| write::prune(transaction, base))
    }

    fn restore(
        &self,
        key: &Key,
        base: Option<&Checkpoint>,
        entries: &[Entry],
        exposed: &Exposed,
    ) -> Result<(), StoreError> {
        self.writing(|transaction| write::restore(transaction, key, base, entries, exposed))
    }

    fn put_policy(&self, digest: &Digest, text: &str) -> Result<(), StoreError> {
        self.writing(|transaction| write::put_policy(transaction, digest, text))
    }

    fn acquire(&self, holder: &Actor, term: Duration) -> Result<LeaseToken, StoreError> {
        let now = self.clock.now();
        self.writing(|transaction| lease::acquire(transaction, holder, term, now))
    }

    fn renew(&self, token: &LeaseToken, term: Duration) -> Result<Lease, StoreError> {
        let now = self.clock.now();
        self.writing(|transaction| lease::renew(transaction, token, term, now))
    }

    fn release(&self, token: &LeaseToken) -> Result<(), StoreError> {
        self.writing(|transaction| lease::release(transaction, token))
    }

    fn leader(&self) -> Result<Option<Lease>, StoreError> {
        let now = self.clock.now();
        self.reading(|transaction| lease::leader(transaction, now))
    }
}

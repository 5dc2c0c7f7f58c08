//! The journal itself: a folder that one controller has for itself, a writer behind it, and what is read back.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::ahead::Ahead;
use super::line::{self, Read};
use super::medium::{Files, Medium};
use super::queue::{Call, Queue};
use super::segments::{self, Closed};
use super::writer::{Writer, failed};
use crate::ledger::hash::Key;
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::ports::journal::{Journal, Kept};
use crate::ports::store::StoreError;

/// How a journal keeps.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment of this size is followed by a new one.
    pub segment_bytes: u64,
    /// And one of this age: old ones are dropped whole.
    pub segment_age: Duration,
    /// How long a batch may grow before it goes to disk, when calls come together. One that comes alone does not wait.
    pub gather: Duration,
    /// A segment that has so many bytes before it is old is followed by one that is made ahead of time.
    pub ahead_after: u64,
    /// The most that all segments together may take; without it, the disk decides.
    pub max_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            segment_bytes: 16 << 20,
            segment_age: Duration::from_mins(10),
            // Every flush may be a slow one, and whatever comes meanwhile waits for it: fewer flushes are fewer waits.
            gather: Duration::from_millis(2),
            ahead_after: 1 << 20,
            max_bytes: None,
        }
    }
}

/// What a journal has done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Batches, each with one flush.
    pub batches: u64,
    /// Snapshots in them.
    pub snapshots: u64,
    /// Batches that could not be written.
    pub failures: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) batches: AtomicU64,
    pub(super) snapshots: AtomicU64,
    pub(super) failures: AtomicU64,
}

/// What the journal and its writer share.
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) tally: Counters,
    closed: Mutex<BTreeMap<u64, Closed>>,
}

impl Shared {
    fn new(gather: Duration, found: BTreeMap<u64, Closed>) -> Shared {
        Shared { queue: Queue::new(gather), tally: Counters::default(), closed: Mutex::new(found) }
    }

    /// The segments that are not written any more.
    pub(super) fn closed(&self) -> MutexGuard<'_, BTreeMap<u64, Closed>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What they take, together.
    pub(super) fn bytes(&self) -> u64 {
        self.closed().values().map(|closed| closed.bytes).sum()
    }
}

/// A journal in a folder. Closing it (dropping it) writes what waits.
pub struct FileJournal {
    folder: PathBuf,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    // Held until the end: two controllers in one folder would write over each other.
    _lock: File,
}

impl FileJournal {
    /// Opens the journal in `folder`, which is made if it is not there. What a crash left is not written on.
    ///
    /// # Errors
    /// The folder cannot be used; [`StoreError::Busy`] while another process has it.
    pub fn open(folder: &Path, options: Options) -> Result<FileJournal, StoreError> {
        FileJournal::on(Arc::new(Files), folder, options)
    }

    pub(super) fn on(medium: Arc<dyn Medium>, folder: &Path, options: Options) -> Result<FileJournal, StoreError> {
        make(folder).map_err(|error| named(folder, &error))?;
        let lock = lock(folder)?;
        let ahead = Ahead::new(Arc::clone(&medium), folder.join("ahead"));
        // A crash left it; whatever hinders its going is told when a segment cannot be made.
        ahead.tidy();
        let found = segments::list(folder).map_err(|error| named(folder, &error))?;
        let next = found.keys().next_back().map_or(1, |last| last.saturating_add(1));
        let shared = Arc::new(Shared::new(options.gather, found));
        let writer = Writer {
            shared: Arc::clone(&shared),
            folder: folder.to_path_buf(),
            options,
            medium,
            ahead,
            next,
            open: None,
            buffer: Vec::new(),
        };
        let started = std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run());
        let writer = Some(started.map_err(|error| named(folder, &error))?);
        Ok(FileJournal { folder: folder.to_path_buf(), shared, writer, _lock: lock })
    }

    /// What it has done since it was opened.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let counters = &self.shared.tally;
        Tally {
            batches: counters.batches.load(Ordering::Relaxed),
            snapshots: counters.snapshots.load(Ordering::Relaxed),
            failures: counters.failures.load(Ordering::Relaxed),
        }
    }
}

impl Journal for FileJournal {
    fn keep(&self, key: &Key, at: Time, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        let (sender, answer) = sync_channel(1);
        // Nobody stopped waiting: this very call does.
        self.keep_then(key, at, snapshots, Box::new(move |kept| drop(sender.send(kept))));
        answer.recv().unwrap_or_else(|_| Err(StoreError::Unavailable("the journal's writer has ended".to_owned())))
    }

    fn keep_then(&self, key: &Key, at: Time, snapshots: &[Snapshot], done: Kept) {
        let bodies: Result<Vec<_>, _> = snapshots.iter().map(|snapshot| line::body(key, at, snapshot)).collect();
        match bodies {
            Ok(bodies) if bodies.is_empty() => done(Ok(())),
            Ok(bodies) => self.shared.queue.push(Call { at, bodies, done }),
            Err(error) => done(Err(StoreError::Unavailable(format!("a snapshot cannot be written: {error}")))),
        }
    }

    fn recall(&self, key: &Key, since: Time, each: &mut dyn FnMut(Time, Snapshot)) -> Result<u64, StoreError> {
        // What is known to be too old is not even opened.
        let is_old = |number: &u64| {
            let newest = self.shared.closed().get(number).and_then(|closed| closed.newest);
            newest.is_some_and(|newest| newest < since)
        };
        recall(&self.folder, key, since, &is_old, each)
    }

    #[expect(clippy::disallowed_methods, reason = "the journal is a folder of files")]
    fn forget(&self, before: Time) -> Result<(), StoreError> {
        let known: Vec<(u64, Closed)> =
            self.shared.closed().iter().map(|(number, closed)| (*number, *closed)).collect();
        for (number, closed) in known {
            let path = segments::place(&self.folder, number).1;
            let newest = match closed.newest {
                Some(newest) => Some(newest),
                None => segments::newest(&self.folder, number).map_err(|error| named(&path, &error))?,
            };
            // A segment with no whole line tells nothing, whatever its age.
            if newest.is_some_and(|newest| newest >= before) {
                self.shared.closed().insert(number, Closed { newest, ..closed });
                continue;
            }
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(named(&path, &error)),
                _ => drop(self.shared.closed().remove(&number)),
            }
        }
        Ok(())
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        self.shared.queue.close();
        let Some(writer) = self.writer.take() else { return };
        // The last owner may be a callback on the writer's own thread, which cannot wait for itself.
        if writer.thread().id() != std::thread::current().id() {
            // It told every caller before it ended, whatever ended it.
            drop(writer.join());
        }
    }
}

/// Reads a journal that nobody need have open: the same as [`Journal::recall`], for whoever only looks.
///
/// # Errors
/// The folder cannot be read.
pub fn look(folder: &Path, key: &Key, since: Time, each: &mut dyn FnMut(Time, Snapshot)) -> Result<u64, StoreError> {
    recall(folder, key, since, &|_| false, each)
}

fn recall(
    folder: &Path,
    key: &Key,
    since: Time,
    is_old: &dyn Fn(&u64) -> bool,
    each: &mut dyn FnMut(Time, Snapshot),
) -> Result<u64, StoreError> {
    let names = line::names(key).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut lost = 0_u64;
    let listed = segments::list(folder).map_err(|error| named(folder, &error))?;
    for number in listed.keys().filter(|number| !is_old(number)) {
        let (name, path) = segments::place(folder, *number);
        let mut place = 0_u64;
        let read = segments::lines(&path, &mut |text| {
            let n = match line::read(&name, text, &names) {
                Read::Damaged => {
                    lost = lost.saturating_add(1);
                    place.saturating_add(1)
                }
                Read::Others(n) => n,
                Read::Ours(n, at, snapshot) => {
                    if at >= since {
                        each(at, *snapshot);
                    }
                    n
                }
            };
            // A hole in the numbers is a line that was taken away.
            lost = lost.saturating_add(n.saturating_sub(place).saturating_sub(1));
            place = n;
        });
        read.map_err(|error| named(&path, &error))?;
    }
    Ok(lost)
}

/// Makes the folder, for its owner only.
fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let path = folder.join("lock");
    let file = options.open(&path).map_err(|error| named(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(StoreError::Busy(format!("another process keeps its snapshots in `{}`", folder.display())))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(named(&path, &error)),
    }
}

/// An error of the file system, with the place it is about.
fn named(path: &Path, error: &std::io::Error) -> StoreError {
    match failed(error) {
        StoreError::Full(why) => StoreError::Full(format!("`{}`: {why}", path.display())),
        StoreError::Unavailable(why) => StoreError::Unavailable(format!("`{}`: {why}", path.display())),
        other => other,
    }
}

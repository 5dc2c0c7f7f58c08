//! Opens the store that a command works on, waiting for short-lived neighbours.

use std::path::Path;

use crate::adapters::log_actuator::LogActuator;
use crate::adapters::store::{Embedded, FileSpool, Options};
use crate::ledger::hash::Key;
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::ports::actuator::Actuator;
use crate::ports::spool::Spool;
use crate::ports::store::StoreError;

use super::clock::{self, Stopwatch};

/// How long a command waits for another one to be done with the file. A controller keeps it for good, and then a longer
/// wait would only make a roll back later.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it looks.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// The store at `path`; made when it is not there and `create` is set.
///
/// # Errors
/// See [`Embedded::open`].
pub fn open(path: &Path, create: bool) -> Result<Embedded, StoreError> {
    let waited = Stopwatch::start();
    loop {
        let options = Options { create, ..Options::default() };
        match Embedded::open(path, options, Box::new(clock::now)) {
            Err(StoreError::Busy(_)) if waited.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
}

/// Reads every page of the file and compares its checksum; `false` when something had to be repaired.
///
/// # Errors
/// See [`Embedded::open`].
pub fn check_file(path: &Path) -> Result<bool, StoreError> {
    open(path, false)?.check_file()
}

/// The spool beside the store at `path`.
#[must_use]
pub fn spool(path: &Path) -> Box<dyn Spool> {
    Box::new(FileSpool::beside(path))
}

/// Whoever acts on plans: for now nobody but the store itself, whose exposures flags will be read from.
#[must_use]
pub fn actuator() -> Box<dyn Actuator> {
    Box::new(LogActuator)
}

/// Hands the snapshots of a journal that came in from `since` on to `each`; counts those that cannot be read.
///
/// # Errors
/// The folder cannot be read.
pub fn journal(
    folder: &Path,
    key: &Key,
    since: Time,
    each: &mut dyn FnMut(Time, Snapshot),
) -> Result<u64, StoreError> {
    crate::adapters::journal::look(folder, key, since, each)
}

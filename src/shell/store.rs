//! Opens the store that a command works on, waiting for short-lived neighbours.

use std::path::Path;

use crate::adapters::log_actuator::LogActuator;
use crate::adapters::store::{Embedded, FileSpool, Options};
use crate::ledger::hash::Key;
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::ports::actuator::Actuator;
use crate::ports::spool::Spool;
use crate::ports::store::{Store, StoreError};

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

/// A new store for a recording, which can be run again: nothing waits for its disk.
///
/// # Errors
/// See [`Embedded::open`].
pub fn of_recording(path: &Path) -> Result<Embedded, StoreError> {
    Embedded::open(path, Options { create: true, unsynced: true, ..Options::default() }, Box::new(clock::now))
}

/// The store at `place`: a file, or the address of a Redis; `ca` is a PEM file of who vouches for that.
///
/// # Errors
/// The store's.
pub fn open_at(place: &Path, ca: Option<&Path>, create: bool) -> Result<Box<dyn Store>, StoreError> {
    match address(place) {
        Some(address) => at_address(address, ca, create),
        None => Ok(Box::new(open(place, create)?)),
    }
}

/// Whether `place` is the address of a Redis, and no file.
#[must_use]
pub fn is_address(place: &Path) -> bool {
    address(place).is_some()
}

/// The text of `place` if it is an address, and no file.
fn address(place: &Path) -> Option<&str> {
    place.to_str().filter(|text| text.starts_with("redis") && text.contains("://"))
}

#[cfg(feature = "live")]
fn at_address(address: &str, ca: Option<&Path>, create: bool) -> Result<Box<dyn Store>, StoreError> {
    use super::files;
    use crate::adapters::store::redis::{Options, Redis, Tls};
    // The address itself is not repeated: somebody may have written a password into it.
    let mut options: Options = address.parse().map_err(|error| StoreError::Refused(format!("{error}")))?;
    if let Some(path) = ca {
        let refused = |why: String| StoreError::Refused(format!("`{}`: {why}", files::shown(path)));
        if options.tls.is_none() {
            let why =
                "it vouches for nobody: the connection is not encrypted, unless the address begins with rediss://";
            return Err(refused(format!("{why} or ends in ?tls=on")));
        }
        options.tls =
            Some(Tls { authority: Some(files::read_text(path).map_err(|error| refused(error.to_string()))?) });
    }
    Ok(Box::new(Redis::open(Options { create, ..options })?))
}

#[cfg(not(feature = "live"))]
fn at_address(_: &str, _: Option<&Path>, _: bool) -> Result<Box<dyn Store>, StoreError> {
    Err(StoreError::Unavailable("this rollgate was built without Redis (feature `live`)".to_owned()))
}

/// Reads every page of the file and compares its checksum; `false` when something had to be repaired.
///
/// # Errors
/// See [`Embedded::open`].
pub fn check_file(path: &Path) -> Result<bool, StoreError> {
    match address(path) {
        // It has no file of ours to look at.
        Some(_) => Ok(true),
        None => open(path, false)?.check_file(),
    }
}

/// The spool beside the store at `path`; for one that is elsewhere, in the current folder and named after it.
#[must_use]
pub fn spool(path: &Path) -> Box<dyn Spool> {
    let odd = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '.');
    match address(path) {
        // All of it but a user: two stores on one server, under two prefixes, are two stores.
        Some(address) => {
            let place = address.rsplit_once('@').map_or(address, |(_, place)| place);
            Box::new(FileSpool::beside(Path::new(&place.replace(odd, "-"))))
        }
        None => Box::new(FileSpool::beside(path)),
    }
}

/// Whoever acts on plans: for now nobody but the store itself, whose exposures flags will be read from.
#[must_use]
pub fn actuator() -> Box<dyn Actuator> {
    Box::new(LogActuator::default())
}

/// Hands the snapshots of a journal that came in from `since` on to `each`; counts those that cannot be read.
///
/// # Errors
/// The folder cannot be read.
pub fn journal(folder: &Path, key: &Key, since: Time, each: &mut dyn FnMut(Time, Snapshot)) -> Result<u64, StoreError> {
    crate::adapters::journal::look(folder, key, since, each)
}

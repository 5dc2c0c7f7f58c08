//! The store of the settings, opened.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration as Wait;

use crate::adapters::store::redis::{Credentials, Options, Redis, Servers, Tls};
use crate::ports::store::{Store, StoreError};
use crate::settings::Settings;
use crate::settings::secret::{Open, SecretRef};
use crate::settings::values::{RedisServers, RedisSettings, StorePlace};
use crate::shell;
use crate::shell::files;
use crate::shell::secrets::{Places, resolve};

use super::mark::{Mark, Stranger};
use super::refusal::OpenError;

/// How long a start waits for a Redis that is just starting too.
const PATIENCE: Wait = Wait::from_secs(10);

/// Whether a store may be begun where there was one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// No: a server that lost its data is not a new one.
    GoOn,
    /// Yes, a person says so.
    Anew,
}

/// A store, and what is to be written down about it.
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    mark: Option<(Mark, String)>,
}

impl Opened {
    /// Writes down which store it is, once the journal's folder is this controller's.
    pub fn remember(&self) {
        if let Some((mark, name)) = &self.mark
            && let Err(error) = mark.set(name)
        {
            tracing::warn!(%error, "which store this is cannot be written down: should it lose its data, a restart will not notice");
        }
    }
}

/// Opens the store, which is made where there is none unless the settings or the journal's mark say that there was one.
///
/// # Errors
/// The store's; [`OpenError::Stranger`] when it is not the one of before.
pub fn open(settings: &Settings, begin: Begin) -> Result<Opened, OpenError> {
    match &settings.store.place {
        StorePlace::File(path) => {
            let create = settings.store.create || begin == Begin::Anew;
            Ok(Opened { store: Arc::new(shell::store::open(path, create)?), mark: None })
        }
        StorePlace::Redis(redis) => {
            let mut options = options(redis).map_err(StoreError::Refused)?;
            let folder = &settings.journal.path;
            let unreadable = |error: std::io::Error| OpenError::Journal {
                path: folder.clone(),
                error: StoreError::Unavailable(error.to_string()),
            };
            let mark = Mark::read(folder).map_err(unreadable)?;
            options.create = begin == Begin::Anew || (settings.store.create && !mark.is_set());
            recognised(patiently(&options), mark, begin)
        }
    }
}

/// The Redis that answered, if it has the store of before.
fn recognised(opened: Result<Redis, StoreError>, mark: Mark, begin: Begin) -> Result<Opened, OpenError> {
    let redis = match opened {
        Err(StoreError::Missing(what)) if mark.is_set() => return Err(Stranger::Gone(what).into()),
        opened => opened?,
    };
    if begin == Begin::GoOn && redis.identity().is_some_and(|name| mark.is_other(name)) {
        return Err(Stranger::Other { place: redis.place() }.into());
    }
    for note in redis.notes()? {
        tracing::warn!(store = redis.place(), "{note}");
    }
    let mark = redis.identity().map(|name| (mark, name.to_owned()));
    Ok(Opened { store: Arc::new(redis), mark })
}

/// The store of the settings for one command: it is there, or it is not.
///
/// # Errors
/// The store's.
pub fn of_command(settings: &RedisSettings, create: bool) -> Result<Box<dyn Store>, StoreError> {
    let options = options(settings).map_err(StoreError::Refused)?;
    Ok(Box::new(Redis::open(Options { create, ..options })?))
}

/// Redis and its controllers are often started together, in any order. What a person must mend is told at once.
fn patiently(options: &Options) -> Result<Redis, StoreError> {
    let closing = super::staff::Closing::default();
    let waited = shell::clock::Stopwatch::start();
    let mut is_told = false;
    loop {
        match Redis::open(options.clone()) {
            Err(error @ StoreError::Unavailable(_)) => {
                if !is_told {
                    is_told = true;
                    tracing::warn!(%error, "the store is waited for, {} s at most", PATIENCE.as_secs());
                }
                let gone = Wait::from_millis(waited.elapsed().as_millis().unsigned_abs());
                if gone >= PATIENCE || closing.sleep(Wait::from_millis(250)) {
                    return Err(error);
                }
            }
            opened => return opened,
        }
    }
}

/// How the Redis of the settings is reached.
///
/// # Errors
/// A secret cannot be had, or the address is none.
pub fn options(settings: &RedisSettings) -> Result<Options, String> {
    let mut options = match &settings.servers {
        RedisServers::One(url) => {
            // One that is written out has no password in it: the settings saw to that.
            Options::from_secret(&plain(url)?).map_err(|error| error.to_string())?
        }
        RedisServers::Sentinel { sentinels, master, database } => Options::new(Servers::Sentinel {
            sentinels: sentinels.clone(),
            master: master.clone(),
            database: *database,
        }),
        RedisServers::Cluster(nodes) => Options::new(Servers::Cluster { nodes: nodes.clone() }),
    };
    options.prefix.clone_from(&settings.prefix);
    (options.deadline, options.replicas_to_wait) = (settings.deadline, settings.replicas_to_wait);
    // A user and a password of the address stand where the settings name none.
    let named = credentials(settings.username.as_deref(), settings.password.as_ref())?;
    options.credentials = named.or(options.credentials);
    options.sentinel_credentials =
        credentials(settings.sentinel_username.as_deref(), settings.sentinel_password.as_ref())?;
    if let Some(tls) = &settings.tls {
        options.tls = Some(Tls { authority: tls.ca.as_deref().map(authority).transpose()? });
    }
    Ok(options)
}

fn authority(path: &Path) -> Result<String, String> {
    files::read_text(path).map_err(|error| format!("`ca`: `{}` cannot be read: {error}", files::shown(path)))
}

fn credentials(user: Option<&str>, password: Option<&SecretRef>) -> Result<Option<Credentials>, String> {
    let Some(password) = password else { return Ok(None) };
    Ok(Some(Credentials { user: user.map(str::to_owned), password: secret(password)? }))
}

/// A secret, looked up.
///
/// # Errors
/// It cannot be had; nothing of it is in the message.
pub fn secret(reference: &SecretRef) -> Result<String, String> {
    let resolved = resolve(reference, &Places::default()).map_err(|error| error.to_string())?;
    tracing::info!(from = resolved.from, "a secret was looked up");
    Ok(resolved.secret.reveal().to_owned())
}

/// A text that may be kept elsewhere.
///
/// # Errors
/// It cannot be had.
pub fn plain(text: &Open) -> Result<String, String> {
    match text {
        Open::Plain(text) => Ok(text.clone()),
        Open::Secret(reference) => secret(reference),
    }
}

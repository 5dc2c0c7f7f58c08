//! The store of the settings, opened.

use std::sync::Arc;
use std::time::Duration as Wait;

use crate::adapters::store::redis::{Credentials, Options, Redis, Servers};
use crate::ports::store::{Store, StoreError};
use crate::settings::secret::{Open, SecretRef};
use crate::settings::values::{RedisServers, RedisSettings, StorePlace};
use crate::shell;
use crate::shell::secrets::{Places, resolve};

/// How long a start waits for a Redis that is just starting too.
const PATIENCE: Wait = Wait::from_secs(10);

/// Opens the store; a file that is not there is made.
///
/// # Errors
/// The store's.
pub fn open(place: &StorePlace) -> Result<Arc<dyn Store>, StoreError> {
    match place {
        StorePlace::File(path) => Ok(Arc::new(shell::store::open(path, true)?)),
        StorePlace::Redis(settings) => {
            let options = options(settings).map_err(StoreError::Unavailable)?;
            let redis = patiently(&options)?;
            for note in redis.notes()? {
                tracing::warn!(store = redis.place(), "{note}");
            }
            Ok(Arc::new(redis))
        }
    }
}

/// Redis and its controllers are often started together, in any order.
fn patiently(options: &Options) -> Result<Redis, StoreError> {
    let closing = super::staff::Closing::default();
    let waited = shell::clock::Stopwatch::start();
    loop {
        match Redis::open(options.clone()) {
            Err(error @ StoreError::Unavailable(_)) => {
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
            let url = plain(url)?;
            url.parse::<Options>().map_err(|error| error.to_string())?
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
    options.credentials = credentials(settings.username.as_deref(), settings.password.as_ref())?;
    options.sentinel_credentials =
        credentials(settings.sentinel_username.as_deref(), settings.sentinel_password.as_ref())?;
    options.create = true;
    Ok(options)
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

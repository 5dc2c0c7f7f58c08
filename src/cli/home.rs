//! Which ledger a command means: that of `--store`, else that of the settings which are here, else the usual file. The
//! controller of the same folder finds its ledger in the same way, so an order cannot end up in another one.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::ports::spool::Spool;
use crate::ports::store::{Store, StoreError};
use crate::settings::values::{RedisSettings, StorePlace};
use crate::settings::{self, SETTINGS_FILE, Settings};
use crate::shell::{files, store};

/// Which store.
#[derive(Debug, Clone, Args)]
pub struct WhichStore {
    /// The store: one file, or redis://HOST:PORT [default: as the settings say, else rollgate.redb]
    #[arg(long, value_name = "FILE", env = "ROLLGATE_STORE")]
    pub store: Option<PathBuf>,
    /// A certificate that vouches for the Redis of --store, in PEM [default: those of the system]
    #[arg(long, value_name = "FILE", env = "ROLLGATE_STORE_CA", hide_short_help = true)]
    pub store_ca: Option<PathBuf>,
    /// The settings [default: rollgate.toml, if it is here]
    #[arg(short, long, value_name = "FILE", env = "ROLLGATE_CONFIG", hide_short_help = true)]
    pub config: Option<PathBuf>,
}

/// What is where.
#[derive(Debug, Clone)]
pub struct Home {
    place: Place,
    journal: PathBuf,
}

#[derive(Debug, Clone)]
enum Place {
    /// A file, or the address of a Redis and who vouches for it.
    Path { path: PathBuf, ca: Option<PathBuf> },
    /// As the settings say.
    Redis(Box<RedisSettings>),
    /// The settings would say, and cannot be read: why.
    Unknown(String),
}

impl WhichStore {
    /// Where it is. Settings that cannot be read leave it unknown: a guess could be another ledger.
    #[must_use]
    pub fn home(&self) -> Home {
        let settings = match (self.settings(), &self.store) {
            (Ok(settings), _) => settings,
            (Err(_), Some(_)) => Settings::default(),
            (Err(why), None) => return Home { place: Place::Unknown(why), journal: Settings::default().journal.path },
        };
        let settings = match &self.store {
            Some(store) => settings.on(store),
            None => settings,
        };
        let place = match settings.store.place {
            StorePlace::File(path) => Place::Path { path, ca: self.store_ca.clone() },
            StorePlace::Redis(redis) => Place::Redis(redis),
        };
        Home { place, journal: settings.journal.path }
    }

    fn settings(&self) -> Result<Settings, String> {
        let usual = Path::new(SETTINGS_FILE);
        let path = match &self.config {
            Some(path) => path,
            None if usual.exists() => usual,
            None => return Ok(Settings::default()),
        };
        let text = files::read_text(path).map_err(|error| format!("`{}`: {error}", files::shown(path)))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let read = settings::read("", SETTINGS_FILE, &text);
        let invalid = || format!("`{}` is invalid: `rollgate run` says where", files::shown(path));
        let settings = read.settings.ok_or_else(invalid)?;
        Ok(folder.map_or_else(|| settings.clone(), |folder| settings.clone().below(folder)))
    }
}

impl Home {
    /// Opens the store.
    ///
    /// # Errors
    /// The store's; [`StoreError::Missing`] when nobody can say which it is.
    pub fn open(&self, create: bool) -> Result<Box<dyn Store>, StoreError> {
        match &self.place {
            Place::Path { path, ca } => store::open_at(path, ca.as_deref(), create),
            Place::Redis(settings) => redis(settings, create),
            Place::Unknown(why) => Err(StoreError::Missing(format!("nobody can say which store is meant: {why}"))),
        }
    }

    /// Where roll backs wait that the store refuses; none when nobody can say which store is meant.
    #[must_use]
    pub fn spool(&self) -> Option<Box<dyn Spool>> {
        match &self.place {
            Place::Path { path, .. } => Some(store::spool(path)),
            // As the controller does it: beside what else it keeps for itself.
            Place::Redis(_) => Some(store::spool(&self.journal)),
            Place::Unknown(_) => None,
        }
    }

    /// The file beside which a controller says that it runs.
    #[must_use]
    pub fn announced(&self) -> &Path {
        match &self.place {
            Place::Path { path, .. } => path,
            Place::Redis(_) | Place::Unknown(_) => &self.journal,
        }
    }

    /// Where a controller keeps what came in.
    #[must_use]
    pub fn journal(&self) -> &Path {
        &self.journal
    }

    /// Reads every page of the file and compares its checksum; `false` when something had to be repaired. A store that is
    /// no file of ours is as it is.
    ///
    /// # Errors
    /// The store's.
    pub fn check_file(&self) -> Result<bool, StoreError> {
        match &self.place {
            Place::Path { path, .. } => store::check_file(path),
            Place::Redis(_) | Place::Unknown(_) => Ok(true),
        }
    }

    /// For people; never with a password.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Path { path, .. } => files::shown(path),
            Place::Redis(settings) => settings.to_string(),
            Place::Unknown(_) => "a store that nobody can name".to_owned(),
        }
    }
}

#[cfg(feature = "live")]
fn redis(settings: &RedisSettings, create: bool) -> Result<Box<dyn Store>, StoreError> {
    crate::daemon::stores::of_command(settings, create)
}

#[cfg(not(feature = "live"))]
fn redis(_: &RedisSettings, _: bool) -> Result<Box<dyn Store>, StoreError> {
    Err(StoreError::Unavailable("this rollgate was built without Redis (feature `live`)".to_owned()))
}

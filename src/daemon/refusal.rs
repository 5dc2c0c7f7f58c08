//! Why a controller does not start, and what to do about it.

use std::path::PathBuf;

use crate::ports::store::StoreError;

use super::http::server::StartError;
use super::mark::Stranger;

/// Why a controller did not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be had.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is not the one that this controller has worked on.
    #[error(transparent)]
    Stranger(#[from] Stranger),
    /// The journal cannot be had.
    #[error("the journal `{path}` cannot be used: {error}")]
    Journal {
        /// Where.
        path: PathBuf,
        /// Why.
        error: StoreError,
    },
    /// The API cannot be had.
    #[error(transparent)]
    Api(#[from] StartError),
    /// A source cannot be made of its settings.
    #[error("source `{name}`: {why}")]
    Source {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// Traces cannot be sent.
    #[error("[telemetry]: {0}")]
    Telemetry(String),
    /// The system gives no thread.
    #[error("the system gives no thread: {0}")]
    Threads(#[from] std::io::Error),
}

impl OpenError {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            OpenError::Store(StoreError::Missing(_)) => {
                Some("`create = false` says that it is there: look after the server; `rollgate start` makes a new one")
            }
            OpenError::Store(error) => Some(error.help()),
            OpenError::Stranger(stranger) => Some(stranger.help()),
            OpenError::Journal { error, .. } => Some(error.help()),
            OpenError::Api(error) => Some(error.help()),
            OpenError::Source { .. } | OpenError::Telemetry(_) | OpenError::Threads(_) => None,
        }
    }
}

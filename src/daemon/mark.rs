//! Which store a controller's journal belongs to. A server that was restarted without its data knows nothing of it, and
//! nor does a controller that was restarted with it: the name of the store, written down beside the snapshots, is what
//! is left. Without it, an empty server would be taken for a new one, and what is exposed would be forgotten.

use std::path::{Path, PathBuf};

use crate::shell::{files, write};

const FILE: &str = "store-name";

/// What was written down when a store was last worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    at: PathBuf,
    name: Option<String>,
}

/// The store is not the one that was worked on before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// There was one, and there is none.
    #[error("{0}, and this controller has worked on one: the server lost its data, or was emptied")]
    Gone(String),
    /// There is another one.
    #[error("the store at `{place}` is not the one that this controller has worked on")]
    Other {
        /// Where.
        place: String,
    },
}

impl Stranger {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        "restore an export with `rollgate store import`; to begin a new ledger, or to go on with another store, start \
         once with `rollgate run --new-store`"
    }
}

impl Mark {
    /// The mark in the journal's folder.
    ///
    /// # Errors
    /// It is there and cannot be read: then nobody knows what it says.
    pub fn read(journal: &Path) -> std::io::Result<Mark> {
        let at = journal.join(FILE);
        let name = match files::read_text(&at) {
            Ok(text) => Some(text.trim().to_owned()).filter(|name| !name.is_empty()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Mark { at, name })
    }

    /// Whether a store was worked on before.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.name.is_some()
    }

    /// Whether the store of that name may be another than the one before.
    #[must_use]
    pub fn is_other(&self, name: &str) -> bool {
        self.name.as_deref().is_some_and(|known| known != name)
    }

    /// Writes down which store it is; the journal's folder is there.
    ///
    /// # Errors
    /// The file system's.
    pub fn set(&self, name: &str) -> std::io::Result<()> {
        if self.name.as_deref() == Some(name) {
            return Ok(());
        }
        write::replace(&self.at, format!("{name}\n").as_bytes())
    }
}

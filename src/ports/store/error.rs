//! What a store can answer instead of doing it, and what the caller must then do.

use crate::ledger::Head;
use crate::model::ids::{Actor, Generation};

/// Why a store did not do it. A roll back goes to the spool in every case but [`StoreError::Conflict`] and
/// [`StoreError::StaleGeneration`]; an advance does not happen in any.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The chain does not end where the caller thought: somebody else wrote. Read again, decide again, try again.
    #[error("the ledger went on to entry {} meanwhile", .0.seq)]
    Conflict(Head),
    /// The caller carries an older generation, or an older fence, than the store has seen: it was overtaken. Stop
    /// acting and read again; never try the same again.
    #[error("generation {carried} is older than {held}, which is in force")]
    StaleGeneration {
        /// What the caller carries.
        carried: Generation,
        /// What the store has.
        held: Generation,
    },
    /// Somebody else leads, or nobody does any more. Do not advance; a roll back needs no lease.
    #[error("{}", .holder.as_ref().map_or_else(|| "the lease is over".to_owned(), |holder| format!("{holder} holds the lease")))]
    NotLeader {
        /// Who leads, when somebody does.
        holder: Option<Actor>,
    },
    /// Nothing is there, and it was not to be made. A store that was there is one that lost its data: hold, and do not
    /// begin a new ledger in its place.
    #[error("{0}")]
    Missing(String),
    /// It cannot be reached, or did not answer in time. Hold; spool roll backs; try again.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
    /// It is there, and cannot be used as the settings have it: another password, a certificate that nobody here vouches
    /// for, a user without the rights, a cluster named as one server. Waiting mends nothing. Hold; spool roll backs.
    #[error("the store cannot be used: {0}")]
    Refused(String),
    /// Another process has it for itself. Wait a moment and try again; then as [`StoreError::Unavailable`].
    #[error("the store is in use: {0}")]
    Busy(String),
    /// No room. Hold; spool roll backs elsewhere; make room.
    #[error("the store has no room: {0}")]
    Full(String),
    /// Written by another version of rollgate. Do not touch it: use that version, or export with it and import here.
    #[error("the store has shape {found}, and this rollgate works on shape {wanted}")]
    OtherVersion {
        /// The store's.
        found: u32,
        /// This program's.
        wanted: u32,
    },
    /// What it holds is not what was written. Hold; spool roll backs; restore from an export.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// What is wrong, and where.
        what: String,
    },
}

impl StoreError {
    /// Whether reading again and trying again may help.
    #[must_use]
    pub const fn is_race(&self) -> bool {
        matches!(self, StoreError::Conflict(_) | StoreError::StaleGeneration { .. })
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            StoreError::Conflict(_) | StoreError::StaleGeneration { .. } => {
                "somebody else was faster: look at the status, then decide again"
            }
            StoreError::NotLeader { .. } => "give the order to the controller that leads, or wait for its lease to end",
            StoreError::Missing(_) => "name the store with --store; `rollgate start` makes a new one",
            StoreError::Unavailable(_) => {
                "look after its server or its disk; until it answers, only roll backs are taken"
            }
            StoreError::Refused(_) => {
                "waiting does not mend it: look at the settings of the store, and at what its server allows"
            }
            StoreError::Busy(_) => "give the order to the process that has it, or end that process",
            StoreError::Full(_) => "make room on its disk; `rollgate store prune` drops old entries",
            StoreError::OtherVersion { .. } => {
                "use the rollgate that wrote it, or export with that one and `rollgate store import` with this one"
            }
            StoreError::Corrupt { .. } => {
                "keep the file, restore the last export with `rollgate store import`, and tell us how it came about"
            }
        }
    }
}

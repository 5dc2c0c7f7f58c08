//! The desk: what the API, the metrics and the sources may ask of the rollouts behind them. Reading never waits for a
//! rollout: each one publishes a [`View`] after every input. Writing answers through a callback, so that whoever asked
//! may wait in its own way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::control::keep::Checked;
use crate::control::{Command, OperateError, Outcome, PolicyRecord, Standing};
use crate::ledger::Entry;
use crate::ledger::hash::Key;
use crate::model::decision::Decision;
use crate::model::frame::Kind;
use crate::model::ids::{Actor, Digest};
use crate::model::snapshot::Snapshot;
use crate::model::time::Time;
use crate::ports::store::StoreError;

pub use crate::control::seen::{PolicyFiles, Rejected, Seen, SourceHealth};

/// Where an answer goes; called exactly once, from any thread.
pub type Reply<T> = Box<dyn FnOnce(T) + Send>;

/// What may be asked.
pub trait Desk: Send + Sync {
    /// Every rollout as it stands, in order of name. Never blocks.
    fn views(&self) -> Vec<Arc<View>>;

    /// Takes snapshots in: each goes to its rollout, and the answer comes when they are on disk.
    fn push(&self, source: &str, snapshots: Vec<Snapshot>, reply: Reply<Result<Accepted, NotAccepted>>);

    /// Carries a command out. The answer comes when it is recorded and acted on, or refused.
    fn command(&self, key: &Key, command: Command, dry_run: bool, reply: Reply<Result<Outcome, OperateError>>);

    /// The entries of a rollout from `from` on, at most `limit`. Blocks on the store.
    ///
    /// # Errors
    /// The store's.
    fn history(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, OperateError>;

    /// Looks at everything the store says about a rollout. Blocks on the store, for as long as its ledger is.
    ///
    /// # Errors
    /// The store's; a desk without one has nothing to look at.
    fn check(&self, _: &Key) -> Result<Checked, OperateError> {
        Err(StoreError::Unavailable("no store is kept here".to_owned()).into())
    }

    /// A decision record by its id, as JSON. Blocks on the store.
    ///
    /// # Errors
    /// The store's.
    fn decision(&self, id: &str) -> Result<Option<String>, OperateError>;

    /// The digests of all policies, in order. Blocks on the store.
    ///
    /// # Errors
    /// The store's.
    fn policies(&self) -> Result<Vec<Digest>, OperateError>;

    /// A policy by its digest. Blocks on the store.
    ///
    /// # Errors
    /// The store's.
    fn policy(&self, digest: &Digest) -> Result<Option<PolicyRecord>, OperateError>;

    /// Hands the snapshots that came in for a rollout from `since` on to `each`, with when they did; counts those of the
    /// journal that cannot be read. Blocks on the journal.
    ///
    /// # Errors
    /// The journal's; a desk without one has nothing to hand out.
    fn snapshots(&self, _: &Key, _: Time, _: &mut dyn FnMut(Time, Snapshot)) -> Result<u64, OperateError> {
        Err(StoreError::Unavailable("no journal is kept here".to_owned()).into())
    }

    /// Writes down that somebody was refused by the API: in the ledger of the rollout it was about, where there is one.
    fn denied(&self, denial: Denial);

    /// Calls `listener` for every notice from now on, until it answers false. Notices come from the rollouts' own
    /// threads: a listener must not block.
    fn listen(&self, listener: Box<dyn FnMut(&Notice) -> bool + Send>);

    /// What came of a push beside the snapshots that were taken. `key` says which rollout it was for; none when that is
    /// not known, and then it may have been for any that the source feeds.
    fn heard(&self, _source: &str, _key: Option<&Key>, _heard: &Heard<'_>) {}

    /// What a metric of a rollout's policy is; none when no policy in force knows it.
    fn kind(&self, _key: &Key, _metric: &str) -> Option<Kind> {
        None
    }

    /// What keeps the controller from being ready; nothing when it is.
    fn unready(&self) -> Vec<String>;
}

/// A rollout as it stands after its last input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct View {
    /// What the ledger says.
    #[serde(flatten)]
    pub standing: Standing,
    /// What the controller sees.
    #[serde(flatten)]
    pub seen: Seen,
}

/// What came of a push, beside the snapshots that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// It was read; what was wrong with parts of it, when something was.
    Read(Option<&'a str>),
    /// It was turned away as a whole, and why.
    Refused(&'a str),
}

/// Snapshots that are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// How many.
    pub snapshots: usize,
    /// Readings in them that no policy asks for.
    pub unmapped: usize,
}

/// Why a push was turned away as a whole. Nothing of it was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAccepted {
    /// No rollout of that name and environment is governed here.
    #[error("{0}")]
    Unknown(String),
    /// More than one rollout is governed here, and a snapshot does not say which it is about.
    #[error("{0}")]
    Ambiguous(String),
    /// It claims to be of the future, or is otherwise impossible.
    #[error("{0}")]
    Impossible(String),
    /// The rollout has more waiting than it can take; send it again later.
    #[error("{0}")]
    Busy(String),
    /// It could not be written to disk; send it again.
    #[error("{0}")]
    NotKept(String),
}

/// Somebody was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Who, as far as is known: the name of a token, or where the call came from.
    pub by: Actor,
    /// What was asked.
    pub what: String,
    /// Which rollout it was about.
    pub key: Option<Key>,
    /// Why it was refused.
    pub why: String,
    /// When.
    pub at: Time,
}

/// Something happened that people may want to see at once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Notice {
    /// An entry was recorded.
    Entry {
        /// Which rollout.
        #[serde(flatten)]
        key: Key,
        /// Its place in the ledger; the line has it too.
        #[serde(skip)]
        seq: u64,
        /// The entry, as its line of JSON.
        line: String,
    },
    /// The answer or its reason changed.
    Decision {
        /// Which rollout.
        #[serde(flatten)]
        key: Key,
        /// Under which the store has its record: `checkout/production/17`. None has one that was not recorded: it moved
        /// nothing, or the store refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The record.
        decision: Box<Decision>,
    },
    /// A policy's files were turned away.
    PolicyRejected {
        /// Which rollout.
        #[serde(flatten)]
        key: Key,
        /// Why.
        rejected: Rejected,
    },
}

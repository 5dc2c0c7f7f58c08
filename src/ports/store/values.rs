//! What goes into a store and comes out of it.

use serde::{Deserialize, Serialize};

use crate::ledger::hash::Key;
use crate::ledger::{Checkpoint, Entry, Head};
use crate::model::ids::{Actor, Digest, Feature, Generation, Region, StageName};
use crate::model::time::Time;

/// One atomic write: entries with everything that must be true together with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Which rollout.
    pub key: Key,
    /// Where its chain must end for this batch to be right.
    pub expected: Head,
    /// By what right it is written.
    pub authority: Authority,
    /// Names this batch: written twice (a reply was lost, a spool is replayed), it counts once.
    pub token: String,
    /// The entries, already sealed, following `expected`.
    pub entries: Vec<Entry>,
    /// What is exposed from now on: every feature, or nothing of it is changed.
    pub exposed: Option<Exposed>,
    /// Policies to keep, by digest.
    pub policies: Vec<(Digest, String)>,
    /// Decision records to keep, by id.
    pub decisions: Vec<(String, String)>,
    /// The folded state after the last entry, now and then: reading begins there.
    pub checkpoint: Option<Checkpoint>,
}

impl Batch {
    /// The place of its last entry.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.entries.last().map_or(self.expected.seq, |entry| entry.record().seq)
    }
}

/// By what right a batch is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// By the holder of the lease; refused when it is over or was taken.
    Leader(LeaseToken),
    /// By a person, while no controller leads; refused while one does.
    Unled,
    /// It only takes back: needs no lease, so that both sides of a partition may do it.
    RollBack,
}

/// Proof of having been given the lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseToken {
    /// Who.
    pub holder: Actor,
    /// Grows with every new holder; the store refuses a lower one than the highest it gave out.
    pub fence: Generation,
}

/// The lease as the store sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who has it.
    #[serde(flatten)]
    pub token: LeaseToken,
    /// Until when, by the store's clock.
    pub until: Time,
}

/// A batch that is safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The end of the chain.
    pub head: Head,
    /// It had been written before, under the same token.
    pub again: bool,
    /// The last entry that was written under this token: now, or then.
    pub end: u64,
}

/// What is exposed at one generation: a full statement, all features together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exposed {
    /// Grows with every change.
    pub generation: Generation,
    /// One per feature, and per region where regions differ.
    pub exposures: Vec<Exposure>,
}

/// How far one feature is exposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// Which feature.
    pub feature: Feature,
    /// Only there; everywhere when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The stage it is for.
    pub stage: StageName,
    /// Share of traffic, in percent.
    pub traffic: f64,
    /// Who sees it regardless of traffic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
}

//! What only a controller knows of a rollout, beside its ledger: how it decided last and on what, where readings come
//! from, and what became of the policy's files.

use serde::{Deserialize, Serialize};

use crate::model::decision::Decision;
use crate::model::ids::{Actor, Digest};
use crate::model::time::Time;

/// What a controller sees of a rollout, under the names that its API has for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The last evaluation, in full; none before the first.
    pub decision: Option<Decision>,
    /// When the newest reading was observed.
    pub data_at: Option<Time>,
    /// Readings turned away since the controller started: of the future, of another rollout or environment, unreadable.
    pub rejected_snapshots: u64,
    /// The next instant at which the answer could change by itself.
    pub wake_at: Option<Time>,
    /// This controller holds the lease; without it nothing advances here.
    pub leads: bool,
    /// Who holds it, as far as this controller knows.
    #[serde(default)]
    pub leader: Option<Actor>,
    /// The policy's files: what was last read, and what is wrong with them.
    pub files: PolicyFiles,
    /// What cannot be recorded at the moment, and why.
    pub store_problem: Option<String>,
    /// Roll backs that wait for the store.
    pub spooled: usize,
    /// Where its readings come from.
    pub sources: Vec<SourceHealth>,
    /// When this was published.
    pub at: Time,
}

/// What the controller last read of a policy's directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFiles {
    /// Where.
    pub path: String,
    /// The digest of the last version that was taken over or waits for the next stage.
    pub digest: Option<Digest>,
    /// When it was.
    pub loaded_at: Option<Time>,
    /// It waits for the next stage (`pin = true`).
    pub waits: bool,
    /// The last version that was turned away, unless a good one came after it.
    pub rejected: Option<Rejected>,
}

/// A version of a policy that is not in force, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Its digest, when it could be read that far.
    pub digest: Option<Digest>,
    /// When.
    pub at: Time,
    /// Why, one sentence each.
    pub why: Vec<String>,
}

/// How a source does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHealth {
    /// Its name in the settings.
    pub name: String,
    /// When it last gave something.
    pub last_snapshot: Option<Time>,
    /// When it last answered at all.
    pub last_answer: Option<Time>,
    /// What is wrong with it, when something is.
    pub problem: Option<String>,
    /// Failures since the last answer.
    pub failures: u64,
}

impl SourceHealth {
    /// One that has not said anything yet.
    #[must_use]
    pub fn silent(name: &str) -> SourceHealth {
        SourceHealth { name: name.to_owned(), last_snapshot: None, last_answer: None, problem: None, failures: 0 }
    }
}

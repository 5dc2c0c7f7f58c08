//! What happened, for whoever tells it on.

use crate::ledger::Entry;
use crate::model::decision::{Answer, Decision};

/// What happened since it was last asked.
#[derive(Debug, Default)]
pub struct News {
    /// Entries that are in the ledger.
    pub entries: Vec<Entry>,
    /// Records of decisions that changed something.
    pub decisions: Vec<Decision>,
    /// Which of the entries came of a decision that the store keeps.
    pub decided: Vec<Decided>,
    /// What the actuator did, what the spool took, what was met on the way: one sentence each.
    pub notes: Vec<String>,
}

/// A decision that the store keeps, and the entries that came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Under which the store has its record: `checkout/production/17`.
    pub id: String,
    /// What it was.
    pub answer: Answer,
    /// The first and the last entry.
    pub entries: (u64, u64),
}

impl Decided {
    /// Whether an entry came of it.
    #[must_use]
    pub const fn holds(&self, seq: u64) -> bool {
        self.entries.0 <= seq && seq <= self.entries.1
    }
}

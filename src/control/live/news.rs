//! What happened, for whoever tells it on.

use crate::ledger::Entry;
use crate::model::decision::{Answer, Decision};

/// What happened since it was last asked.
#[derive(Debug, Default)]
pub struct News {
    /// Entries that are in the ledger.
    pub entries: Vec<Entry>,
    /// Decisions that the store keeps, and which of the entries came of them.
    pub decided: Vec<Decided>,
    /// Those that changed something and that no store keeps.
    pub decisions: Vec<Decision>,
    /// What the actuator did, what the spool took, what was met on the way: one sentence each.
    pub notes: Vec<String>,
}

/// A decision that the store keeps, and the entries that came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// Under which the store has its record: `checkout/production/17`.
    pub id: String,
    /// What was recorded.
    pub decision: Decision,
    /// The first and the last entry.
    pub entries: (u64, u64),
}

impl Decided {
    /// What it was.
    #[must_use]
    pub fn answer(&self) -> Answer {
        self.decision.verdict.answer()
    }

    /// Whether an entry came of it.
    #[must_use]
    pub const fn holds(&self, seq: u64) -> bool {
        self.entries.0 <= seq && seq <= self.entries.1
    }
}

//! The whole review of an edit: what was changed, what comes of it, and which conditions of the merge it trips.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::model::ids::{Digest, Environment};

use super::change::Change;
use super::verdict::{Compared, Tally};

/// One of the two policies compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SideName {
    /// As the user named it: `main:policies/web-service`, `policies/web-service`.
    pub shown: String,
    /// Its digest in each environment.
    pub digests: BTreeMap<Environment, Digest>,
}

/// A condition under which a change needs somebody to look (`--fail-on`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// A roll back of the old policy does not happen any more.
    LostRollback,
    /// A P0 check, or one that rolls back, acts on less than before.
    LooserP0,
    /// A labelled recording is rolled back outside of any incident, and was not before.
    FalseRollback,
    /// Any decision differs, or any golden timeline changes.
    Any,
}

impl Condition {
    /// As on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Condition::LostRollback => "lost-rollback",
            Condition::LooserP0 => "looser-p0",
            Condition::FalseRollback => "false-rollback",
            Condition::Any => "any",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A condition that holds, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tripped {
    /// Which.
    pub condition: Condition,
    /// One sentence: `isolation_score.p0 is looser: below 95% became below 94%`.
    pub why: String,
    /// Whether `--fail-on` asked for it, so that the command fails.
    pub fails: bool,
}

/// The whole review.
#[derive(Debug, Clone)]
pub struct Review {
    /// The rollout that the policy governs: on the new side, else where it was.
    pub rollout: String,
    /// The policy before.
    pub old: SideName,
    /// The policy after.
    pub new: SideName,
    /// What was edited, roll backs and worse severities first.
    pub changes: Vec<Change>,
    /// Every recording under both, those that differ first.
    pub compared: Vec<Compared>,
    /// The score on labelled recordings before and after; none when nothing is labelled.
    pub tallies: Option<(Tally, Tally)>,
    /// The conditions that hold, whether or not they were asked for.
    pub tripped: Vec<Tripped>,
    /// What was left out, and why: no labels, a fixture that does not fit the old policy, an environment that is new.
    pub notes: Vec<String>,
}

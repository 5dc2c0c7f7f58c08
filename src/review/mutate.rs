//! Which thresholds does no test pin? Every number of a policy is moved by one, every comparison turned round, every
//! check left out, one at a time; whatever no test and no fixture notices is named, with the case that would notice.
//!
//! ```text
//! sites (TOML by its spans, scripts by their tokens) -> edits -> compiled mutants
//! tests and fixtures, read and played once -> cases -> the same cases on each mutant -> fates -> missing cases
//! ```
//!
//! A case kills a mutant when an expectation fails that held before, or when a fixture's golden timeline differs in
//! more than its wording: the bound's own number stands in the text of every finding, and that alone pins nothing.

pub mod cases;
pub mod edit;
pub mod judge;
pub mod nudge;
pub mod sites;
pub mod stub;

mod meaning;
mod roles;

use serde::Serialize;

use crate::model::ids::{Digest, Environment, RolloutId};
use crate::model::time::Duration;

use stub::Missing;

/// Something written in a policy that decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Site {
    /// A check's id (`isolation_score.p0`), a script's function (`parity()`), or the table it stands in
    /// (`metrics.error_rate`, `stages.canary`, `baseline`).
    pub subject: String,
    /// Which part of it: `below`, `for`, `gates`; empty for the whole.
    pub part: String,
    /// As written.
    pub written: String,
    /// Path inside the policy's directory.
    pub file: String,
    /// One-based.
    pub line: u32,
    /// The only environment in which it is in force; none when it stands in policy.toml.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
}

impl Site {
    /// `isolation_score.p0 below`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.subject, self.part).trim_end().to_owned()
    }
}

/// What was done to a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A number moved by one.
    Nudge,
    /// A comparison or a word turned into its opposite.
    Flip,
    /// Left out.
    Drop,
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "fate")]
pub enum Fate {
    /// Some case noticed.
    Killed {
        /// The cases that did; only the first unless all were asked for.
        by: Vec<String>,
    },
    /// No case did.
    Survived {
        /// The case that would.
        missing: Missing,
    },
    /// It does not compile, or the tests cannot be read against it: nobody could merge it.
    Refused {
        /// The first problem.
        why: String,
    },
    /// It cannot differ from the policy.
    Skipped {
        /// Why.
        why: String,
    },
}

/// One mutant, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// What was mutated.
    #[serde(flatten)]
    pub site: Site,
    /// How.
    pub kind: Kind,
    /// What stood there instead: `94%`, `above`, nothing.
    pub tried: String,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// All mutants of one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assay {
    /// The policy's directory, as the user named it.
    pub path: String,
    /// Its rollout.
    pub rollout: RolloutId,
    /// Its digest in the environment judged first.
    pub digest: Digest,
    /// Its own tests.
    pub tests: usize,
    /// Fixtures that replay it.
    pub fixtures: usize,
    /// By how much lengths of time were moved.
    pub step: Duration,
    /// In the order of the files.
    pub mutants: Vec<Judged>,
}

/// How many mutants met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Noticed.
    pub killed: usize,
    /// Not noticed.
    pub survived: usize,
    /// Not compiled.
    pub refused: usize,
    /// Cannot differ.
    pub skipped: usize,
}

impl Tally {
    /// Of all these mutants.
    #[must_use]
    pub fn of<'m>(mutants: impl IntoIterator<Item = &'m Judged>) -> Tally {
        mutants.into_iter().fold(Tally::default(), |mut tally, mutant| {
            match mutant.fate {
                Fate::Killed { .. } => tally.killed += 1,
                Fate::Survived { .. } => tally.survived += 1,
                Fate::Refused { .. } => tally.refused += 1,
                Fate::Skipped { .. } => tally.skipped += 1,
            }
            tally
        })
    }

    /// Of both.
    #[must_use]
    pub const fn and(self, other: Tally) -> Tally {
        Tally {
            killed: self.killed + other.killed,
            survived: self.survived + other.survived,
            refused: self.refused + other.refused,
            skipped: self.skipped + other.skipped,
        }
    }

    /// Killed of those that could be, in percent; none when there was nothing to kill.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a policy has thousands of mutants, not 2^53")]
    pub fn score(self) -> Option<f64> {
        let could = self.killed + self.survived;
        (could > 0).then(|| 100.0 * self.killed as f64 / could as f64)
    }
}

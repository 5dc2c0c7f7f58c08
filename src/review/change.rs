//! One edited thing of a policy, and in which direction it went.

use std::cmp::Ordering;
use std::fmt;

use serde::Serialize;

use crate::model::finding::Origin;
use crate::model::frame::Group;
use crate::model::ids::{CheckId, Environment, MetricName, StageName};
use crate::model::severity::{Response, Severity};
use crate::model::units::Unit;

/// Which way an edit goes, seen from a reading: does the policy act on more of them, or on fewer?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Acts on everything it acted on before, and on more; or earlier, or harder.
    Tighter,
    /// Acts on less than before; or later, or more gently.
    Looser,
    /// Not a matter of more or less: neither contains the other, or nothing is decided by it (who is told), or no
    /// difference was found. The words say which.
    Different,
}

impl Direction {
    /// From an order of strictness: the greater acts on more.
    #[must_use]
    pub const fn of(order: Ordering) -> Direction {
        match order {
            Ordering::Greater => Direction::Tighter,
            Ordering::Less => Direction::Looser,
            Ordering::Equal => Direction::Different,
        }
    }

    /// Of two edits of one thing together.
    #[must_use]
    pub fn and(self, other: Direction) -> Direction {
        if self == other { self } else { Direction::Different }
    }

    /// The other way round.
    #[must_use]
    pub const fn reversed(self) -> Direction {
        match self {
            Direction::Tighter => Direction::Looser,
            Direction::Looser => Direction::Tighter,
            Direction::Different => Direction::Different,
        }
    }

    /// `tighter`, `looser`, `different`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Tighter => "tighter",
            Direction::Looser => "looser",
            Direction::Different => "different",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What an edit bears on: whether it can alter a decision at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearing {
    /// It can.
    Acts,
    /// It cannot: on every reading the same is done as before, as under another id, or behind a bound that decides
    /// alone. Scripts that ask about it are told the same, too.
    AsBefore,
    /// It cannot: nothing was acted on here, as with a check in shadow, or whom a severity tells. What a script is told
    /// may be another all the same.
    Untouched,
    /// Both were tried, and no point shows a difference: no proof that there is none.
    NotFound,
}

/// How it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// By inclusion of intervals: it holds for every reading.
    Exact,
    /// By evaluating both at generated points: it holds where somebody looked.
    Sampled,
}

/// What was edited.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum Subject {
    /// A threshold, a trigger or a gate.
    Check(CheckId),
    /// A rung of the ladder.
    Stage(StageName),
    /// How a metric's readings are judged.
    Metric(MetricName),
    /// What a severity obliges.
    Severity(Severity),
    /// A script function, with the checks that use it in [`Change::words`].
    Script(String),
    /// Anything else of the policy, by its key: `baseline.window`, `on_breach`, `features`.
    Policy(String),
}

/// A reading on which the two policies disagree, the one nearest to the bound that was edited.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterexample {
    /// Which metric.
    pub metric: MetricName,
    /// Which group's reading.
    pub group: Group,
    /// The reading, in the metric's unit.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// What the old policy did on it, as `rolled back`, `held (isolation_score.p1)`.
    pub before: String,
    /// What the new policy does, as `would roll back`, `would hold (isolation_score.p1)`.
    pub after: String,
    /// What else must be true of it: `lasting 2m`, `with a baseline of 200ms`; empty when nothing.
    pub given: String,
}

impl fmt::Display for Counterexample {
    /// `isolation_score 94.7% rolled back before, would hold now (isolation_score.p1)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.metric)?;
        if self.group != Group::Treatment {
            write!(f, " ({})", self.group)?;
        }
        write!(f, " {}", self.unit.show(self.value))?;
        if !self.given.is_empty() {
            write!(f, " {}", self.given)?;
        }
        // Why it does so comes last: `would hold now (isolation_score.p1)`.
        let verb = [" until ", " ("].iter().filter_map(|word| self.after.find(word)).min().unwrap_or(self.after.len());
        let (verb, rest) = self.after.split_at(verb);
        write!(f, " {} before, {verb} now{rest}", self.before)
    }
}

impl Subject {
    /// The name: `isolation_score.p0`, `canary`, `P0`, `baseline.window`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Subject::Check(id) => id.to_string(),
            Subject::Stage(name) => name.to_string(),
            Subject::Metric(name) => name.to_string(),
            Subject::Severity(severity) => severity.to_string(),
            Subject::Script(name) | Subject::Policy(name) => name.clone(),
        }
    }

    /// What it is: `check`, `stage`, `metric`, `severity`, `script`, `policy`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Subject::Check(_) => "check",
            Subject::Stage(_) => "stage",
            Subject::Metric(_) => "metric",
            Subject::Severity(_) => "severity",
            Subject::Script(_) => "script",
            Subject::Policy(_) => "policy",
        }
    }
}

/// One edited thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What was edited.
    pub subject: Subject,
    /// Which part of it: `below`, `for`, `then`, `traffic`; empty for the whole (added, removed).
    pub part: String,
    /// As it was, in the policy's words; none when it was not there.
    pub before: Option<String>,
    /// As it is; none when it is gone.
    pub after: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// How that is known.
    pub proof: Proof,
    /// Whether a decision can be another by it.
    pub bearing: Bearing,
    /// How severe the check is, or was before; of what is no check, the worst check that it may keep from acting.
    pub severity: Option<Severity>,
    /// What the check does when firing, or did before; of what is no check, the hardest that it may keep from happening.
    pub response: Option<Response>,
    /// A reading that shows the difference; always there for a looser bound.
    pub counterexample: Option<Counterexample>,
    /// One sentence for people, when the words above do not say it all.
    pub words: String,
    /// Where it was written in the old policy.
    pub was_at: Option<Origin>,
    /// Where it is written in the new one.
    pub is_at: Option<Origin>,
    /// The environments in which it is so; never empty.
    pub environments: Vec<Environment>,
}

//! Severities, and what a firing check obliges.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad it is. `P0 > P1 > P2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Emergency.
    P0,
    /// Critical.
    P1,
    /// Warning.
    P2,
}

impl Severity {
    /// Worst first.
    pub const ALL: [Severity; 3] = [Severity::P0, Severity::P1, Severity::P2];

    /// 0, 1 or 2.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// `p0`, as written in policy files and check ids.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Severity::P0 => "p0",
            Severity::P1 => "p1",
            Severity::P2 => "p2",
        }
    }
}

impl PartialOrd for Severity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Severity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.index().cmp(&self.index())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::P0 => "P0",
            Severity::P1 => "P1",
            Severity::P2 => "P2",
        })
    }
}

/// What a firing check obliges. Ordered: a roll back outweighs a hold outweighs a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Response {
    /// Tell people; never blocks.
    Warn,
    /// Block the advance.
    Hold,
    /// Take the exposure back.
    Rollback,
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Response::Warn => "warn",
            Response::Hold => "hold",
            Response::Rollback => "roll back",
        })
    }
}

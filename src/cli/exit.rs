//! Exit codes: the same on every command, and part of the interface. Scripts and CI branch on them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done: policy valid, tests pass.
    Done = 0,
    /// The tool could not do it: a file that cannot be read or written, a bug.
    Failed = 1,
    /// Wrong usage; clap's own code.
    Usage = 2,
    /// The policy is invalid; warnings too with `--fail-level warning`.
    PolicyInvalid = 3,
    /// An expectation failed.
    ExpectationFailed = 4,
    /// Nothing to check, test or replay: green must mean that something was looked at.
    Nothing = 5,
    /// Recorded data unreadable, or refused by `--strict`.
    DataUnreadable = 6,
    /// With `--exit-decision`: ended in hold. `status --wait`: time was up, and it holds.
    EndedInHold = 10,
    /// With `--exit-decision`: rolled back. `status --wait`: it was rolled back instead.
    EndedRolledBack = 11,
    /// With `--exit-decision`: ended with something unknown. `status --wait`: time was up, and nobody can tell.
    EndedUnknown = 12,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

//! A source: one place that readings come from. It is asked, and answers with snapshots or with why there are none.
//!
//! The contract, tested once in `tests/sources` against every implementation:
//!
//! 1. A call ends by its own deadline, whatever the other side does. A source that hangs is a source that failed.
//! 2. A failure is an answer ([`SourceError`]), never a made-up reading: what was read before grows old by itself and
//!    turns stale, and that holds the rollout.
//! 3. What the other side itself calls partial, empty or not a number is an *unknown* reading from that instant, and so
//!    is a part of an answer that failed beside others that did not: [`Source::problems`] says which and why.
//! 4. A reading carries the time at which it was observed, not the time of asking: a source that repeats itself goes
//!    stale, and one that lies about time is handed on as it is, to be found out by whoever takes it in.
//! 5. After a failure the next call starts anew: nothing has to be restarted.
//! 6. What was handed out comes again, by the next call as after a crash, until it was
//!    [acknowledged](Source::acknowledge): whoever could not keep it only has to ask again. (A source that is asked for
//!    the present state has nothing to repeat: its next answer is the state by then.)

use crate::model::snapshot::Snapshot;
use crate::model::time::Time;

/// Somewhere that readings come from.
pub trait Source: Send {
    /// Its name in the settings; every snapshot of its carries it.
    fn name(&self) -> &str;

    /// What is new at `now`, and what was handed out and not acknowledged; empty when nothing is. Blocks no longer than its own deadline.
    ///
    /// # Errors
    /// Why nothing could be had.
    fn poll(&mut self, now: Time) -> Result<Vec<Snapshot>, SourceError>;

    /// What was wrong with the last answer although it was one, a sentence each: a query that failed beside others, a
    /// line that could not be read. Empty when all was well.
    fn problems(&self) -> &[String] {
        &[]
    }

    /// Everything that was handed out is kept by now: it need not come again.
    ///
    /// # Errors
    /// The other side could not be told; the same snapshots may come again, which harms nothing.
    fn acknowledge(&mut self) -> Result<(), SourceError> {
        Ok(())
    }
}

/// Why a source has nothing to give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nobody answers, or not in time.
    #[error("{0}")]
    Unreachable(String),
    /// The credentials are not taken.
    #[error("{0}")]
    Denied(String),
    /// It answers, and says that it cannot: overloaded, a query that fails.
    #[error("{0}")]
    Refused(String),
    /// What it answers cannot be read.
    #[error("{0}")]
    Malformed(String),
}

impl SourceError {
    /// A word for metrics and `status`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            SourceError::Unreachable(_) => "unreachable",
            SourceError::Denied(_) => "denied",
            SourceError::Refused(_) => "refused",
            SourceError::Malformed(_) => "malformed",
        }
    }
}

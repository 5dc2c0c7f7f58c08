//! How long something may still take: a source ends by its own deadline, a batch of the journal gathers until its. What
//! is measured is how long they waited, and no reading and no decision rests on it.

use std::time::{Duration as Std, Instant};

use crate::model::time::Duration;

/// The end of one call, or of one batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    /// It begins now and may take `limit`.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapters' stopwatch: how long it waited, not what time it is"
    )]
    pub(super) fn start(limit: Duration) -> Deadline {
        Deadline { started: Instant::now(), limit }
    }

    /// What is left; nothing when it is over.
    pub(super) fn left(&self) -> Option<Std> {
        let left = std(self.limit).checked_sub(self.started.elapsed())?;
        (!left.is_zero()).then_some(left)
    }

    /// How long the whole call may take.
    #[cfg(feature = "live")]
    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }
}

/// As the standard library spells it.
pub(super) const fn std(length: Duration) -> Std {
    Std::from_millis(length.as_millis().unsigned_abs())
}

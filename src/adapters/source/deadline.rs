//! How long a call may still take. A source ends by its own deadline, so it is the one adapter that measures time; what
//! it measures is how long it waited, and no reading and no decision rests on it.

use std::time::{Duration as Std, Instant};

use crate::model::time::Duration;

/// The end of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    /// The call begins now and may take `limit`.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the source's stopwatch: how long it waited, not what time it is"
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
    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }
}

/// As the standard library spells it.
pub(super) const fn std(length: Duration) -> Std {
    Std::from_millis(length.as_millis().unsigned_abs())
}

//! How long a command took, and what time it is: for people's eyes only. No decision ever reads this clock.

use crate::model::time::{Duration, Time};

/// Measures how long a command takes.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    /// How long it has been running.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Duration::from_millis(i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// The same in seconds, as fine as the machine's clock: for histograms.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// When something must be over.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    since: Stopwatch,
    after: Duration,
}

impl Deadline {
    /// This long from now.
    #[must_use]
    pub fn after(length: Duration) -> Deadline {
        Deadline { since: Stopwatch::start(), after: length }
    }

    /// How long it is since it was set.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.since.elapsed()
    }

    /// How long it is until then; nothing once it is over.
    #[must_use]
    pub fn left(self) -> Duration {
        self.after.saturating_sub(self.elapsed()).max(Duration::ZERO)
    }
}

/// The machine's time in nanoseconds since 1970, as fine as its clock: for traces.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn nanos() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(0)
}

/// The machine's time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Time {
    Time::from_millis(jiff::Timestamp::now().as_millisecond())
}

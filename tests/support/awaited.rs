//! Waiting for something to be so: a condition, a deadline, and no rest that is longer than it has to be.

use std::time::{Duration, Instant};

/// Waits until something is so, looking often; fails when it takes longer than this.
#[expect(clippy::disallowed_methods, reason = "a test waits, and reads a clock for it")]
pub fn within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < patience, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

//! Named points at which a test may stop the process dead. The claim "nothing acknowledged is lost" is about `kill -9`,
//! so it is tested with `kill -9`: at an armed point the process says so and stands still until it is killed.
//!
//! A release build has no such points: `here` is empty and nothing can arm it.

#[cfg(debug_assertions)]
use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

/// What the process says when it stands at an armed point; the name follows.
pub const STANDS_AT: &str = "rollgate stands at crash point ";

/// Every point, for the test that visits them all.
pub const POINTS: &[&str] = &[
    "order.proposed",
    "store.append.begun",
    "store.append.entries",
    "store.append.exposures",
    "store.append.written",
    "store.append.committed",
    "store.redis.begun",
    "store.redis.connected",
    "store.redis.sent",
    "store.redis.replied",
    "store.redis.waited",
    "store.redis.marked",
    "store.redis.acknowledged",
    "order.appended",
    "order.applied",
    "order.confirmed",
    "live.proposed",
    "live.appended",
    "live.applied",
    "spool.written",
    "spool.synced",
    "spool.replayed",
    "spool.cleared",
    "journal.begun",
    "journal.created",
    "journal.filled",
    "journal.renamed",
    "journal.written",
    "journal.synced",
    "journal.acknowledged",
    "push.handed",
    "lease.asked",
    "lease.kept",
    "lease.returned",
    "seat.opened",
    "seat.recalled",
    "seat.reading",
    "seat.fed",
    "seat.ordered",
    "seat.answered",
    "seat.stopped",
    "policy.offered",
    "policy.taken",
    "house.closing",
    "house.empty",
];

#[cfg(debug_assertions)]
static ARMED: OnceLock<(String, AtomicU32)> = OnceLock::new();

/// Arms one point: `name`, or `name:3` for the third time it is passed. Only the first call counts.
#[cfg(debug_assertions)]
pub fn arm(point: &str) {
    let (name, times) = point.split_once(':').unwrap_or((point, "1"));
    // Armed once, at the start of a process; a second call has nothing to add.
    let _ = ARMED.set((name.to_owned(), AtomicU32::new(times.parse().unwrap_or(1))));
}

/// Stands still here if this point is armed.
#[cfg(debug_assertions)]
pub fn here(name: &str) {
    use std::io::Write as _;
    let Some((armed, left)) = ARMED.get() else { return };
    if armed != name || left.fetch_sub(1, Ordering::Relaxed) != 1 {
        return;
    }
    // Whoever armed it reads this and kills the process.
    let _ = writeln!(std::io::stderr(), "{STANDS_AT}{name}");
    loop {
        std::thread::park();
    }
}

/// A release build does not stop.
#[cfg(not(debug_assertions))]
#[inline]
pub const fn here(_: &str) {}

//! Calls on their way to the writer. Whoever calls does the work of turning snapshots into text; the writer only puts
//! batches together.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::adapters::deadline::Deadline;
use crate::model::time::{Duration, Time};
use crate::ports::journal::Kept;
use crate::ports::store::StoreError;

/// So much may wait for the disk; more is refused, so that a disk that hangs does not eat the memory.
const MOST_WAITING: usize = 64 << 20;
/// A batch of this size goes to disk at once.
const FULL_BATCH: usize = 1 << 20;

/// One call of `keep`.
pub(super) struct Call {
    pub(super) at: Time,
    pub(super) bodies: Vec<Vec<u8>>,
    pub(super) done: Kept,
}

#[derive(Default)]
struct Waiting {
    calls: Vec<Call>,
    bytes: usize,
    /// Until when the batch gathers.
    gathers: Option<Deadline>,
    closed: bool,
}

/// What waits for the writer.
pub(super) struct Queue {
    /// How long a batch may grow.
    gather: Duration,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Queue {
    pub(super) fn new(gather: Duration) -> Queue {
        Queue { gather, waiting: Mutex::default(), changed: Condvar::new() }
    }

    /// Adds a call; a refusal is told to it at once.
    pub(super) fn push(&self, call: Call) {
        let bytes: usize = call.bodies.iter().map(Vec::len).sum();
        let mut waiting = self.lock();
        let refusal = if waiting.closed {
            Some("the journal is closed".to_owned())
        } else if waiting.bytes.saturating_add(bytes) > MOST_WAITING {
            Some(format!("{} MiB wait for the journal's disk already", waiting.bytes >> 20))
        } else {
            None
        };
        if let Some(why) = refusal {
            drop(waiting);
            (call.done)(Err(StoreError::Unavailable(why)));
            return;
        }
        let was_empty = waiting.calls.is_empty();
        if was_empty {
            waiting.gathers = Some(Deadline::start(self.gather));
        }
        let was_full = waiting.bytes >= FULL_BATCH;
        waiting.calls.push(call);
        waiting.bytes = waiting.bytes.saturating_add(bytes);
        // The writer sleeps only while there is nothing, or while a batch gathers.
        if was_empty || (!was_full && waiting.bytes >= FULL_BATCH) {
            self.changed.notify_one();
        }
    }

    /// The next batch: everything that waits, at once or, where it `gathers`, when it was given its time to grow, from its
    /// first call on. None when nothing can come any more.
    pub(super) fn next(&self, gathers: bool) -> Option<Vec<Call>> {
        let waiting = self.lock();
        let mut waiting = self
            .changed
            .wait_while(waiting, |waiting| waiting.calls.is_empty() && !waiting.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = waiting.gathers.filter(|_| gathers).and_then(|deadline| deadline.left()) {
            let grows = |waiting: &mut Waiting| waiting.bytes < FULL_BATCH && !waiting.closed;
            waiting = self.changed.wait_timeout_while(waiting, left, grows).unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.bytes = 0;
        let calls = std::mem::take(&mut waiting.calls);
        if calls.is_empty() { None } else { Some(calls) }
    }

    /// Nothing is taken any more; what waits is still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Closes, and tells whatever still waits that it will not be written.
    pub(super) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let calls = std::mem::take(&mut waiting.calls);
        drop(waiting);
        for call in calls {
            (call.done)(Err(StoreError::Unavailable("the journal's writer has ended".to_owned())));
        }
    }

    /// A panic elsewhere leaves the queue itself whole.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The one thread that writes. A batch is every call that waited while the batch before it went to disk: one write, one
//! flush, then every caller is told. Nothing is told before it is on disk.
//!
//! A write that failed (a full disk) is cut off again, and the segment goes on. After a flush that failed it is not known
//! what of the file is on disk: the segment is left, and the next batch begins a new one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ahead::Ahead;
use super::files::{Options, Shared};
use super::line;
use super::medium::{Medium, Sink};
use super::queue::Call;
use super::segments::{self, Closed};
use crate::model::time::Time;
use crate::ports::crash;
use crate::ports::store::StoreError;

/// What place, hash and line break add to a line, about.
const PER_LINE: usize = 48;

/// Writes what the queue holds.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) folder: PathBuf,
    pub(super) options: Options,
    pub(super) medium: Arc<dyn Medium>,
    pub(super) ahead: Ahead,
    pub(super) next: u64,
    pub(super) open: Option<Open>,
    pub(super) buffer: Vec<u8>,
}

/// The segment that is written to.
pub(super) struct Open {
    number: u64,
    name: String,
    sink: Box<dyn Sink>,
    /// Lines in it, all of them on disk.
    lines: u64,
    bytes: u64,
    /// How large the file was made ahead of time; nothing when it grows line by line.
    room: u64,
    /// When the first line came in, and the newest.
    since: Time,
    newest: Time,
}

/// Tells the queue when the writer is gone, however it went.
struct Abandon(Arc<Shared>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}

impl Writer {
    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _abandon = Abandon(Arc::clone(&self.shared));
        let mut gathers = false;
        while let Some(calls) = self.shared.queue.next(gathers) {
            // Whoever calls alone does not wait for company that never came.
            gathers = calls.len() > 1;
            self.batch(calls);
            self.look_ahead();
        }
        if let Some(open) = self.open.take() {
            self.close(open);
        }
    }

    fn batch(&mut self, calls: Vec<Call>) {
        crash::here("journal.begun");
        let written = self.write(&calls);
        crash::here("journal.synced");
        let tally = &self.shared.tally;
        match &written {
            Ok(lines) => {
                tally.batches.fetch_add(1, Ordering::Relaxed);
                tally.snapshots.fetch_add(*lines, Ordering::Relaxed);
            }
            Err(_) => drop(tally.failures.fetch_add(1, Ordering::Relaxed)),
        }
        for call in calls {
            let answer = written.clone().map(|_| ());
            // One caller's fault must not silence the others.
            drop(catch_unwind(AssertUnwindSafe(|| (call.done)(answer))));
        }
        crash::here("journal.acknowledged");
    }

    /// Writes a batch; how many lines it had.
    fn write(&mut self, calls: &[Call]) -> Result<u64, StoreError> {
        let Some(first) = calls.first() else { return Ok(0) };
        let newest = calls.iter().map(|call| call.at).fold(first.at, Time::max);
        let adds: usize =
            calls.iter().flat_map(|call| &call.bodies).map(|body| body.len().saturating_add(PER_LINE)).sum();
        self.rotate(newest, adds as u64);
        self.allow(adds as u64)?;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(first.at)?,
        };
        self.buffer.clear();
        let mut lines = open.lines;
        for body in calls.iter().flat_map(|call| &call.bodies) {
            lines = lines.saturating_add(1);
            line::seal(&open.name, lines, body, &mut self.buffer);
        }
        if let Err(error) = open.sink.append(&self.buffer) {
            // As long as the file can be cut back to what is safe, it is as good as before.
            match open.sink.cut(open.bytes) {
                Ok(()) => self.open = Some(Open { room: 0, ..open }),
                Err(_) => self.close(open),
            }
            return Err(failed(&error));
        }
        crash::here("journal.written");
        if let Err(error) = open.sink.sync() {
            // Nobody knows what of it is on disk. What was not acknowledged may stay: it is only read back as well.
            drop(open.sink.cut(open.bytes));
            self.close(Open { room: 0, ..open });
            return Err(failed(&error));
        }
        let added = lines.saturating_sub(open.lines);
        open.lines = lines;
        open.bytes = open.bytes.saturating_add(self.buffer.len() as u64);
        open.newest = open.newest.max(newest);
        self.open = Some(open);
        Ok(added)
    }

    /// Refuses what would not fit into the journal's own limit.
    fn allow(&self, adds: u64) -> Result<(), StoreError> {
        let Some(most) = self.options.max_bytes else { return Ok(()) };
        let open = self.open.as_ref().map_or(0, |open| open.bytes);
        if self.shared.bytes().saturating_add(open).saturating_add(adds) <= most {
            return Ok(());
        }
        Err(StoreError::Full(format!("the journal may not grow beyond {most} bytes")))
    }

    fn begin(&mut self, at: Time) -> Result<Open, StoreError> {
        let number = self.next;
        // A name is used once, even when making the file failed half-way.
        self.next = number.saturating_add(1);
        let (name, path) = segments::place(&self.folder, number);
        let (sink, room) = match self.ahead.take(&path) {
            Some(sink) => (sink, self.options.segment_bytes),
            None => (self.medium.create(&path).map_err(|error| failed(&error))?, 0),
        };
        Ok(Open { number, name, sink, lines: 0, bytes: 0, room, since: at, newest: at })
    }

    /// Has the next segment made, when so much comes in that it is worth it. A journal with a limit of its own keeps
    /// nothing but lines.
    fn look_ahead(&mut self) {
        let Some(open) = &self.open else { return };
        if self.options.max_bytes.is_none() && open.bytes >= self.options.ahead_after.max(open.room / 2) {
            self.ahead.ask(self.options.segment_bytes);
        }
    }

    /// Ends the segment when it is big or old enough, or when the next one is made and this one would grow.
    fn rotate(&mut self, now: Time, adds: u64) {
        let is_over = |open: &Open| {
            open.bytes >= self.options.segment_bytes
                || now.since(open.since) >= self.options.segment_age
                || (self.ahead.is_over() && open.bytes.saturating_add(adds) > open.room)
        };
        if self.open.as_ref().is_some_and(is_over)
            && let Some(open) = self.open.take()
        {
            self.close(open);
        }
    }

    fn close(&self, mut open: Open) {
        if open.bytes < open.room {
            // The zeros behind the lines are in nobody's way.
            drop(open.sink.cut(open.bytes));
        }
        self.shared.closed().insert(open.number, Closed { bytes: open.bytes, newest: Some(open.newest) });
    }
}

/// An error of the file system.
pub(super) fn failed(error: &std::io::Error) -> StoreError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full(error.to_string())
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}

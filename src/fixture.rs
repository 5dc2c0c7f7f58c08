//! Recorded data, the series notation, scenarios and expectations. Bytes and text come in, the file system does not:
//! opening files is the shell's work.
//!
//! ```text
//! bytes -> rows (ndjson, long_csv, prometheus, series) -> window (put in order, doubles settled) -> Frames
//! Frames -> merge (several files) -> prefetch (another thread) -> play (the same Machine that runs live)
//! ```
//!
//! Nothing here decides: a replay, a test and a diff differ from a live run only in where the inputs come from.

use crate::model::frame::Frame;

pub mod advice;
pub mod codes;
pub mod directory;
pub mod error;
pub mod expectation;
pub mod long_csv;
pub mod merge;
pub mod names;
pub mod ndjson;
pub mod observer;
pub mod open;
pub mod play;
pub mod prefetch;
pub mod prometheus;
pub mod report;
pub mod run;
pub mod scenario;
pub mod score;
pub mod series;
pub mod timeline;

mod columns;
mod fields;
mod intake;
mod lines;
mod window;

pub use error::DataError;
pub use fields::Moment;
pub use open::{Format, ReadOptions, Recording};
pub use report::DataReport;

/// Recorded readings, one frame per instant, times strictly increasing.
pub trait Frames: Send {
    /// Fills `frame` with the next instant; false when there is none. Reuses the frame's memory.
    ///
    /// # Errors
    /// The recording cannot be read any further, or strictness refuses what it holds.
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, DataError>;

    /// No more frames are wanted: draws the conclusions from what was read.
    ///
    /// # Errors
    /// Strictness refuses what was read.
    fn stop(&mut self) -> Result<(), DataError> {
        Ok(())
    }

    /// What was met so far; complete once `next_frame` has answered false, or after `stop`.
    fn report(&self) -> &DataReport;
}

/// Frames already in memory: policy tests, and recordings that were sorted as a whole.
#[derive(Debug, Default)]
pub struct InMemory {
    frames: std::vec::IntoIter<Frame>,
    report: DataReport,
}

impl InMemory {
    /// From frames in order of time.
    #[must_use]
    pub fn new(frames: Vec<Frame>, report: DataReport) -> InMemory {
        InMemory { frames: frames.into_iter(), report }
    }
}

impl Frames for InMemory {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, DataError> {
        match self.frames.next() {
            Some(next) => {
                *frame = next;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn report(&self) -> &DataReport {
        &self.report
    }
}

//! Recorded data, the series notation, scenarios and expectations. Bytes and text come in, the file system does not:
//! opening files is the shell's work.
//!
//! ```text
//! data (recordings) or series (tests) -> Frames -> play (the same Machine that runs live) -> timeline, score
//! scenario, directory, expectation: what is played, and what must and must never happen
//! ```
//!
//! Nothing here decides: a replay, a test and a diff differ from a live run only in where the inputs come from.

pub mod blind;
pub mod codes;
pub mod data;
pub mod directory;
pub mod expectation;
pub mod observer;
pub mod play;
pub mod record;
pub mod run;
pub mod scenario;
pub mod schema;
pub mod score;
pub mod series;
pub mod timeline;
pub mod tracks;

mod fields;
mod opening;

pub use data::{DataError, DataReport, Format, Frames, InMemory, ReadOptions, Recording};
pub use fields::Moment;

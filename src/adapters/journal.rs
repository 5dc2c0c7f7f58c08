//! The journal as files: segments of JSON lines in one folder, shared by all rollouts of a controller, so that one flush
//! to disk makes a whole batch safe whatever it is about.
//!
//! ```text
//! keep ──> queue ──> writer (one thread): write, flush once, tell every caller
//! recall <── segments 0000000001.ndjson, 0000000002.ndjson, ...; an old one is never written again
//! ```
//!
//! A line carries its place in its segment and a short hash over the segment's name, the place and the text: a line that
//! was torn, altered, moved or taken away is known as such, and costs no other line. A segment that was made ahead of
//! time ends in zeros while it is written to; no line has one in it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`files`] | the journal itself: opening, recalling, forgetting |
//! | `queue` | calls on their way to the writer |
//! | `writer` | the one thread that writes: batches, rotation, faults |
//! | `ahead` | the next segment, made before it is needed |
//! | `line` | one line, and how it is known to be whole |
//! | `medium` | the file system, as far as the writer needs it |
//! | `segments` | the segments there are |

mod ahead;
pub mod files;
mod line;
mod medium;
mod queue;
mod segments;
#[cfg(test)]
mod tests;
mod writer;

pub use files::{FileJournal, Options, Tally, look};

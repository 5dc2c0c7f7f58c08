//! The decision. Pure and synchronous: no clock, no files, no network, no randomness, no async, nothing logged.
//!
//! ```text
//! Input (time-stamped) -> Machine::handle -> events, plan, wake_at
//! ```
//!
//! Live, replay, test and diff differ only in where inputs come from and where outputs go.

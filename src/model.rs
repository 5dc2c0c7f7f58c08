//! Plain data. No logic beyond constructors, formatting and invariants; no clock, no files, no maths on metrics.
//!
//! Everything that crosses a border (a file, the ledger, the wire, a report) is a type of this folder.

pub mod decision;
pub mod event;
pub mod finding;
pub mod frame;
pub mod ids;
pub mod literal;
pub mod operator;
pub mod plan;
pub mod reading;
pub mod reason;
pub mod severity;
pub mod snapshot;
pub mod state;
pub mod time;
pub mod units;

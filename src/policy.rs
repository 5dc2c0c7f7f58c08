//! Text in memory to compiled policy. No file system, no clock: a policy is compiled the same way in an editor, in a
//! pull request and in the daemon.
//!
//! Three stages for what people typed: `raw` (as written, spans kept), `check` (every meaning verified, every
//! problem reported), [`compiled`] (dense, immutable, ready for the engine).

pub mod compiled;
pub mod diagnostic;
pub mod script;
pub mod source;

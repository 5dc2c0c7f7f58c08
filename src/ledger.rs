//! The ledger: every event of a rollout in one order, each entry tied to the one before by SHA-256.
//!
//! Pure: entries in, entries out; who stores them is a port. An entry is one line of JSON, and what is hashed is that
//! line up to its own hash, so that a chain can be checked with nothing but a text file and SHA-256:
//!
//! ```text
//! {"v":1,"seq":2,...,"prev":"<hash of entry 1>","hash":"<SHA-256 of this line up to here>"}
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`hash`] | SHA-256 as hex, and the genesis of a chain |
//! | [`entry`] | one entry: what it says, its line, its seal |
//! | [`chain`] | adding to a chain |
//! | [`checkpoint`] | the folded state at an entry, from which older entries may be dropped |
//! | [`mod@verify`] | whether a chain is whole |
//! | [`export`] | chains as JSON Lines, and the proof that such a file is whole |

pub mod chain;
pub mod checkpoint;
pub mod entry;
pub mod export;
pub mod hash;
pub mod verify;

pub use chain::{Draft, Head};
pub use checkpoint::Checkpoint;
pub use entry::{BadLine, Entry, Record};
pub use hash::Hash;
pub use verify::{Broken, Verified, verify};

//! The border to the machine: files, the clock, the terminal. Everything here turns the outside into values (or values
//! into files) and decides nothing; it is the only place that names `std::fs`, `std::env` and clocks.

pub mod arguments;
pub mod clock;
pub mod data;
pub mod files;
pub mod fixture;
pub mod git;
pub mod operator;
pub mod secrets;
#[cfg(feature = "live")]
pub mod signals;
pub mod store;
pub mod summary;
pub mod terminal;
#[cfg(feature = "watch")]
pub mod watch;
pub mod write;

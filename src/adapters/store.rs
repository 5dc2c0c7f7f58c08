//! Stores. The embedded one is a file and needs nothing installed.

mod disk;
pub mod embedded;
mod holder;
mod lease;
mod read;
pub mod spool;
mod tables;
mod write;

pub use embedded::{Embedded, Options};
pub use spool::FileSpool;

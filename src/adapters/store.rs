//! Stores. The embedded one is a file and needs nothing installed; Redis is for several controllers.

mod disk;
pub mod embedded;
mod holder;
mod lease;
mod read;
#[cfg(feature = "live")]
pub mod redis;
pub mod spool;
mod tables;
mod write;

pub use embedded::{Embedded, Options};
pub use spool::FileSpool;

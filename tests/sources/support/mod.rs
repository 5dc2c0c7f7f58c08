//! The other sides of sources.

pub mod http;
pub mod process;

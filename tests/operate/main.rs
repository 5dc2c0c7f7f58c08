//! The operating commands as a person gives them, straight on a store: screens, exit codes, refusals, and what is left
//! after `kill -9`.

#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]

mod bench;
mod commands;
mod crashes;
#[cfg(feature = "live")]
mod redis;
#[cfg(feature = "live")]
#[path = "../redis_support/mod.rs"]
mod redis_support;
mod screens;
mod spool;
#[path = "../support/mod.rs"]
mod support;

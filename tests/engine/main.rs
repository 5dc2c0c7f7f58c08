//! The engine as its contract words it: each test quotes the sentence it pins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, reason = "tests")]

mod bake;
mod baseline;
mod laws;
mod orders;
mod regions;
mod reload;
mod triggers;
mod world;

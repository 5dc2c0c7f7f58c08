//! The engine as its contract words it: each test quotes the sentence it pins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, reason = "tests")]

mod bake;
mod baseline;
mod latches;
mod laws;
mod muting;
mod orders;
mod regions;
mod reload;
mod scripts;
mod stages;
mod triggers;
mod values;
mod wakes;
mod world;

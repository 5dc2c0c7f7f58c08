//! rollgate decides whether a rollout **advances, holds or rolls back**.
//!
//! Stages, thresholds and triggers are text under review (TOML and Rhai); a small pure engine evaluates them
//! against metric snapshots. The folders are layers, and each may use only those above it:
//!
//! | folder | what lives there |
//! |---|---|
//! | [`model`] | plain data: times, units, readings, snapshots, findings, decisions, events, state |
//! | [`policy`] | text in memory to compiled policy, with diagnostics; `policy::script` alone names rhai |
//! | [`engine`] | the decision itself: windows, guards, planner, fold, machine; no clock, no I/O, no randomness |
//! | [`fixture`] | recorded data, series notation, scenarios and expectations; drives the same machine |
//! | [`review`] | what an edit means: tighter or looser, decisions that change, thresholds no test pins, sweeps |
//! | [`handbook`] | what a policy says to people: plan, runbook, matrix, dashboard |
//! | [`import`] | other tools' files to a policy, and what could not be converted |
//! | [`ledger`] | every event in one order, chained by SHA-256; checkpoints, exports, verification |
//! | [`ports`] | what the outside must be able to do: the store, the clock, whoever acts |
//! | [`adapters`] | ports filled in: the embedded store, the actuator that only says what it would do |
//! | [`control`] | from an order to a batch of entries: the one machine run against a store |
//! | [`settings`] | the controller's own settings: text to values, with diagnostics |
//! | [`report`] | values to text, JSON, HTML and the formats of CI; decides nothing |
//! | `shell` | files, git and the terminal: reads policies and recordings into memory, watches them |
//! | `daemon` | the live controller: threads, timers and sockets around the one machine |
//! | `cli` | one file per command |
//!
//! The layer table is held by `tests/tidy.rs`.

// The core must not be able to die at 3 a.m.: an unwrap, an index or a panic there is a compile error.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod model;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod policy;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod engine;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod fixture;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod review;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod handbook;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod import;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod ledger;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod ports;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod adapters;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod control;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod settings;

pub mod cli;
#[cfg(feature = "live")]
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod daemon;
pub mod report;
pub mod shell;

//! What a running controller saw, kept as a fixture, and what it decided, explained: with a real `rollgate run`.

#![cfg(feature = "live")]
#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]
#![expect(clippy::disallowed_methods, reason = "tests write the trees that the binary is run on, and wait")]

mod controller;
mod course;
mod pure;
mod refused;
#[path = "../support/mod.rs"]
mod support;

//! Reports for other tools, read back by other parsers: what `check`, `test` and `diff` write must be what those tools
//! read, whatever the user's files, names and messages are made of.

#![expect(clippy::disallowed_methods, reason = "tests write the trees that the binary is run on, and read the schemas")]
#![allow(missing_docs, reason = "tests say what they are about by name")]

mod binary;
mod hostile;
mod readers;
mod review;
#[path = "../support/mod.rs"]
mod support;
mod worlds;

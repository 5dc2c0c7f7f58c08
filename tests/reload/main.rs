//! Hot reload over real files: what is saved, swapped, half written, deleted or broken, and what comes of it.

#![allow(clippy::disallowed_methods, reason = "it edits files as people and Kubernetes do")]
#![allow(missing_docs, reason = "tests say what they are about by name")]
#![cfg(feature = "live")]

mod edits;
mod moves;
mod refused;
mod support;

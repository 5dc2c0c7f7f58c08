//! Ports filled in. An adapter knows one outside thing and no rollout logic: it never calls the engine.

mod deadline;
pub mod journal;
pub mod log_actuator;
#[cfg(feature = "live")]
pub mod source;
pub mod store;

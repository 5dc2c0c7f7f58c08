//! What the outside must be able to do for a rollout: keep its ledger, tell the time, carry a plan out. Traits and the
//! values they speak of; `adapters` fills them in.

pub mod actuator;
pub mod clock;
pub mod crash;
pub mod journal;
pub mod source;
pub mod spool;
pub mod store;

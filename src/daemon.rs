//! The live controller: threads, timers and sockets around the one machine. What is decided is decided in `control::live`;
//! here inputs come in, and outputs go out.
//!
//! ```text
//! sources, push ─> journal ─┐
//! policy watcher ───────────┼─> worker (one thread per rollout) ─> store, actuator
//! API, commands ────────────┘        └─> view (read by API, metrics, status; never waited for)
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`desk`] | what the API may ask of the rest |
//! | [`house`] | every rollout's seat, and what they share |
//! | `seat` | one rollout's thread |
//! | [`mailbox`] | what waits for a rollout, roll backs first |
//! | `routing` | which rollout a snapshot is about |
//! | [`lease`] | who leads |
//! | [`gather`] | sources that are asked |
//! | `health` | how sources do |
//! | [`chores`] | what is done again and again: the lease, the spool, old entries |
//! | [`start`], [`stores`], [`sources`] | from settings to a house that is open |
//! | [`refusal`] | why it does not start |
//! | [`heartbeat`] | a URL called while all is well |
//! | [`mark`] | which store the journal belongs to |
//! | [`staff`] | the threads that do it |
//! | [`reload`] | watches policies, and hands over those that may come into force |
//! | [`http`] | the API: the only place that is asynchronous |
//! | [`tokens`] | who may do what over the API |
//! | [`client`] | commands over the API |
//! | [`local`] | how a command on the same machine finds the controller |
//! | [`logs`] | what is logged |
//! | [`timed`] | how long each plan took |
//! | [`telemetry`] | the controller's own counters and histograms |
//! | [`traces`] | what was done on whose behalf |
//! | `otlp` | sends that to a collector; behind the feature `otel` |
//! | [`wire`] | what the API and its client both spell |

pub mod chores;
pub mod client;
pub mod desk;
pub mod gather;
mod health;
pub mod heartbeat;
pub mod house;
pub mod http;
pub mod lease;
pub mod local;
pub mod logs;
pub mod mailbox;
pub mod mark;
#[cfg(feature = "otel")]
mod otlp;
pub mod refusal;
pub mod reload;
mod routing;
mod seat;
pub mod sources;
pub mod staff;
pub mod start;
pub mod stores;
pub mod telemetry;
pub mod timed;
pub mod tokens;
pub mod traces;
pub mod wire;

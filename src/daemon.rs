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
//! | [`http`] | the API: the only place that is asynchronous |
//! | [`tokens`] | who may do what over the API |
//! | [`local`] | how a command on the same machine finds the controller |
//! | [`telemetry`] | the controller's own counters and histograms |
//! | [`wire`] | what the API and its client both spell |

pub mod desk;
pub mod http;
pub mod local;
pub mod telemetry;
pub mod tokens;
pub mod wire;

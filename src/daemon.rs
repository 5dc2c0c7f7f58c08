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
//! | [`reload`] | watches policies, and hands over those that may come into force |

pub mod desk;
pub mod reload;

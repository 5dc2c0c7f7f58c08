//! The API: everything that asks the controller something over HTTP. It decides nothing: it reads what rollouts publish
//! and hands in what people and sources send, all through [`Desk`](super::desk::Desk). The only asynchronous place.
//!
//! ```text
//! socket ─> conn (limits, TLS) ─> guard (host, rate, token, deadline, panics) ─> a handler ─> desk
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`server`] | starting and stopping |
//! | `conn` | one connection: how long it may take, how much it may send |
//! | `tls` | certificates, read again when they change |
//! | `routes` | every route, in one table |
//! | `guard` | what every call passes |
//! | [`limits`] | how much, how often |
//! | `problem` | every refusal, with its mend |
//! | `body` | what callers send, bounded |
//! | `snapshots` | snapshots out of text, and what is wrong with them |
//! | `push` | snapshots in |
//! | `foreign` | the same in formats of others |
//! | `mapped` | which of their names are which metrics |
//! | `orders` | verbs in |
//! | `which` | the rollout that is meant |
//! | `reads` | how things stand |
//! | `recorded` | the readings of the last hours, as they came in |
//! | `pages` | ledgers, page by page |
//! | `events` | what happens, as it happens |
//! | `health` | alive, ready |
//! | `metrics` | for Prometheus |
//! | `openapi` | the description of all of it |

mod app;
mod body;
mod conn;
mod events;
mod foreign;
mod guard;
mod health;
pub mod limits;
mod mapped;
mod metrics;
mod openapi;
mod orders;
mod pages;
mod problem;
mod push;
mod reads;
mod recorded;
mod routes;
pub mod server;
mod snapshots;
mod tls;
mod which;

pub use limits::{Limits, Rate};
pub use routes::described;
pub use server::{Options, Running, StartError, TlsFiles, start};

//! Sources filled in: where readings come from. Each keeps the six sentences of [`crate::ports::source`].
//!
//! | module | asked or told | what is read |
//! |---|---|---|
//! | [`prometheus`] | asked | the HTTP API of Prometheus and of what speaks like it, Google Cloud Monitoring included |
//! | [`mod@file`] | asked | a growing file of snapshots, one JSON a line |
//! | [`redis_stream`] | asked | a Redis stream, through a consumer group |
//! | [`push`] | told | what others send: OTLP metrics, Alertmanager's webhook. Decoders only; the API receives it |

pub mod file;
mod http;
mod line;
pub mod prometheus;
pub mod push;
pub mod redis_stream;
mod secret;
mod sheet;
mod shown;

pub use secret::Secret;
pub use sheet::About;

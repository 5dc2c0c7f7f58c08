//! `rollgate run` as a process among processes: started, pushed to, edited under, killed, paused, cut off and started
//! again, on real files, a real Redis and a real Prometheus.

#![cfg(feature = "live")]
#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]
#![expect(clippy::disallowed_methods, reason = "tests start processes, write files, wait and read clocks")]

mod crashes;
mod edits;
mod faults;
mod first;
mod http;
#[cfg(feature = "otel")]
mod otel;
mod place;
mod process;
mod prometheus;
#[path = "../prometheus_support/mod.rs"]
mod prometheus_support;
mod push;
mod redis;
#[path = "../redis_support/mod.rs"]
mod redis_support;
mod screens;
mod several;
#[path = "../support/mod.rs"]
mod support;
mod told;

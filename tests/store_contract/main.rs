//! The contract of a store, written once against the trait. Another store is one more `contract!` line and a world.

#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]

mod contract;
mod embedded;
#[cfg(feature = "live")]
mod redis;
#[cfg(feature = "live")]
#[path = "../redis_support/mod.rs"]
mod redis_support;
mod world;

contract!(on_a_file, crate::embedded::world);
#[cfg(feature = "live")]
contract!(on_redis, crate::redis::world);
#[cfg(feature = "live")]
contract!(together on_redis_behind_sentinels, crate::redis::behind_sentinels);
#[cfg(feature = "live")]
contract!(together on_a_redis_cluster, crate::redis::in_a_cluster);

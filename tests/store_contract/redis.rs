//! Redis under the contract, in its three shapes, and what only servers can get wrong.

mod cluster;
mod faults;
mod sentinel;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration as Length;

use rollgate::adapters::store::redis::{Options, Redis};
use rollgate::model::time::Duration;
use rollgate::ports::store::{Store, StoreError};

use super::redis_support::Server;
use super::redis_support::cluster::Cluster;
use super::redis_support::sentinel::Watched;
use super::world::World;

/// A store under a prefix of its own, on servers that it may share.
pub struct Shared {
    url: String,
    store: Redis,
    _servers: Arc<dyn Send + Sync>,
}

pub fn world() -> Shared {
    let server = Server::start();
    Shared::at(server.url(), "rollgate", Arc::new(server))
}

/// Fresh worlds on the same servers.
pub struct Worlds {
    url: String,
    servers: Arc<dyn Send + Sync>,
    made: AtomicU32,
}

pub fn behind_sentinels() -> Worlds {
    let watched = Watched::start(Length::from_millis(1000));
    Worlds { url: watched.url(), servers: Arc::new(watched), made: AtomicU32::new(0) }
}

pub fn in_a_cluster() -> Worlds {
    let cluster = Cluster::start();
    Worlds { url: cluster.url(), servers: Arc::new(cluster), made: AtomicU32::new(0) }
}

impl Worlds {
    pub fn next(&self) -> Shared {
        let prefix = format!("world-{}", self.made.fetch_add(1, Ordering::Relaxed));
        Shared::at(self.url.clone(), &prefix, Arc::clone(&self.servers))
    }
}

/// Where a test says how, and the rest is as usual. On a busy machine a healthy server may take a while.
pub fn options(url: &str) -> Options {
    let mut options: Options = url.parse().unwrap();
    options.deadline = Duration::from_secs(5);
    options.create = true;
    options
}

/// A store as usual.
pub fn open(url: &str) -> Redis {
    Redis::open(options(url)).unwrap()
}

/// A figure, for whoever runs the tests with `--no-capture`.
#[expect(clippy::disallowed_macros, reason = "a figure of a test")]
fn tell(figure: &str) {
    eprintln!("{figure}");
}

impl Shared {
    fn at(url: String, prefix: &str, servers: Arc<dyn Send + Sync>) -> Shared {
        let url = format!("{url}?prefix={prefix}");
        let store = Redis::open(options(&url)).unwrap();
        Shared { url, store, _servers: servers }
    }
}

impl World for Shared {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn pass(&self, length: Duration) {
        self.store.shift_clock(length);
    }

    fn reopen(&mut self) {
        let options = Options { create: false, ..options(&self.url) };
        // The clock is the server's: another process sees the same, as long as no test shifts it before.
        self.store = Redis::open(options).unwrap();
    }
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_looking() {
    let server = Server::start();
    let refused = Redis::open(server.url().parse().unwrap()).unwrap_err();
    assert!(matches!(&refused, StoreError::Missing(why) if why.contains("there is no store")), "{refused}");
    assert_eq!(server.ask::<u64>("DBSIZE"), 0);
}

#[test]
fn a_store_of_another_version_is_refused() {
    let server = Server::start();
    drop(Redis::open(options(&server.url())).unwrap());
    server.ask::<()>("HSET {rollgate}:store version 99");
    let refused = Redis::open(options(&server.url())).unwrap_err();
    assert_eq!(refused, StoreError::OtherVersion { found: 99, wanted: 1 });
}

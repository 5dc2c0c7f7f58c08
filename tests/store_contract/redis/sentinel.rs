//! Failovers, by real sentinels.

use std::time::Duration as Length;

use rollgate::adapters::store::redis::{Options, Redis};
use rollgate::ledger::verify;
use rollgate::model::ids::Actor;
use rollgate::model::time::Duration;
use rollgate::ports::store::{Authority, Store, StoreError};

use super::super::redis_support::sentinel::Watched;
use super::super::redis_support::{now, until};
use super::super::world::Writer;
use super::{open, options};

const DOWN_AFTER: Length = Length::from_millis(500);
/// The longest a failover may take on a busy machine.
const LIMIT: Length = Length::from_secs(15);

/// Appends one entry until it is taken; how long that took and how often it was refused.
fn first_accepted(store: &Redis, writer: &mut Writer, token: &str) -> (Length, u32) {
    let (started, batch) = (now(), writer.batch(token, 1));
    let mut refused = 0;
    loop {
        match store.append(&batch) {
            Ok(_) => return (started.elapsed(), refused),
            Err(StoreError::Unavailable(_) | StoreError::Busy(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(started.elapsed() < LIMIT, "no failover within {LIMIT:?}");
        // Refused at once by a port nobody listens on; asked again twenty times a second.
        std::thread::sleep(Length::from_millis(50));
    }
}

#[test]
fn a_killed_master_is_followed_by_its_replica_with_everything_that_was_acknowledged() {
    let mut watched = Watched::start(DOWN_AFTER);
    // Acknowledged means that the replica has it; after the failover there is no other to wait for.
    let safe = Redis::open(Options { replicas_to_wait: 1, ..options(&watched.url()) }).unwrap();
    let mut writer = Writer::new("a");
    for at in 0..50 {
        safe.append(&writer.batch(&format!("t{at}"), 1)).unwrap();
    }
    let store = open(&watched.url());
    assert_eq!(store.head(&writer.key).unwrap(), writer.head);
    watched.servers[0].kill();
    let (took, refused) = first_accepted(&store, &mut writer, "after");
    super::tell(&format!("kill -9 of the master, first accepted write after {took:?} and {refused} refusals"));
    assert_eq!(watched.servers[1].info("role").as_deref(), Some("master"));
    let found = store.entries(&writer.key, 0, usize::MAX).unwrap();
    assert_eq!(verify(&writer.key, None, &found).unwrap().head, writer.head);
    assert_eq!(found.len(), 51);
}

#[test]
fn a_resumed_master_that_was_deposed_gets_no_writes_and_acknowledges_none_that_wait_for_a_replica() {
    let watched = Watched::start(DOWN_AFTER);
    let url = watched.url();
    let short = |url: &str| Redis::open(Options { deadline: Duration::from_secs(2), ..options(url) }).unwrap();
    let (ana, ben) = (short(&url), short(&url));
    let mut writer = Writer::new("a");
    ana.append(&writer.batch("t1", 1)).unwrap();
    let term = Duration::from_secs(2);
    let old_token = ana.acquire(&Actor::new("ana"), term).unwrap();
    let old = &watched.servers[0];
    until("the replica has it all", || {
        (old.info("slave0")?.contains(&format!("offset={}", old.info("master_repl_offset")?))).then_some(())
    });
    // Two that know the old master's address and never ask again: one that waits for replicas, one that does not.
    let cached = short(&format!("{}?replicas=1", old.url()));
    let careless = short(&old.url());
    assert_eq!(cached.head(&writer.key).unwrap(), careless.head(&writer.key).unwrap());
    old.stop();
    let (took, refused) = first_accepted(&ben, &mut writer, "b1");
    super::tell(&format!("SIGSTOP of the master, first accepted write after {took:?} and {refused} refusals"));
    let new_token = until("ana's lease is over", || ben.acquire(&Actor::new("ben"), term).ok());
    assert!(new_token.fence > old_token.fence);
    old.resume();
    until("the old master answers", || old.try_ask::<String>("PING").ok());

    // It still takes itself for the master, and says OK to whoever asks it.
    assert_eq!(old.info("role").as_deref(), Some("master"), "it was demoted before it could be asked");
    // What was sent to it while it was stopped, it has done now, under the token that the new master has as well.
    let mut fork = Writer::new("a");
    fork.head = careless.head(&fork.key).unwrap();
    let lost = careless.append(&fork.batch("careless", 1));
    assert!(lost.is_ok(), "{lost:?}");
    // One that waits for a replica is never told that its write is safe.
    let refused = cached.append(&fork.batch("cached", 1));
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("replicas")), "{refused:?}");
    // Ana's connections lead there; she asks the sentinels first, and is a stale leader of the real store.
    let mut stale = writer.clone().batch("a2", 1);
    stale.authority = Authority::Leader(old_token.clone());
    let answer = ana.append(&stale);
    assert_eq!(answer, Err(StoreError::StaleGeneration { carried: old_token.fence, held: new_token.fence }));
    let mut next = writer.batch("b2", 1);
    next.authority = Authority::Leader(new_token);
    ben.append(&next).unwrap();

    // Demoted, it drops what it took, and whoever was told OK finds that out.
    until("it is demoted", || old.info("role").filter(|role| role == "slave"));
    let found = ben.entries(&writer.key, 0, usize::MAX).unwrap();
    assert_eq!(verify(&writer.key, None, &found).unwrap().head, writer.head);
    let told = careless.head(&fork.key);
    assert!(matches!(told, Err(StoreError::Unavailable(_))), "it is a replica now: {told:?}");
    assert_eq!(ana.head(&writer.key).unwrap(), writer.head);
}

#[test]
fn a_failover_that_loses_what_was_acknowledged_is_found_out() {
    let watched = Watched::start(DOWN_AFTER);
    let store = open(&watched.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t1", 2)).unwrap();
    let (old, replica) = (&watched.servers[0], &watched.servers[1]);
    until("the replica has it", || {
        (old.info("slave0")?.contains(&format!("offset={}", old.info("master_repl_offset")?))).then_some(())
    });
    replica.stop();
    old.ask::<()>("CLIENT KILL TYPE replica");
    // No replica is waited for, so these two are only on the master.
    store.append(&writer.batch("t2", 2)).unwrap();
    old.stop();
    replica.resume();
    let told = until("the replica is master", || match store.head(&writer.key) {
        Err(StoreError::Unavailable(_)) => None,
        other => Some(other),
    });
    let words = "ends in entry 2, and this process has seen entry 4";
    assert!(matches!(&told, Err(StoreError::Corrupt { what }) if what.contains(words)), "{told:?}");
    // Whoever is started now goes on from there.
    assert_eq!(open(&watched.url()).head(&writer.key).unwrap().seq, 2);
}

#[test]
fn a_minority_of_sentinels_is_not_believed() {
    let mut watched = Watched::start(DOWN_AFTER);
    let store = Redis::open(Options { deadline: Duration::from_secs(2), ..options(&watched.url()) }).unwrap();
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t1", 1)).unwrap();
    // One that is silent costs a little once; one that is gone nothing.
    watched.sentinels[0].stop();
    store.append(&writer.batch("t2", 1)).unwrap();
    watched.sentinels[0].kill();
    store.append(&writer.batch("t3", 1)).unwrap();
    watched.sentinels[1].kill();
    let refused = store.append(&writer.batch("t4", 1));
    let words = "1 of 3 sentinels answer, and 2 must agree";
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains(words)), "{refused:?}");
}

#[test]
fn a_master_that_no_sentinel_knows_is_told() {
    let watched = Watched::start(DOWN_AFTER);
    let refused = Redis::open(options(&watched.url().replace("/main", "/other"))).unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("knows no master `other`")), "{refused}");
}

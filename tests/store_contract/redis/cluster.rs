//! A cluster: keys in slots, slots that move, nodes that go.

use rollgate::adapters::store::redis::{Options, Redis};
use rollgate::model::ids::Actor;
use rollgate::model::time::Duration;
use rollgate::ports::store::{Authority, Store, StoreError};

use super::super::redis_support::Server;
use super::super::redis_support::cluster::Cluster;
use super::super::redis_support::until;
use super::super::world::Writer;
use super::{open, options};

const TERM: Duration = Duration::from_secs(5);

/// Rollouts enough that every node has some.
const NAMES: [&str; 6] = ["checkout", "basket", "search", "login", "images", "prices"];

fn tag(name: &str) -> String {
    format!("{{rollgate/{name}/production}}")
}

/// The first of the rollouts that lives on a node, or does not.
fn name_on(cluster: &Cluster, node: &Server, wanted: bool) -> &'static str {
    NAMES.into_iter().find(|name| (cluster.node_of(&tag(name)).port == node.port) == wanted).unwrap()
}

#[test]
fn rollouts_spread_over_the_nodes_and_each_stays_in_one_slot() {
    let cluster = Cluster::start();
    let store = open(&cluster.url());
    for name in NAMES {
        let mut writer = Writer::new(name);
        store.append(&writer.batch("t", 2)).unwrap();
        let keys: Vec<String> = cluster.node_of(&tag(name)).ask(&format!("KEYS {}*", tag(name).replace('{', "\\{")));
        assert!(keys.len() >= 3, "{keys:?}");
    }
    assert_eq!(store.keys().unwrap().len(), NAMES.len());
    for node in &cluster.nodes {
        assert!(node.ask::<u64>("DBSIZE") > 0, "a node without any");
    }
    assert_eq!(store.notes().unwrap().len(), 3, "one for each node that keeps nothing on disk");
}

#[test]
fn a_slot_that_moves_is_followed() {
    let cluster = Cluster::start();
    let store = open(&cluster.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t1", 2)).unwrap();
    let source = cluster.node_of(&tag("a"));
    let target = cluster.nodes.iter().find(|node| node.port != source.port).unwrap();
    let slot: u32 = source.ask(&format!("CLUSTER KEYSLOT {}", tag("a")));
    let (from, to): (String, String) = (source.ask("CLUSTER MYID"), target.ask("CLUSTER MYID"));
    target.ask::<()>(&format!("CLUSTER SETSLOT {slot} IMPORTING {from}"));
    source.ask::<()>(&format!("CLUSTER SETSLOT {slot} MIGRATING {to}"));
    let keys: Vec<String> = source.ask(&format!("CLUSTER GETKEYSINSLOT {slot} 100"));
    source.ask::<()>(&format!("MIGRATE 127.0.0.1 {} '' 0 5000 KEYS {}", target.port, keys.join(" ")));
    // Half way, a batch names keys that are not there yet, and Redis asks to come back.
    let refused = store.append(&writer.clone().batch("t2", 1));
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("moving")), "{refused:?}");
    assert_eq!(store.head(&writer.key).unwrap(), writer.head, "one key is asked for where it is");
    for node in &cluster.nodes {
        node.ask::<()>(&format!("CLUSTER SETSLOT {slot} NODE {to}"));
    }
    store.append(&writer.batch("t2", 1)).unwrap();
    assert_eq!(store.entries(&writer.key, 0, 10).unwrap().len(), 3);
    assert!(target.ask::<Vec<String>>(&format!("CLUSTER GETKEYSINSLOT {slot} 100")).len() >= 3);
}

#[test]
fn a_node_that_is_away_takes_only_its_own_rollouts_with_it() {
    let mut cluster = Cluster::start();
    let store = Redis::open(Options { deadline: Duration::from_secs(2), ..options(&cluster.url()) }).unwrap();
    let home = cluster.node_of("{rollgate}").port;
    let away = cluster.nodes.iter().position(|node| node.port != home).unwrap();
    let (there, here) = (name_on(&cluster, &cluster.nodes[away], true), name_on(&cluster, &cluster.nodes[away], false));
    let (mut lost, mut kept) = (Writer::new(there), Writer::new(here));
    // Longer than the cluster needs to notice that a node is away.
    let ana = store.acquire(&Actor::new("ana"), Duration::from_mins(10)).unwrap();
    for writer in [&mut lost, &mut kept] {
        let mut batch = writer.batch("t1", 1);
        batch.authority = Authority::Leader(ana.clone());
        store.append(&batch).unwrap();
    }
    cluster.nodes[away].kill();
    assert!(matches!(store.head(&lost.key), Err(StoreError::Unavailable(_))));
    let mut batch = kept.batch("t2", 1);
    batch.authority = Authority::Leader(ana.clone());
    until("the others go on", || store.append(&batch).ok());

    // The lease changes hands, and the rollout that is away does not hear of it.
    store.release(&ana).unwrap();
    let ben = store.acquire(&Actor::new("ben"), Duration::from_mins(10)).unwrap();
    // It comes back without its data: whoever has seen it, and whoever reads the index, is told.
    cluster.nodes[away].restart();
    cluster.settle();
    let told = until("it is back", || match store.head(&lost.key) {
        Err(StoreError::Unavailable(_)) => None,
        other => Some(other),
    });
    assert!(matches!(&told, Err(StoreError::Corrupt { what }) if what.contains("has seen entry 1")), "{told:?}");
    let other = open(&cluster.url());
    let told = other.keys();
    assert!(matches!(&told, Err(StoreError::Corrupt { what }) if what.contains("its ledger is gone")), "{told:?}");
    let mut batch = kept.batch("t3", 1);
    batch.authority = Authority::Leader(ben);
    store.append(&batch).unwrap();
}

#[test]
fn a_rollout_that_did_not_hear_of_a_new_leader_refuses_the_old_one_all_the_same() {
    let cluster = Cluster::start();
    let impatient = Options { deadline: Duration::from_secs(1), ..options(&cluster.url()) };
    let (ana_s, ben_s) = (Redis::open(impatient.clone()).unwrap(), Redis::open(impatient).unwrap());
    let home = cluster.node_of("{rollgate}").port;
    let away = cluster.nodes.iter().find(|node| node.port != home).unwrap();
    let mut writer = Writer::new(name_on(&cluster, away, true));
    let ana = ana_s.acquire(&Actor::new("ana"), TERM).unwrap();
    let mut batch = writer.batch("t1", 1);
    batch.authority = Authority::Leader(ana.clone());
    ana_s.append(&batch).unwrap();
    ana_s.shift_clock(TERM);
    ben_s.shift_clock(TERM);
    away.stop();
    // It may end by its deadline while it tries to tell the node; the lease is Ben's all the same, and asked for again.
    let ben = until("the lease is Ben's", || {
        let _ = ben_s.acquire(&Actor::new("ben"), TERM);
        ben_s.leader().ok().flatten().filter(|lease| lease.token.holder.as_str() == "ben")
    });
    away.resume();
    let mut late = writer.clone().batch("late", 1);
    late.authority = Authority::Leader(ana.clone());
    let answer = until("the node answers", || match ana_s.append(&late) {
        Err(StoreError::Unavailable(_)) => None,
        other => Some(other),
    });
    assert_eq!(answer, Err(StoreError::StaleGeneration { carried: ana.fence, held: ben.token.fence }));
    let mut next = writer.batch("t2", 1);
    next.authority = Authority::Leader(ben.token.clone());
    ben_s.append(&next).unwrap();
    // And from then on by itself.
    assert_eq!(ana_s.append(&late), Err(StoreError::StaleGeneration { carried: ana.fence, held: ben.token.fence }));
}

#[test]
fn a_lease_that_was_lost_with_its_node_begins_above_every_fence_a_rollout_knows() {
    let cluster = Cluster::start();
    let store = open(&cluster.url());
    let home = cluster.node_of("{rollgate}").port;
    let at = cluster.nodes.iter().position(|node| node.port == home).unwrap();
    let name = name_on(&cluster, &cluster.nodes[at], false);
    let mut writer = Writer::new(name);
    for holder in ["ana", "ben", "cleo"] {
        let token = store.acquire(&Actor::new(holder), TERM).unwrap();
        let mut batch = writer.batch(holder, 1);
        batch.authority = Authority::Leader(token.clone());
        store.append(&batch).unwrap();
        store.release(&token).unwrap();
    }
    cluster.nodes[at].ask::<()>("DEL {rollgate}:lease");
    let told = store.acquire(&Actor::new("ana"), TERM);
    assert!(matches!(&told, Err(StoreError::Corrupt { what }) if what.contains("has seen 3")), "{told:?}");
    let started_since = open(&cluster.url());
    let token = started_since.acquire(&Actor::new("dora"), TERM).unwrap();
    assert!(token.fence.0 > 3, "{token:?}");
    let mut batch = writer.batch("dora", 1);
    batch.authority = Authority::Leader(token);
    started_since.append(&batch).unwrap();
}

#[test]
fn a_single_address_of_a_cluster_is_told_to_be_one() {
    let cluster = Cluster::start();
    let url = cluster.nodes.iter().find(|node| node.port != cluster.node_of("{rollgate}:store").port).unwrap().url();
    let refused = Redis::open(options(&url)).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("redis+cluster")), "{refused}");
}

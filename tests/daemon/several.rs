//! Two controllers on one Redis: one leads, and whatever becomes of it, nothing is decided twice, undone or lost.

use std::time::{Duration, Instant};

use rollgate::ledger::Entry;
use rollgate::model::event::What;
use rollgate::ports::store::Store as _;
use serde_json::{Value, json};

use crate::place::{Controller, POLICY, Place, assert_sound, key, store_at, until, within};
use crate::redis_support::Server;
use crate::redis_support::proxy::{Proxy, Replies};
use crate::redis_support::sentinel::{MASTER, Watched};

/// What the issue allows.
const AT_MOST: Duration = Duration::from_secs(15);
/// How often each is repeated; at the same time, since most of it is waiting.
const RUNS: usize = 3;

fn steady() -> String {
    POLICY.replace("\"1s\"", "\"1h\"")
}

/// Two controllers; the first leads, and the rollout is in canary.
struct Pair {
    one: Controller,
    two: Controller,
    places: [Place; 2],
    url: String,
}

impl Pair {
    /// The first one reaches the store by `way`, the second one by `url`.
    fn new(policy: &str, way: &str, url: &str) -> Pair {
        let places = [Place::at(way), Place::at(url)];
        places.iter().for_each(|place| place.policy("checkout", policy));
        let one = places[0].run("");
        one.leads("checkout");
        let two = places[1].run("");
        one.to_canary("checkout");
        let follows = |view: &Value| view["stage"] == "canary" && view["leads"] == false && view["phase"] == "hold";
        two.view_where("checkout", "it follows", follows);
        Pair { one, two, places, url: url.to_owned() }
    }

    fn entries(&self) -> Vec<Entry> {
        store_at(&self.url).entries(&key("checkout"), 0, usize::MAX).unwrap()
    }

    fn count(&self, is: fn(&What) -> bool) -> usize {
        self.entries().iter().filter(|entry| is(&entry.record().what)).count()
    }

    fn second_leads(&self) -> Duration {
        let started = Instant::now();
        self.two.view_within(AT_MOST, "checkout", "the second one leads", |view| view["leads"] == true);
        started.elapsed()
    }
}

fn is_rolled_back(view: &Value) -> bool {
    view["phase"] == "rolled_back"
}

/// Done, and not on record: only the ledger's word makes it "rolled back".
fn is_taken_back_alone(view: &Value) -> bool {
    view["phase"] == "rolling_back" && view["stage"] == "off"
}

fn rolled_back(what: &What) -> bool {
    matches!(what, What::RolledBack { .. })
}

fn entered(what: &What) -> bool {
    matches!(what, What::StageEntered { .. })
}

/// The same several times at once; the times in order.
fn repeated(what: &str, run: impl Fn() -> Duration + Sync) {
    let mut took: Vec<Duration> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..RUNS).map(|_| scope.spawn(&run)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    took.sort();
    #[expect(clippy::disallowed_macros, reason = "a figure for whoever runs it")]
    {
        eprintln!("{what}: median {:?} of {took:?}", took[RUNS / 2]);
    }
}

#[test]
fn a_leader_that_is_killed_is_followed_and_nothing_is_decided_twice() {
    repeated("killed to led again", || {
        let redis = Server::durable();
        let mut pair = Pair::new(&steady(), &redis.url(), &redis.url());
        pair.one.process.kill();
        let took = pair.second_leads();
        pair.two.reads("checkout", 9.0);
        pair.two.view_where("checkout", "it rolls back", is_rolled_back);
        let first = pair.places[0].run("");
        first.view_where("checkout", "it knows", |view| is_rolled_back(view) && view["leads"] == false);
        first.reads("checkout", 9.0);
        first.ends();
        assert_eq!((pair.count(rolled_back), pair.count(entered)), (1, 1));
        assert_sound(&store_at(&pair.url), "the leader was killed");
        took
    });
}

#[test]
fn a_leader_that_is_paused_and_resumed_changes_nothing_and_steps_down() {
    repeated("paused to led again", || {
        let redis = Server::durable();
        let pair = Pair::new(POLICY, &redis.url(), &redis.url());
        // It is about to advance: a second of good readings is all that is missing.
        pair.one.reads("checkout", 0.1);
        pair.one.view_where("checkout", "it bakes", |view| view["decision"]["findings"][0]["state"] == "ok");
        pair.one.process.pause();
        let before = pair.entries();
        let advanced = before.iter().filter(|entry| entered(&entry.record().what)).count();
        let took = pair.second_leads();
        pair.two.reads("checkout", 9.0);
        let taken = pair.two.view_where("checkout", "it rolls back", is_rolled_back);
        pair.one.process.resume();
        let resumed =
            pair.one.view_where("checkout", "it steps down", |view| view["leads"] == false && is_rolled_back(view));
        assert_eq!(resumed["generation"], taken["generation"]);
        pair.one.reads("checkout", 0.1);
        let refused = pair.one.order("checkout", "advance", json!({}));
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert_eq!((pair.count(rolled_back), pair.count(entered)), (1, advanced));
        assert_sound(&store_at(&pair.url), "the leader was paused");
        let last = pair.two.view("checkout").unwrap();
        assert_eq!((&last["generation"], &last["phase"]), (&taken["generation"], &taken["phase"]));
        took
    });
}

#[test]
fn whoever_is_cut_off_does_not_advance_and_rolls_back_by_itself_and_the_ledger_gets_it_once() {
    let redis = Server::durable();
    let line = Proxy::to(redis.port);
    let pair = Pair::new(POLICY, &line.url(), &redis.url());
    line.set(Replies::Swallow);
    pair.one.reads("checkout", 0.1);
    pair.one.view_within(AT_MOST, "checkout", "it knows that it is cut off", |view| view["store_problem"].is_string());
    pair.one.view_within(AT_MOST, "checkout", "it steps down", |view| view["leads"] == false);
    pair.second_leads();
    // A second of good readings, and it would advance if it could.
    pair.one.reads("checkout", 0.2);
    let view = pair.one.view("checkout").unwrap();
    assert_eq!(view["stage"], "canary", "{view:#}");
    let ready = pair.one.api.get("/readyz").unwrap();
    assert_eq!(ready.status, 503, "{}", ready.text);
    pair.one.reads("checkout", 9.0);
    let view = pair.one.view_where("checkout", "it rolls back alone", is_taken_back_alone);
    assert!(view["leads"] == false && view["store_problem"].is_string(), "{view:#}");
    pair.one.view_where("checkout", "its roll back waits", |view| view["spooled"] == 1);
    assert_eq!(pair.count(rolled_back), 0, "the ledger cannot have it yet");
    let two = pair.two.view("checkout").unwrap();
    assert_eq!((&two["stage"], &two["leads"]), (&"canary".into(), &true.into()));
    line.set(Replies::Pass);
    pair.two.view_within(AT_MOST, "checkout", "the ledger has it", is_rolled_back);
    pair.one.view_within(AT_MOST, "checkout", "nothing waits", |view| {
        view["spooled"] == 0 && view["store_problem"].is_null()
    });
    assert_eq!((pair.count(rolled_back), pair.count(entered)), (1, 1));
    assert_sound(&store_at(&pair.url), "a line was cut");
}

#[test]
fn a_redis_that_comes_back_empty_is_refused_and_nothing_advances() {
    let mut redis = Server::start();
    let pair = Pair::new(POLICY, &redis.url(), &redis.url());
    redis.restart_empty();
    for controller in [&pair.one, &pair.two] {
        controller.reads("checkout", 0.1);
        let view = controller.view_within(AT_MOST, "checkout", "it is said", |view| {
            view["store_problem"].as_str().is_some_and(|problem| problem.contains("the store is gone"))
        });
        assert_eq!((&view["stage"], &view["revision"]), (&"canary".into(), &"r1".into()), "{view:#}");
        let refused = controller.order("checkout", "advance", json!({}));
        assert_eq!((refused.status, refused.text.contains("store-damaged")), (500, true), "{}", refused.text);
    }
    // What it sees itself is still reason enough to take it back.
    pair.one.reads("checkout", 9.0);
    pair.one.view_where("checkout", "it rolls back alone", is_taken_back_alone);
    pair.one.view_where("checkout", "its roll back waits", |view| view["spooled"] == 1);
    // Nobody began a new ledger in its place.
    let keys: Vec<String> = redis.ask("KEYS *checkout*");
    assert_eq!(keys, Vec::<String>::new());
}

#[test]
fn a_master_that_dies_is_replaced_by_sentinel_and_the_controllers_go_on() {
    let mut watched = Watched::start(Duration::from_millis(500));
    let sentinels: Vec<String> = watched.sentinels.iter().map(|s| format!("\"127.0.0.1:{}\"", s.port)).collect();
    let settings = format!("[store]\nsentinels = [{}]\nmaster = \"{MASTER}\"\n", sentinels.join(", "));
    let place = |name: &str| {
        let place = Place::empty();
        place.policy("checkout", &steady());
        place.write("rollgate.toml", &format!("# {name}\n{settings}"));
        place
    };
    let places = [place("one"), place("two")];
    let one = places[0].run("");
    one.leads("checkout");
    let two = places[1].run("");
    one.to_canary("checkout");
    two.view_where("checkout", "it follows", |view| view["stage"] == "canary");
    let offset = |server: &Server, field: &str| server.info(field);
    until("the replica has it all", || {
        let (master, replica) =
            (offset(&watched.servers[0], "master_repl_offset")?, offset(&watched.servers[1], "slave_repl_offset")?);
        (master == replica).then_some(())
    });
    watched.servers[0].kill();
    let started = Instant::now();
    let leader = within(AT_MOST, "somebody leads on the new master", || {
        [&one, &two].into_iter().find(|controller| {
            controller.view("checkout").is_some_and(|view| view["leads"] == true && view["store_problem"].is_null())
                && watched.master() == Some(watched.servers[1].port)
        })
    });
    leader.reads("checkout", 9.0);
    leader.view_within(AT_MOST, "checkout", "it is in the ledger", |view| {
        is_rolled_back(view) && view["store_problem"].is_null()
    });
    let took = started.elapsed();
    for controller in [&one, &two] {
        controller.view_within(AT_MOST, "checkout", "both know", |view| is_rolled_back(view) && view["spooled"] == 0);
    }
    #[expect(clippy::disallowed_macros, reason = "a figure for whoever runs it")]
    {
        eprintln!("master killed to rolled back on its replica: {took:?}");
    }
    let store = store_at(&watched.servers[1].url());
    assert_sound(&store, "the master died");
    let entries = store.entries(&key("checkout"), 0, usize::MAX).unwrap();
    assert_eq!(entries.iter().filter(|entry| rolled_back(&entry.record().what)).count(), 1);
}

#[test]
fn a_leader_that_is_told_to_end_hands_over_within_a_second() {
    let redis = Server::durable();
    let pair = Pair::new(&steady(), &redis.url(), &redis.url());
    let Pair { one, two, .. } = pair;
    let started = Instant::now();
    one.ends();
    let ended = started.elapsed();
    two.view_within(Duration::from_secs(1), "checkout", "the second one leads", |view| view["leads"] == true);
    #[expect(clippy::disallowed_macros, reason = "a figure for whoever runs it")]
    {
        eprintln!("SIGTERM to ended {ended:?}, to led by the other {:?}", started.elapsed());
    }
}

//! `kill -9` at named points, in the middle of everything a controller does. After each: the chain verifies, the state
//! is its fold, what was acknowledged is there, what was begun is finished, and the rollout goes on.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rollgate::ledger::Entry;
use rollgate::model::event::What;
use rollgate::model::operator::{Order, Verb};
use rollgate::model::time::Time;
use rollgate::ports::crash::{POINTS, STANDS_AT};
use rollgate::ports::spool::{Spool as _, Spooled};
use rstest::rstest;
use serde_json::{Value, json};

use crate::http::Api;
use crate::place::{Controller, PATIENCE, POLICY, Place, now, reading, url_in};
use crate::process::Process;

/// What a controller is at when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// It takes up a policy for the first time.
    Boots,
    /// A person starts a revision.
    Starts,
    /// A person advances it.
    IsAdvanced,
    /// Good readings come in, and a bake is served.
    Bakes,
    /// A breach comes in.
    Breaches,
    /// A person takes it back.
    IsTakenBack,
    /// Its policy is edited.
    IsEdited,
    /// A roll back waits in the spool.
    HasSpooled,
    /// It is told to end.
    Closes,
}

use Situation::{Bakes, Boots, Breaches, Closes, HasSpooled, IsAdvanced, IsEdited, IsTakenBack, Starts};

/// Where it dies on a file: name of the point, and which time it is passed.
pub const ON_A_FILE: &[(Situation, &[&str])] = &[
    (
        Boots,
        &[
            "lease.asked",
            "lease.kept",
            "seat.opened",
            "seat.recalled",
            "policy.offered",
            "live.proposed",
            "store.append.begun",
            "store.append.entries",
            "store.append.written",
            "store.append.committed",
            "live.appended",
            "policy.taken",
        ],
    ),
    (
        Starts,
        &[
            "live.proposed:2",
            "store.append.written:2",
            "live.appended:2",
            "live.applied",
            "store.append.begun",
            "store.append.exposures",
            "store.append.committed:2",
            "seat.ordered",
            "seat.answered",
        ],
    ),
    (
        IsAdvanced,
        &[
            "live.proposed:2",
            "store.append.exposures",
            "store.append.committed:2",
            "live.applied",
            "live.appended:3",
            "seat.ordered",
            "seat.answered",
        ],
    ),
    (
        Bakes,
        &[
            "journal.begun",
            "journal.written",
            "journal.synced",
            "push.handed",
            "journal.acknowledged",
            "journal.written:3",
            "seat.reading",
            "seat.fed",
            "live.proposed:2",
            "live.appended:2",
            "live.applied",
            "store.append.exposures",
            "lease.asked:2",
        ],
    ),
    (
        Breaches,
        &[
            "journal.synced",
            "journal.acknowledged",
            "seat.reading",
            "live.proposed",
            "store.append.begun",
            "store.append.exposures",
            "store.append.written",
            "store.append.committed",
            "live.appended",
            "live.applied",
            "live.proposed:2",
            "live.appended:2",
            "seat.fed",
        ],
    ),
    (IsTakenBack, &["live.proposed", "store.append.written", "live.appended", "live.applied", "live.appended:2"]),
    (IsEdited, &["policy.offered:2", "live.proposed", "store.append.committed", "policy.taken:2"]),
    (
        HasSpooled,
        &["order.proposed", "order.appended", "order.applied", "order.confirmed", "spool.replayed", "spool.cleared"],
    ),
    (Closes, &["house.closing", "seat.stopped", "house.empty", "lease.returned"]),
];

/// Where it dies on Redis.
pub const ON_REDIS: &[(Situation, &[&str])] = &[
    (Starts, &["store.redis.begun", "store.redis.replied", "store.redis.acknowledged:2", "live.applied"]),
    (
        Breaches,
        &[
            "store.redis.begun",
            "store.redis.connected",
            "store.redis.sent",
            "store.redis.replied",
            "store.redis.acknowledged",
            "live.applied",
        ],
    ),
    (IsTakenBack, &["store.redis.sent", "store.redis.replied", "live.appended", "seat.ordered"]),
];

/// What was acknowledged before it died.
#[derive(Default)]
struct Acknowledged {
    pushed: Vec<Time>,
    ordered: bool,
}

impl Situation {
    /// A folder in which it is about to happen.
    fn prepared(self, place: Place) -> Place {
        place.policy("checkout", &POLICY.replace("\"1s\"", if self == Bakes { "\"200ms\"" } else { "\"1h\"" }));
        if self == Boots {
            return place;
        }
        let controller = place.run("");
        controller.leads("checkout");
        match self {
            Starts => {}
            IsAdvanced => drop(controller.does("checkout", "start", json!({"revision": "r1"}))),
            _ => controller.to_canary("checkout"),
        }
        if !matches!(self, Starts | IsAdvanced | Bakes) {
            controller.reads("checkout", 0.1);
            controller.view_where("checkout", "it has read", |view| view["data_at"].is_string());
        }
        controller.ends();
        if self == HasSpooled {
            let order = Order { actor: "ana".into(), reason: "late".to_owned(), verb: Verb::RollBack { to: None } };
            let spooled =
                Spooled { id: "spooled-1".to_owned(), at: now(), rollout: None, environment: None, order, acted: None };
            place.spool().push(&spooled).unwrap();
        }
        place
    }

    /// What is done to it, over and over until it does not answer any more; what it acknowledged.
    fn happens(self, place: &Place, process: &Process, api: &Api, over: &AtomicBool) -> Acknowledged {
        let mut acknowledged = Acknowledged::default();
        // An order that comes before anybody leads is refused.
        let leads = || api.view("checkout").is_some_and(|view| view["leads"] == true && view["policy"].is_string());
        while self.is_ordered_by_a_person() && !leads() {
            if over.load(Ordering::SeqCst) {
                return acknowledged;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let order = |verb: &str, fields: Value| {
            let mut body = fields;
            body["reason"] = "because of the night".into();
            let answer = api.post(&format!("/v1/rollouts/checkout/{verb}"), &body.to_string());
            answer.is_ok_and(|answer| answer.status == 200)
        };
        match self {
            Boots | HasSpooled => {}
            Starts => acknowledged.ordered = order("start", json!({"revision": "r1"})),
            IsAdvanced => acknowledged.ordered = order("advance", json!({})),
            IsTakenBack => acknowledged.ordered = order("roll-back", json!({})),
            IsEdited => place.policy("checkout", &edited()),
            Closes => process.signal("TERM"),
            Bakes | Breaches => {
                let rate = if self == Bakes { 0.1 } else { 9.0 };
                while !over.load(Ordering::SeqCst) {
                    let snapshot = reading("checkout", rate);
                    if api.post("/v1/snapshots", &snapshot.to_string()).is_ok_and(|answer| answer.status == 202) {
                        acknowledged.pushed.push(serde_json::from_value(snapshot["time"].clone()).unwrap());
                    }
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            }
        }
        acknowledged
    }

    const fn is_ordered_by_a_person(self) -> bool {
        matches!(self, Starts | IsAdvanced | IsTakenBack | IsEdited)
    }

    /// The entry that says that an order was carried out.
    fn is_ordered(self, what: &What) -> bool {
        match self {
            Starts => matches!(what, What::Started { .. }),
            IsAdvanced => matches!(what, What::StageEntered { .. }),
            _ => matches!(what, What::RolledBack { .. }),
        }
    }

    /// Where it gets to after a restart, with no more help than it had before.
    fn goes_on(self, place: &Place, controller: &Controller, acknowledged: &Acknowledged) {
        controller.leads("checkout");
        let confirmed = |view: &Value| view["phase"] != "applying" && view["phase"] != "rolling_back";
        controller.view_where("checkout", "its exposure is confirmed", confirmed);
        let back = |view: &Value| view["phase"] == "rolled_back" && view["traffic"] == 0.0;
        match self {
            Boots => drop(controller.does("checkout", "start", json!({"revision": "r1"}))),
            Starts => {
                if controller.view("checkout").unwrap()["revision"].is_null() {
                    assert!(!acknowledged.ordered);
                    controller.does("checkout", "start", json!({"revision": "r1"}));
                }
                controller.does("checkout", "advance", json!({}));
            }
            IsAdvanced => {
                if controller.view("checkout").unwrap()["stage"] == "off" {
                    assert!(!acknowledged.ordered);
                    controller.does("checkout", "advance", json!({}));
                }
                controller.view_where("checkout", "it is in canary", |view| view["stage"] == "canary");
            }
            Bakes => drop(crate::place::until("the bake is served", || {
                controller.reads("checkout", 0.1);
                controller.view("checkout").filter(|view| view["stage"] == "staged")
            })),
            Breaches => {
                // What was acknowledged is known: no reading has to come again.
                if acknowledged.pushed.is_empty() {
                    controller.reads("checkout", 9.0);
                }
                controller.view_where("checkout", "it is taken back", back);
            }
            IsTakenBack => {
                if controller.view("checkout").unwrap()["phase"] != "rolled_back" {
                    assert!(!acknowledged.ordered);
                    controller.does("checkout", "roll-back", json!({}));
                }
                controller.view_where("checkout", "it is taken back", back);
            }
            IsEdited => {
                // It may have died before it was edited.
                place.policy("checkout", &edited());
                controller.view_where("checkout", "the edit is in force", |view| {
                    view["bake"] == "2h" && view["policy"] == view["files"]["digest"]
                });
            }
            HasSpooled => drop(controller.view_where("checkout", "it is taken back", back)),
            Closes => {
                controller.reads("checkout", 0.1);
                controller.view_where("checkout", "it holds", |view| view["phase"] == "hold");
            }
        }
    }
}

fn edited() -> String {
    POLICY.replace("\"1s\"", "\"2h\"")
}

fn count(entries: &[Entry], is: impl Fn(&What) -> bool) -> usize {
    entries.iter().filter(|entry| is(&entry.record().what)).count()
}

/// One death and what comes after it.
fn dies(situation: Situation, place: &Place, point: &str) {
    let what = format!("{situation:?} at {point}");
    let before = place.entries_of();
    let mut process = place.begin("", Some(point));
    let stands = |line: &str| line.starts_with(STANDS_AT).then_some(None);
    let first = process.hears(PATIENCE, |line| stands(line).or_else(|| url_in(line).map(Some)));
    let first = first.unwrap_or_else(|| panic!("{what}: it said {}", process.said()));
    let acknowledged = Mutex::new(Acknowledged::default());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        if let Some(url) = &first {
            let api = Api::at(url, place.token());
            let (process, over, acknowledged) = (&process, &over, &acknowledged);
            scope.spawn(move || *acknowledged.lock().unwrap() = situation.happens(place, process, &api, over));
        }
        let stood = first.is_none() || process.hears(PATIENCE, stands).is_some();
        over.store(true, Ordering::SeqCst);
        process.signal("KILL");
        assert!(stood, "{what}: it never came there; it said {}", process.said());
    });
    process.kill();
    let acknowledged = acknowledged.into_inner().unwrap();
    place.assert_sound(&what);
    let entries = place.entries_of();
    assert!(entries.len() >= before.len(), "{what}: entries are gone");
    let kept: BTreeSet<Time> = place.journal().iter().map(|snapshot| snapshot.time).collect();
    assert!(acknowledged.pushed.iter().all(|time| kept.contains(time)), "{what}: a push is lost");
    let ordered = count(&entries, |it| situation.is_ordered(it));
    assert!(!acknowledged.ordered || ordered == 1, "{what}: an order is lost");
    let controller = place.run("");
    situation.goes_on(place, &controller, &acknowledged);
    crate::place::until("the spool is empty", || place.spool().waiting().ok().filter(|it| it.orders.is_empty()));
    controller.ends();
    place.assert_sound(&what);
    let entries = place.entries_of();
    let once = |is: fn(&What) -> bool| assert!(count(&entries, is) <= 1, "{what}: twice: {entries:#?}");
    once(|what| matches!(what, What::RolledBack { .. }));
    once(|what| matches!(what, What::Started { .. }));
    once(|what| matches!(what, What::StageEntered { to, .. } if to.as_str() == "staged"));
}

#[rstest]
#[case::boots(Boots)]
#[case::starts(Starts)]
#[case::is_advanced(IsAdvanced)]
#[case::bakes(Bakes)]
#[case::breaches(Breaches)]
#[case::is_taken_back(IsTakenBack)]
#[case::is_edited(IsEdited)]
#[case::has_spooled(HasSpooled)]
#[case::closes(Closes)]
fn a_controller_killed_at_any_point_loses_nothing_and_goes_on(#[case] situation: Situation) {
    let (_, points) = ON_A_FILE.iter().find(|(other, _)| *other == situation).unwrap();
    let prepared = situation.prepared(Place::empty());
    for point in *points {
        let place = Place::copied(prepared.path());
        dies(situation, &place, point);
        let verified = place.screen("store check");
        assert!(verified.ends_with("exit exit status: 0\n"), "{situation:?} at {point}: {verified}");
    }
}

#[test]
fn there_are_at_least_forty_cases_on_a_file_and_ten_on_redis_and_every_point_is_one_that_exists() {
    for (table, least) in [(ON_A_FILE, 40), (ON_REDIS, 10)] {
        let all: BTreeSet<(String, &str)> = table
            .iter()
            .flat_map(|(situation, points)| points.iter().map(move |point| (format!("{situation:?}"), *point)))
            .collect();
        assert!(all.len() >= least, "{}", all.len());
        for (_, point) in &all {
            let name = point.split(':').next().unwrap();
            assert!(POINTS.contains(&name), "{name}");
        }
    }
}

#[rstest]
#[case::starts(Starts)]
#[case::breaches(Breaches)]
#[case::is_taken_back(IsTakenBack)]
fn a_controller_on_redis_killed_at_any_point_loses_nothing_and_goes_on(#[case] situation: Situation) {
    let (_, points) = ON_REDIS.iter().find(|(other, _)| *other == situation).unwrap();
    for point in *points {
        let place = situation.prepared(Place::on_redis());
        dies(situation, &place, point);
    }
}

//! The parts that need no controller: where a recording begins, and how its lines are written.

use std::collections::BTreeMap;

use rollgate::control::load::genesis;
use rollgate::fixture::record::Told;
use rollgate::fixture::record::lines::{Lines, Taking};
use rollgate::fixture::record::opening::{Begins, begins};
use rollgate::model::event::{Event, What};
use rollgate::model::frame::Catalogue;
use rollgate::model::ids::Generation;
use rollgate::model::operator::Verb;
use rollgate::model::snapshot::{Snapshot, WireReading};
use rollgate::model::time::{Duration, Time};
use rollgate::policy::compile;
use rollgate::policy::source::PolicySource;

use super::controller::policy;

fn at(secs: i64) -> Time {
    Time::from_millis((1_000_000 + secs) * 1000)
}

fn told(secs: i64, by: &str, what: What) -> Told {
    let reason = if by == "rollgate" { "" } else { "because of the night" };
    Told {
        event: Event { time: at(secs), what },
        by: by.into(),
        reason: reason.to_owned(),
        by_itself: by == "rollgate",
    }
}

fn finding(secs: i64, to: &str) -> Told {
    told(
        secs,
        "rollgate",
        What::FindingChanged {
            check: "error_rate.p1".into(),
            region: "".into(),
            from: "ok".to_owned(),
            to: to.to_owned(),
            note: String::new(),
        },
    )
}

fn heartbeat(secs: i64) -> Told {
    told(secs, "rollgate", What::Heartbeat { bake: Duration::from_secs(secs) })
}

/// Started at 0, in canary from 10 on, a heartbeat each minute.
fn ledger() -> Vec<Told> {
    let started = What::Started { revision: "r1".into(), stage: "off".into(), by: "ana".into(), reason: String::new() };
    let entered = What::StageEntered {
        from: "off".into(),
        to: "canary".into(),
        generation: Generation(2),
        because: "ordered by ana: go".to_owned(),
    };
    vec![told(0, "ana", started), told(10, "ana", entered), heartbeat(60), heartbeat(120), heartbeat(180)]
}

fn of(told: &[Told], since: i64, until: i64) -> Option<Begins> {
    begins(genesis(), told, at(since), at(until), Time::NEVER)
}

#[rstest::rstest]
#[case::before_everything(-100, 0, "off", 0)]
#[case::at_the_start(0, 0, "off", 0)]
#[case::between(5, 0, "off", 0)]
#[case::at_a_new_stage(10, 10, "canary", 0)]
#[case::behind_it(59, 10, "canary", 0)]
#[case::at_a_heartbeat(60, 60, "canary", 60)]
#[case::behind_a_heartbeat(150, 120, "canary", 120)]
fn a_recording_begins_where_the_ledger_says_how_much_bake_was_served(
    #[case] since: i64,
    #[case] from: i64,
    #[case] stage: &str,
    #[case] bake: i64,
) {
    let begins = of(&ledger(), since, 1000).unwrap();
    assert_eq!((begins.at, begins.stage.as_str(), begins.bake), (at(from), stage, Duration::from_secs(bake)));
    assert_eq!(begins.notes, Vec::<String>::new());
}

#[test]
fn nothing_begins_before_a_start() {
    assert_eq!(of(&ledger(), -100, -1), None);
}

#[test]
fn a_run_under_way_moves_the_beginning_to_before_it_began() {
    let mut ledger = ledger();
    ledger.insert(3, finding(100, "pending"));
    let begins = of(&ledger, 150, 1000).unwrap();
    assert_eq!((begins.at, begins.notes.len()), (at(60), 0));
    ledger.insert(5, finding(125, "ok"));
    assert_eq!(of(&ledger, 190, 1000).unwrap().at, at(180), "it is over by then");
}

#[test]
fn where_readings_of_before_are_gone_it_says_what_a_replay_lacks() {
    let mut ledger = ledger();
    ledger.insert(3, finding(100, "pending"));
    let begins = begins(genesis(), &ledger, at(150), at(1000), at(110)).unwrap();
    assert_eq!(begins.at, at(120));
    assert!(begins.notes[0].contains("error_rate.p1 (pending) was under way"), "{:?}", begins.notes);
}

#[test]
fn orders_are_those_of_people_and_what_was_in_force_comes_first() {
    let mut ledger = ledger();
    let hold = What::Ordered { verb: "hold".to_owned(), by: "bob".into(), reason: "r".to_owned(), until: None };
    ledger.insert(2, told(30, "bob", hold));
    let rolled_back = |emergency, check: Option<&str>| What::RolledBack {
        from: "canary".into(),
        to: "off".into(),
        generation: Generation(3),
        check: check.map(Into::into),
        emergency,
        because: "broken".to_owned(),
    };
    ledger.push(told(200, "eve", rolled_back(true, None)));
    let verbs = |since| {
        of(&ledger, since, 1000).unwrap().orders.into_iter().map(|(when, order)| (when, order.verb)).collect::<Vec<_>>()
    };
    assert_eq!(verbs(65), [(at(60), Verb::Hold { until: None }), (at(200), Verb::Emergency)]);
    assert_eq!(verbs(0), [(at(10), Verb::Advance), (at(30), Verb::Hold { until: None }), (at(200), Verb::Emergency)]);
    ledger.pop();
    ledger.push(told(200, "rollgate", rolled_back(false, Some("error_rate.p0"))));
    assert_eq!(of(&ledger, 65, 1000).unwrap().orders.len(), 1, "what the policy did by itself it does again");
    // Taken back before it begins: an order says so, before any reading.
    ledger.push(heartbeat(240));
    let begins = of(&ledger, 250, 1000).unwrap();
    assert_eq!((begins.at, begins.stage.as_str(), begins.latched), (at(240), "canary", true));
    assert_eq!(begins.orders[0].1.verb, Verb::RollBack { to: Some("off".into()) });
}

fn catalogue() -> Catalogue {
    let mut source = PolicySource::new("policies/checkout");
    source.insert("policy.toml", policy());
    compile(&source, &"production".into()).policy.unwrap().catalogue
}

fn snapshot(secs: i64, value: f64) -> Snapshot {
    let readings = BTreeMap::from([("error_rate".to_owned(), WireReading::number(value))]);
    Snapshot {
        v: 1,
        time: at(secs),
        rollout: Some("checkout".to_owned()),
        environment: Some("production".to_owned()),
        region: String::new(),
        source: Some("prom".to_owned()),
        exposure: None,
        groups: BTreeMap::from([("treatment".to_owned(), readings)]),
    }
}

fn lines(snapshots: &[(i64, Snapshot)], taking: Taking) -> Vec<Snapshot> {
    let begins = of(&ledger(), 60, 1000).unwrap();
    let mut lines = Lines::new(&begins, &catalogue(), taking);
    let mut text = String::new();
    for (came_in, snapshot) in snapshots {
        lines.take(at(*came_in), snapshot.clone(), &mut text);
    }
    lines.finish(at(100), &mut text);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn reading(snapshot: &Snapshot) -> Option<(f64, Option<Time>)> {
    let reading = snapshot.groups.get("treatment")?.get("error_rate")?;
    Some((reading.value, reading.observed))
}

#[test]
fn a_line_has_the_time_at_which_it_came_in_and_its_readings_the_time_of_observation() {
    let written = lines(&[(70, snapshot(69, 1.5)), (70, snapshot(68, 1.25))], Taking::default());
    let [begin, first, second, end] = written.as_slice() else { panic!("{written:?}") };
    assert_eq!((begin.time, reading(begin)), (at(60), None), "it says when it begins");
    assert_eq!((first.time, reading(first)), (at(70), Some((1.5, Some(at(69))))));
    assert_eq!(second.time, at(70) + Duration::from_millis(1), "each was judged by itself");
    assert_eq!(reading(second), Some((1.25, Some(at(68)))));
    assert_eq!((end.time, reading(end)), (at(100), None), "silence until the end is part of it");
    assert!(written.iter().all(|line| line.rollout.is_none() && line.environment.is_none()));
}

#[test]
fn what_was_known_at_the_beginning_is_said_at_the_beginning() {
    let before: Vec<_> = (0..40).map(|secs| (secs, snapshot(secs, 0.25))).collect();
    let written = lines(&before, Taking::default());
    let known: Vec<_> = written.iter().filter_map(|line| Some((line.time, reading(line)?.1?))).collect();
    assert_eq!(known.len(), 15, "as many as a comparison looks at");
    assert!(known.iter().all(|(time, _)| *time == at(60)));
    assert_eq!((known[0].1, known[14].1), (at(25), at(39)));
}

#[test]
fn a_metric_that_is_renamed_is_asked_for_by_its_new_name() {
    let mut other = snapshot(69, 2.0);
    let readings = other.groups.get_mut("treatment").unwrap();
    readings.clear();
    readings.insert("errors_of_acme".to_owned(), WireReading::number(2.0));
    let taking = Taking {
        renames: BTreeMap::from([("errors_of_acme".to_owned(), "error_rate".to_owned())]),
        ..Taking::default()
    };
    let written = lines(&[(70, other.clone())], taking);
    assert_eq!(written.iter().find_map(reading).map(|(value, _)| value), Some(2.0));
    assert_eq!(lines(&[(70, other)], Taking::default()).iter().find_map(reading), None);
}

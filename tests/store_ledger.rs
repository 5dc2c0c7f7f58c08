//! The ledger's promises: damage is found and named, and what is reloaded is what was in memory.

use std::sync::Arc;

use proptest::prelude::*;
use rollgate::adapters::log_actuator::LogActuator;
use rollgate::adapters::store::{Embedded, Options};
use rollgate::control::exposure::{is_nothing, most};
use rollgate::control::{Ask, Command, Direct, Operate as _, PolicyRecord, Rollout, keep};
use rollgate::engine;
use rollgate::ledger::export::{BadExport, Reader};
use rollgate::ledger::hash::Key;
use rollgate::ledger::{BadLine, Draft, Entry, Head};
use rollgate::model::event::{Event, What};
use rollgate::model::ids::{Actor, Environment};
use rollgate::model::operator::{Order, Verb};
use rollgate::model::time::{Duration, Time};
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;
use rollgate::ports::store::{Authority, Batch, Store};
use rstest::rstest;
use tempfile::TempDir;

const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout", "new_basket"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
[thresholds.error_rate]
p0 = { above = "5%" }
p1 = { above = "1%", for = "2m" }
[[stages]]
name = "off"
approvals = { roles = ["security"] }
[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"
[[stages]]
name = "full"
traffic = "100%"
bake = "10m"
"#;

fn record(text: &str) -> PolicyRecord {
    let mut source = PolicySource::new("test");
    source.insert("policy.toml", text);
    let compiled = rollgate::policy::compile(&source, &Environment::new("production"));
    let policy: Arc<Policy> = compiled.policy.map(Arc::new).unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    PolicyRecord::new(&policy, &source)
}

fn at(second: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + second * 1000)
}

struct World {
    _folder: TempDir,
    store: Embedded,
    key: Key,
    given: u64,
}

impl World {
    fn new() -> World {
        let folder = TempDir::new().unwrap();
        let options = Options { create: true, max_bytes: None, ..Options::default() };
        let store = Embedded::open(&folder.path().join("s.redb"), options, Box::new(|| at(0))).unwrap();
        World { _folder: folder, store, key: Key::new("checkout".into(), "production".into()), given: 0 }
    }

    /// A rollout that was started, with a few orders behind it.
    fn started() -> World {
        let mut world = World::new();
        world.start(0);
        world.order(1, Verb::Pause);
        world.order(2, Verb::Resume);
        world.order(3, Verb::Hold { until: Some(at(500)) });
        world
    }

    fn give(&mut self, second: i64, ask: Ask) -> rollgate::control::Outcome {
        self.given += 1;
        let token = format!("t{}", self.given);
        let command = Command { actor: Actor::new("ana"), reason: "because".to_owned(), ask, token };
        Direct::new(&self.store, &LogActuator::default()).carry_out(&self.key, &command, at(second), false).unwrap()
    }

    fn start(&mut self, second: i64) -> rollgate::control::Outcome {
        self.give(second, Ask::Start { policy: Box::new(record(POLICY)), revision: "r1".into() })
    }

    fn order(&mut self, second: i64, verb: Verb) -> rollgate::control::Outcome {
        self.give(second, Ask::Order(verb))
    }

    fn load(&self) -> Rollout {
        Rollout::load(&self.store, &self.key).unwrap()
    }

    fn export(&self) -> Vec<String> {
        let mut text = Vec::new();
        keep::export_chain(&self.store, &self.key, &mut text).unwrap();
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }

    fn entries(&self) -> Vec<Entry> {
        self.store.entries(&self.key, 0, usize::MAX).unwrap()
    }
}

fn verify(lines: &[String]) -> Result<u64, BadExport> {
    let mut reader = Reader::default();
    for line in lines {
        reader.line(line)?;
    }
    Ok(reader.finish()?.iter().map(|(_, chain)| chain.entries).sum())
}

#[test]
fn an_export_verifies_without_a_store() {
    let lines = World::started().export();
    assert_eq!(verify(&lines), Ok(lines.len() as u64 - 1));
}

/// Every single byte of every entry: changed, the export no longer verifies.
#[test]
fn any_changed_byte_is_found() {
    let lines = World::started().export();
    for (at, line) in lines.iter().enumerate() {
        for byte in 0..line.len() {
            let mut damaged = line.clone().into_bytes();
            damaged[byte] ^= 1;
            let Ok(text) = String::from_utf8(damaged) else { continue };
            let mut copy = lines.clone();
            copy[at] = text;
            assert!(verify(&copy).is_err(), "line {at}, byte {byte}: {}", copy[at]);
        }
    }
}

#[rstest]
#[case::dropped(|lines: &mut Vec<String>| { lines.remove(2); }, "entry 3: it is missing")]
#[case::two_dropped(|lines: &mut Vec<String>| { lines.drain(2..4); }, "entry 3: it and 1 more are missing")]
#[case::first_dropped(|lines: &mut Vec<String>| { lines.remove(0); }, "entry 1: it is missing")]
#[case::swapped(|lines: &mut Vec<String>| lines.swap(1, 2), "entry 2: it is missing")]
#[case::doubled(|lines: &mut Vec<String>| { let line = lines[1].clone(); lines.insert(2, line); }, "entry 2 comes twice")]
#[case::moved_to_the_end(|lines: &mut Vec<String>| { let line = lines.remove(0); lines.insert(3, line); }, "entry 1: it is missing")]
fn a_chain_with_an_entry_dropped_swapped_or_doubled_says_where(
    #[case] damage: impl Fn(&mut Vec<String>),
    #[case] expected: &str,
) {
    let mut lines = World::started().export();
    damage(&mut lines);
    let error = verify(&lines).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn an_export_cut_off_anywhere_is_found() {
    let lines = World::started().export();
    for keep in 0..lines.len() {
        assert!(verify(&lines[..keep]).is_err(), "{keep} lines");
    }
    let cut = verify(&lines[..3]).unwrap_err();
    assert!(matches!(cut, BadExport::CutOff { after: 3, .. }), "{cut}");
    let mut torn = lines.clone();
    let half = torn[3].len() / 2;
    torn[3].truncate(half);
    torn.truncate(4);
    assert!(matches!(verify(&torn), Err(BadExport::Line { line: 4, why: BadLine::Unsealed })));
}

#[test]
fn an_entry_resealed_by_somebody_else_breaks_the_next_one() {
    let world = World::started();
    let mut lines = world.export();
    let mut record = Entry::parse(&lines[1]).unwrap().record().clone();
    record.actor = Actor::new("mallory");
    lines[1] = Entry::seal(record).unwrap().line().to_owned();
    let error = verify(&lines).unwrap_err().to_string();
    assert!(error.contains("entry 3: it does not follow entry 2"), "{error}");
}

#[test]
fn a_newer_shape_is_not_called_damage() {
    let line = World::started().export()[0].replacen("\"v\":1", "\"v\":2", 1);
    assert_eq!(Entry::parse(&line), Err(BadLine::Newer(2)));
}

#[test]
fn entries_say_what_they_changed_from_and_to() {
    let world = World::started();
    let found = world.entries();
    let stage = found.iter().find_map(|entry| entry.record().changed.get("stage")).unwrap();
    assert_eq!((stage.old.as_str(), stage.new.as_str()), (Some(""), Some("off")));
    assert!(found.iter().all(|entry| entry.record().policy.is_some()));
    let theirs: Vec<&str> = found.iter().map(|entry| entry.record().actor.as_str()).collect();
    assert_eq!(theirs, ["ana", "ana", "rollgate", "ana", "ana", "ana"], "{found:#?}");
}

#[test]
fn time_never_goes_back_in_a_ledger() {
    let mut world = World::started();
    let outcome = world.order(-5000, Verb::Emergency);
    assert_eq!(outcome.refused, None);
    assert!(outcome.notes.iter().any(|note| note.contains("time never goes back")), "{:?}", outcome.notes);
    assert_eq!(verify(&world.export()).unwrap(), world.entries().len() as u64);
    assert_eq!(world.entries().last().unwrap().record().at, at(3));
}

#[test]
fn retention_keeps_a_checkpoint_and_the_chain_still_verifies() {
    let mut world = World::started();
    world.order(10, Verb::Resume);
    let (before, count) = (world.load().state, world.entries().len());
    let pruned = keep::prune(&world.store, &world.key, at(3)).unwrap();
    assert!(pruned.entries > 2);
    assert_eq!(world.entries().len() as u64, count as u64 - pruned.entries);
    assert_eq!(world.load().state, before);
    assert_eq!(verify(&world.export()).unwrap(), count as u64 - pruned.entries);
    assert_eq!(keep::check(&world.store, &world.key).unwrap().problems, Vec::<String>::new());
    // However long ago everything was, the last entry stays.
    keep::prune(&world.store, &world.key, at(1_000_000)).unwrap();
    assert_eq!(world.entries().len(), 1);
    assert_eq!(world.load().state, before);
    world.order(20, Verb::Pause);
    assert_eq!(keep::check(&world.store, &world.key).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_backup_restores_the_very_same_ledger_state_and_exposure() {
    let mut world = World::started();
    keep::prune(&world.store, &world.key, at(2)).unwrap();
    world.order(20, Verb::Pause);
    let mut backup = Vec::new();
    keep::export(&world.store, &mut backup).unwrap();
    let other = World::new();
    let imported = keep::import(&other.store, &mut backup.as_slice()).unwrap();
    assert_eq!((imported.chains.len(), imported.policies), (1, 1));
    assert_eq!(other.export(), world.export());
    let (old, new) = (world.load(), other.load());
    assert_eq!((new.state, new.exposed), (old.state, old.exposed));
    assert!(keep::import(&other.store, &mut backup.as_slice()).is_err());
    // Half of it restores nothing at all.
    let none = World::new();
    let half = &backup[..backup.len() - 100];
    assert!(keep::import(&none.store, &mut &*half).is_err());
    assert!(none.store.keys().unwrap().is_empty());
}

#[test]
fn a_roll_back_works_when_the_policy_is_gone_from_the_store() {
    // Started by a store that lost the policy: what is exposed is all that is known.
    let mut world = World::started();
    let mut backup = Vec::new();
    keep::export(&world.store, &mut backup).unwrap();
    let text = String::from_utf8(backup).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("{\"policy\":")).collect();
    world = World::new();
    keep::import(&world.store, &mut without.join("\n").as_bytes()).unwrap();
    world.given = 100;
    let refused = world.order(30, Verb::Resume).refused.unwrap();
    assert!(refused.contains("cannot be used"), "{refused}");
    let outcome = world.order(31, Verb::Emergency);
    assert_eq!(outcome.refused, None);
    let rollout = world.load();
    assert!(rollout.state.latch.is_some() && rollout.state.applied_at.is_some());
    assert!(is_nothing(&rollout.exposed));
    assert_eq!(rollout.exposed.exposures.len(), 2);
}

#[test]
fn an_order_given_twice_under_one_name_is_carried_out_once() {
    let mut world = World::started();
    let before = world.given;
    world.order(10, Verb::Emergency);
    let (count, state) = (world.entries().len(), world.load().state);
    world.given = before;
    let outcome = world.order(11, Verb::Emergency);
    assert!(outcome.notes.iter().any(|note| note.contains("before")));
    assert_eq!((world.entries().len(), world.load().state), (count, state));
}

fn verbs() -> impl Strategy<Value = Verb> {
    prop_oneof![
        Just(Verb::Start { revision: "r2".into() }),
        Just(Verb::Advance),
        Just(Verb::Hold { until: None }),
        (1..900i64).prop_map(|second| Verb::Hold { until: Some(at(second)) }),
        Just(Verb::Pause),
        Just(Verb::Resume),
        Just(Verb::Approve { role: "security".into() }),
        Just(Verb::Approve { role: "nobody".into() }),
        Just(Verb::RollBack { to: None }),
        Just(Verb::RollBack { to: Some("off".into()) }),
        Just(Verb::RollBack { to: Some("nowhere".into()) }),
        Just(Verb::Emergency),
        (1..900i64, any::<bool>()).prop_map(|(second, force)| Verb::Mute {
            check: "error_rate.p0".into(),
            until: at(second),
            force
        }),
        Just(Verb::Unmute { check: "error_rate.p0".into() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// I8, I13 and the fold law: whatever is ordered, in whatever order and at whatever time, the store's entries fold
    /// to the state that was in memory, everything checks out, and no roll back raises what anybody sees.
    #[test]
    fn the_state_reloaded_is_the_state_in_memory(orders in proptest::collection::vec((0..900i64, verbs()), 1..16)) {
        let mut world = World::new();
        world.start(0);
        for (second, verb) in orders {
            let before = world.load();
            let takes_back = matches!(verb, Verb::RollBack { .. } | Verb::Emergency);
            let outcome = world.order(second, verb.clone());
            let rollout = world.load();
            prop_assert_eq!(&outcome.after, &rollout.state);
            let folded = world.entries().iter().fold(
                rollgate::control::load::genesis(),
                |state, entry| engine::fold(state, &entry.record().event()),
            );
            prop_assert_eq!(&folded, &rollout.state);
            prop_assert!(rollout.exposed.generation >= before.exposed.generation);
            if takes_back {
                prop_assert!(most(&rollout.exposed) <= most(&before.exposed), "{verb:?}");
                prop_assert!(outcome.refused.is_some() || rollout.state.latch.is_some());
            }
            prop_assert!(!rollout.is_unconfirmed(), "{:?}", verb);
        }
        let checked = keep::check(&world.store, &world.key).unwrap();
        prop_assert_eq!(checked.problems, Vec::<String>::new());
        prop_assert!(verify(&world.export()).is_ok());
    }
}

#[test]
fn states_are_read_from_the_last_checkpoint_and_checked_against_the_fold() {
    let mut world = World::started();
    let rollout = world.load();
    let (mut head, mut state) = (rollout.head.clone(), rollout.state);
    let entries: Vec<Entry> = (1..=495)
        .map(|served| {
            let what = What::Heartbeat { bake: Duration::from_secs(served) };
            let after = engine::fold(state.clone(), &Event { time: at(3), what: what.clone() });
            let actor = Actor::new("rollgate");
            let draft = Draft { actor: &actor, reason: "", at: at(3), what, states: (&state, &after) };
            let entry = draft.seal(&world.key, &head).unwrap();
            (head, state) = (Head::at(&entry), after);
            entry
        })
        .collect();
    let batch = Batch {
        key: world.key.clone(),
        expected: rollout.head,
        authority: Authority::Unled,
        token: "heartbeats".to_owned(),
        entries,
        exposed: None,
        policies: Vec::new(),
        decisions: Vec::new(),
        checkpoint: None,
    };
    world.store.append(&batch).unwrap();
    world.order(4, Verb::Pause);
    world.order(5, Verb::Resume);
    let rollout = world.load();
    assert!(rollout.head.seq > 500 && rollout.since_checkpoint < 5, "{}", rollout.since_checkpoint);
    assert_eq!(keep::check(&world.store, &world.key).unwrap().problems, Vec::<String>::new());
    let order = Order { actor: Actor::new("ana"), reason: "x".to_owned(), verb: Verb::Pause };
    let dry = Direct::new(&world.store, &LogActuator::default())
        .carry_out(&world.key, &Command::order(order, "dry"), at(300) + Duration::ZERO, true)
        .unwrap();
    assert!(dry.dry_run && !dry.entries.is_empty());
    assert_eq!(world.load().head, rollout.head, "a dry run writes nothing");
}

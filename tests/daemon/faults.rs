//! Faults of the surroundings: settings, ports, files, disks, clocks, signals. Each has its message, and loses nothing.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use redb::TableDefinition;
use rollgate::control::live::{Controller as Live, Given, Ports};
use rollgate::control::{Ask, Command as Told, PolicyRecord};
use rollgate::model::event::What;
use rollgate::model::ids::{Actor, Revision};
use rollgate::model::operator::{Order, Verb};
use rollgate::model::time::Duration as Length;
use rollgate::policy::source::PolicySource;
use rollgate::ports::spool::Spool as _;
use rollgate::ports::store::Store as _;
use serde_json::{Value, json};

use crate::http::Api;
use crate::place::{Controller, PATIENCE, POLICY, Place, key, now, reading, until, url_in};
use crate::process::Process;

fn in_canary() -> Place {
    let place = Place::empty();
    place.policy("checkout", &POLICY.replace("\"1s\"", "\"1h\""));
    let controller = place.run("");
    controller.to_canary("checkout");
    controller.ends();
    place
}

/// What `run` says when it cannot, and how it ends.
fn refused(place: &Place, words: &str) -> (i32, String) {
    let mut process = place.begin(words, None);
    let status = process.ends();
    (status.code().expect("it ends by itself"), process.last_words())
}

#[test]
fn settings_that_are_wrong_are_drawn_and_end_it_with_exit_3() {
    let place = Place::new();
    place.write("rollgate.toml", "[lease]\nterm = \"2s\"\nstep_down = \"5s\"\n[api]\nlissen = \"127.0.0.1:0\"\n");
    let (code, said) = refused(&place, "");
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("rollgate.toml") && said.contains("lissen") && said.contains("step_down"), "{said}");
    assert!(!place.store_file().exists(), "nothing was begun");
    let (code, said) = refused(&place, "--config nowhere.toml");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nowhere.toml"), "{said}");
    place.write("rollgate.toml", "[lease\n");
    assert_eq!(refused(&place, "").0, 3);
}

#[test]
fn a_port_that_is_taken_is_named_and_everything_else_is_let_go() {
    let place = in_canary();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let mut command = place.command(&format!("run --listen {address}"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    // The lease was given back: the next one leads at once.
    assert_eq!(place.store().leader().unwrap(), None);
    place.assert_sound("a port was taken");
}

#[test]
fn a_store_of_another_version_is_refused_and_left_alone() {
    let place = in_canary();
    let table: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");
    let db = redb::Database::open(place.store_file()).unwrap();
    let write = db.begin_write().unwrap();
    write.open_table(table).unwrap().insert("version", 99).unwrap();
    write.commit().unwrap();
    drop(db);
    let before = fs::read(place.store_file()).unwrap();
    let (code, said) = refused(&place, "");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the store has shape 99, and this rollgate works on shape 1"), "{said}");
    assert_eq!(fs::read(place.store_file()).unwrap().len(), before.len());
}

#[test]
fn a_store_that_another_controller_has_is_refused_with_its_process() {
    let place = in_canary();
    let first = place.run("");
    let (code, said) = refused(&place, "");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the store is in use") && said.contains(&first.process.id().to_string()), "{said}");
    // The first one goes on as if nothing had been.
    first.reads("checkout", 9.0);
    first.view_where("checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    assert!(place.token().is_some(), "commands still find it");
    first.ends();
    place.assert_sound("two controllers on one file");
}

#[test]
fn a_ledger_whose_tail_is_torn_off_is_damage_that_is_said_and_not_a_fresh_start() {
    let place = in_canary();
    let file = fs::OpenOptions::new().write(true).open(place.store_file()).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length / 2).unwrap();
    drop(file);
    let (code, said) = refused(&place, "");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn a_journal_whose_last_line_is_torn_loses_that_line_only() {
    let place = in_canary();
    let controller = place.run("");
    controller.reads("checkout", 0.5);
    controller.reads("checkout", 0.4);
    controller.ends();
    let kept = place.journal().len();
    let mut segments: Vec<_> = fs::read_dir(place.path().join("rollgate.journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.metadata().unwrap().len() > 0)
        .collect();
    segments.sort();
    let last = segments.iter().rev().find(|path| fs::read(path).unwrap().ends_with(b"\n")).unwrap();
    let text = fs::read(last).unwrap();
    fs::write(last, &text[..text.len() - 20]).unwrap();
    let controller = place.run("");
    let view = controller.view_where("checkout", "it knows what is left", |view| view["data_at"].is_string());
    assert_eq!(view["stage"], "canary");
    controller.reads("checkout", 0.3);
    controller.ends();
    assert_eq!(place.journal().len(), kept, "one torn off, one new");
}

/// A controller whose files may not grow beyond this (RLIMIT_FSIZE, with its signal ignored): a disk that is full as
/// far as the store can tell (EFBIG; it is told apart from ENOSPC by nobody).
fn with_files_of_at_most(place: &Place, bytes: u64) -> Controller {
    let mut command = Command::new("bash");
    command.current_dir(place.path()).args([
        "-c",
        "trap '' XFSZ; ulimit -S -f \"$0\"; exec \"$@\"",
        &(bytes / 1024).to_string(),
        env!("CARGO_BIN_EXE_rollgate"),
        "run",
        "--listen",
        "127.0.0.1:0",
    ]);
    let process = Process::start(&command);
    let url = process.hears(PATIENCE, url_in).unwrap_or_else(|| panic!("no API; it said:\n{}", process.said()));
    Controller { api: Api::at(&url, place.token()), process }
}

#[test]
fn a_disk_that_is_full_keeps_nobody_from_rolling_back_and_the_ledger_gets_it_when_there_is_room() {
    let place = in_canary();
    let length = fs::metadata(place.store_file()).unwrap().len();
    // Flapping readings fill what room the file has inside, and roll nothing back.
    place.policy("checkout", &POLICY.replace("\"1s\"", "\"1h\"").replace("\"5%\" }", "\"5%\", for = \"1h\" }"));
    let mut rates = [0.1, 6.0].iter().cycle();
    let controller = with_files_of_at_most(&place, length);
    controller.leads("checkout");
    until("the store has no room", || {
        controller.reads("checkout", *rates.next().unwrap());
        let view = controller.view("checkout")?;
        view["store_problem"].as_str().filter(|problem| problem.contains("no room")).map(str::to_owned)
    });
    let refused = controller.order("checkout", "advance", json!({}));
    assert_eq!(refused.status, 507, "{}", refused.text);
    let ready = controller.api.get("/readyz").unwrap();
    assert!(ready.status == 503 && ready.text.contains("no room"), "{}", ready.text);
    let back = controller.order("checkout", "roll-back", json!({}));
    assert_eq!(back.status, 200, "{}", back.text);
    let view = controller.view_where("checkout", "it is shown", |view| view["spooled"] == 1);
    // Done, and not on record: only the ledger's word makes it "rolled back".
    assert_eq!((&view["phase"], &view["stage"]), (&json!("rolling_back"), &json!("off")), "{view:#}");
    let before = place.spool().waiting().unwrap().orders.len();
    assert_eq!(before, 1);
    // Room is made under its feet: nothing has to be restarted.
    let process = controller.process.id().to_string();
    let room = Command::new("prlimit").args(["--pid", &process, "--fsize=unlimited:"]).status().unwrap();
    assert!(room.success());
    controller
        .view_where("checkout", "the ledger has it", |view| view["phase"] == "rolled_back" && view["spooled"] == 0);
    until("the spool is empty", || place.spool().waiting().ok().filter(|waiting| waiting.orders.is_empty()));
    controller.ends();
    place.assert_sound("the disk was full");
    let there = place.entries().iter().filter(|e| matches!(e.record().what, What::RolledBack { .. })).count();
    assert_eq!(there, 1, "once");
}

/// A rollout in canary whose ledger was written by a clock that is this much ahead.
fn written_ahead(by: Length) -> Place {
    let text = POLICY.replace("\"1s\"", "\"1h\"");
    let place = Place::empty();
    place.policy("checkout", &text);
    let mut source = PolicySource::new("policies/checkout");
    source.insert("policy.toml", text.as_str());
    let policy = rollgate::policy::compile(&source, &"production".into()).policy.unwrap();
    let record = PolicyRecord::new(&policy, &source);
    let options = rollgate::adapters::store::Options { create: true, ..rollgate::adapters::store::Options::default() };
    let store = rollgate::adapters::store::Embedded::open(&place.store_file(), options, Box::new(now)).unwrap();
    let (spool, actuator) = (place.spool(), rollgate::adapters::log_actuator::LogActuator::default());
    let ports = Ports { store: &store, actuator: &actuator, spool: &spool };
    let at = now() + by;
    let mut live = Live::open(ports, &key("checkout"), Some((&record, std::sync::Arc::new(policy))), at).unwrap();
    let lease = store.acquire(&Actor::new("ahead"), Length::from_hours(1)).unwrap();
    live.lead(Some(lease));
    live.feed(ports, at, Given::Tick);
    let ask = Ask::Start { policy: Box::new(record), revision: Revision::new("r1") };
    let start = Told { actor: "ana".into(), reason: "weekly".to_owned(), ask, token: "start".to_owned() };
    assert_eq!(live.order(ports, at, &start, false).unwrap().refused, None);
    let order = Order { actor: "ana".into(), reason: "go".to_owned(), verb: Verb::Advance };
    let gone = live.order(ports, at, &Told::order(order, "advance".to_owned()), false).unwrap();
    assert_eq!((gone.refused, gone.after.stage.as_str()), (None, "canary"));
    place
}

#[test]
fn a_clock_that_was_an_hour_ahead_and_is_set_right_delays_no_roll_back() {
    let place = written_ahead(Length::from_hours(1));
    let controller = place.run("");
    controller.leads("checkout");
    controller.reads("checkout", 9.0);
    controller.view_within(Duration::from_secs(2), "checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    controller.ends();
    place.assert_sound("a clock was set back");
    let times: Vec<_> = place.entries().iter().map(|entry| entry.record().at).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[rstest::rstest]
#[case::another_rollout(|snapshot: &mut Value| snapshot["rollout"] = "search".into(), 404, "no rollout `search`")]
#[case::another_environment(|snapshot: &mut Value| snapshot["environment"] = "staging".into(), 404, "in staging")]
#[case::the_future(|snapshot: &mut Value| snapshot["time"] = json!(now() + Length::from_secs(60)), 422, "in the future")]
#[case::no_snapshot(|snapshot: &mut Value| *snapshot = json!({"groups": 1}), 422, "")]
fn a_snapshot_that_is_not_for_here_is_turned_away_and_nothing_of_it_is_kept(
    #[case] change: fn(&mut Value),
    #[case] status: u16,
    #[case] words: &str,
) {
    let place = in_canary();
    let controller = place.run("");
    let mut snapshot = reading("checkout", 9.0);
    change(&mut snapshot);
    let answer = controller.push(&snapshot);
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.text.contains(words), "{}", answer.text);
    controller.ends();
    assert!(place.journal().is_empty());
    assert_eq!(place.rollout().state.latch, None);
}

#[test]
fn a_controller_that_is_told_to_end_finishes_what_it_took_in_and_lets_go_of_everything() {
    let place = in_canary();
    let controller = place.run("");
    controller.leads("checkout");
    let api = controller.api.clone();
    let pushes = std::thread::spawn(move || {
        let mut taken = Vec::new();
        loop {
            let snapshot = reading("checkout", 0.1);
            match api.post("/v1/snapshots", &snapshot.to_string()) {
                Ok(answer) if answer.status == 202 => taken.push(snapshot["time"].clone()),
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text),
                Err(_) => return taken,
            }
        }
    });
    controller.view_where("checkout", "pushes come in", |view| view["data_at"].is_string());
    let started = Instant::now();
    controller.ends();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let taken = pushes.join().unwrap();
    assert!(!taken.is_empty());
    let kept: Vec<Value> = place.journal().iter().map(|snapshot| json!(snapshot.time)).collect();
    let lost: Vec<&Value> = taken.iter().filter(|time| !kept.contains(time)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(place.store().leader().unwrap(), None, "the lease is given back");
    assert_eq!(place.token(), None, "nobody is told of an API that is gone");
}

#[test]
fn sighup_looks_at_the_policies_again_and_ends_nothing() {
    let place = in_canary();
    // It would look by itself in a minute, and it is told of no change.
    place.write("rollgate.toml", "[reload]\npoll = \"1m\"\n");
    let controller = place.run("");
    let before = controller.leads("checkout")["policy"].clone();
    controller.process.signal("HUP");
    controller.process.says("asked to look at the policies again");
    place.policy("checkout", &POLICY.replace("\"1s\"", "\"2h\""));
    controller.process.signal("HUP");
    controller.view_where("checkout", "the edit is in force", |view| view["policy"] != before);
    controller.ends();
}

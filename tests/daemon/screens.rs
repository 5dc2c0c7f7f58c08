//! What an SRE sees of a controller that runs, and what a pipeline hears: status, its watch and its waits, and the proof
//! that the ledger is whole, through the API.

use std::process::Command;
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};

use crate::place::{Controller, POLICY, Place, reading};
use crate::process::Process;
use crate::redis_support::Server;

/// A command that goes on: what it prints comes out where a process is listened to.
fn going_on(place: &Place, words: &str) -> Process {
    let command = place.command(words);
    let mut both = Command::new("sh");
    both.current_dir(place.path()).args(["-c", "exec \"$0\" \"$@\" 1>&2"]);
    both.arg(command.get_program()).args(command.get_args()).env("USER", "ana");
    Process::start(&both)
}

/// What it said once it ended, and with which code.
fn ended(mut process: Process) -> (Option<i32>, String) {
    let said = process.last_words();
    (process.ends().code(), said)
}

/// In canary for an hour, on a folder of its own.
fn in_canary() -> (Place, Controller) {
    let place = Place::empty();
    place.policy("checkout", &POLICY.replace("\"1s\"", "\"1h\""));
    let controller = place.run("");
    controller.to_canary("checkout");
    (place, controller)
}

#[test]
fn status_gives_the_reason_of_the_last_decision_and_not_the_ledgers() {
    let (place, controller) = in_canary();
    let blind = place.screen("status");
    assert!(blind.contains("error_rate is unknown: absent"), "{blind}");
    assert!(blind.contains("SEV") && blind.contains("DATA") && blind.contains("none"), "{blind}");
    controller.reads("checkout", 0.2);
    controller.view_where("checkout", "it bakes", |view| view["decision"]["findings"][0]["state"] == "ok");
    let baking = place.screen("status");
    assert!(baking.contains("left") && baking.contains("bake 0s of 1h"), "{baking}");
    let rows = place.output("status --output json").stdout;
    let rows: Value = serde_json::from_slice(&rows).unwrap();
    let row = &rows["rollouts"][0];
    assert_eq!((&row["phase"], &row["stage"], &row["leads"]), (&"hold".into(), &"canary".into(), &true.into()));
    assert_eq!((&row["severity"], &row["data_stale"]), (&Value::Null, &false.into()), "{row:#}");
    assert_eq!(row["decision"]["because"][0]["reason"], "bake", "{row:#}");
    assert!(row["data_age"].is_string() && row["leader"].is_string(), "{row:#}");
    controller.ends();
    let alone: Value = serde_json::from_slice(&place.output("status --output json").stdout).unwrap();
    let row = alone["rollouts"][0].as_object().unwrap();
    assert!(!row.contains_key("leads") && !row.contains_key("severity"), "{row:#?}");
}

#[test]
fn an_edit_that_is_turned_away_is_below_its_row_with_both_digests() {
    let (place, controller) = in_canary();
    place.policy("checkout", &POLICY.replace("\"10%\"", "\"110%\""));
    let rejected = |view: &Value| view["files"]["rejected"].is_object();
    let view = controller.view_where("checkout", "it is turned away", rejected);
    let screen = place.screen("status");
    let in_force = &view["policy"].as_str().unwrap()[..7];
    let about = screen.lines().position(|line| line.contains("policy:")).unwrap_or_else(|| panic!("{screen}"));
    let told = screen.lines().skip(about).take(2).collect::<String>();
    assert!(told.contains("was turned away") && told.contains(&format!("{in_force} stays in force")), "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    controller.ends();
}

#[test]
fn a_breach_read_before_the_stage_was_entered_says_what_it_waits_for() {
    let place = Place::empty();
    place.policy("checkout", &POLICY.replace("\"1s\"", "\"1h\""));
    let controller = place.run("");
    controller.leads("checkout");
    controller.does("checkout", "start", json!({"revision": "r1"}));
    let before = reading("checkout", 9.0);
    controller.does("checkout", "advance", json!({}));
    controller.view_where("checkout", "it is in canary", |view| view["phase"] == "hold" && view["stage"] == "canary");
    assert_eq!(controller.push(&before).status, 202);
    controller.view_where("checkout", "it is pending", |view| view["decision"]["findings"][0]["state"] == "pending");
    let words = "older than this stage; waits for one observed in it";
    for command in ["status --detailed", "explain checkout"] {
        let screen = place.screen(command);
        assert!(one_line(&screen).contains(words), "{command}: {screen}");
    }
    assert!(place.screen("status").contains("(P0)"), "pending, not firing");
    controller.reads("checkout", 9.0);
    controller.view_where("checkout", "it is taken back", |view| view["phase"] == "rolled_back");
    controller.ends();
}

#[test]
fn a_controller_that_only_follows_is_found_in_its_folder_and_says_who_leads() {
    let redis = Server::durable();
    let places = [Place::at(&redis.url()), Place::at(&redis.url())];
    places.iter().for_each(|place| place.policy("checkout", &POLICY.replace("\"1s\"", "\"1h\"")));
    let one = places[0].run("");
    one.to_canary("checkout");
    let two = places[1].run("");
    let view = two.view_where("checkout", "it follows", |view| view["stage"] == "canary" && view["leader"].is_string());
    assert_eq!(view["leads"], false, "{view:#}");
    let leader = view["leader"].as_str().unwrap().to_owned();
    assert_eq!(one.view("checkout").unwrap()["leader"], leader);
    let follows = one_line(&places[1].screen("status"));
    assert!(follows.contains(&format!("it only follows, and may take back: {leader} leads")), "{follows}");
    assert!(!places[0].screen("status").contains("follows"), "the leader leads");
    // Both read the same ledger.
    for place in &places {
        let verified = place.screen("audit verify");
        assert!(verified.contains("exit status: 0"), "{verified}");
        assert!(!place.store_file().exists(), "a command went to a store of its own");
    }
    one.ends();
    two.ends();
}

fn one_line(screen: &str) -> String {
    screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn before_the_first_start_explain_says_how_to_begin() {
    let place = Place::new();
    let controller = place.run("");
    controller.leads("checkout");
    let screen = place.screen("explain checkout");
    assert!(screen.contains("NOT STARTED") && screen.contains("rollgate start"), "{screen}");
    assert!(!screen.contains("(0%)") && !screen.contains("no stage"), "{screen}");
    controller.ends();
}

#[test]
fn a_watch_prints_a_line_per_change_and_survives_the_controller() {
    let (place, mut controller) = in_canary();
    let watch = going_on(&place, "status --watch");
    watch.says("hold in canary at 10%");
    controller.reads("checkout", 9.0);
    let taken = watch.says("rolled back in off at 0%");
    assert!(taken.contains("error_rate 9% is above 5%"), "{taken}");
    controller.view_where("checkout", "it is looked at again", |view| view["at"].as_str() > view["since"].as_str());
    let lines = watch.said();
    assert_eq!(lines.matches("rolled back in off").count(), 1, "a change is told once:\n{lines}");
    controller.process.kill();
    watch.says("no controller runs: nothing is watched");
    let again = place.run("");
    watch.says(&format!("the controller at http://{} answers", again.api.address));
    again.does("checkout", "start", json!({"revision": "r2"}));
    watch.says("hold in off at 0%");
    watch.signal("INT");
    assert_eq!(ended(watch).0, Some(0));
    again.ends();
}

#[test]
fn a_watch_is_json_lines_for_programs() {
    let (place, controller) = in_canary();
    let watch = going_on(&place, "status --watch --output jsonl");
    let first = watch.says("\"kind\":\"standing\"");
    let row: Value = serde_json::from_str(&first).unwrap();
    assert_eq!((&row["rollout"], &row["stage"]), (&"checkout".into(), &"canary".into()));
    watch.signal("TERM");
    assert_eq!(ended(watch).0, Some(0));
    controller.ends();
}

#[test]
fn a_watch_on_a_terminal_draws_over_itself() {
    let (place, controller) = in_canary();
    let mut command = Command::new("script");
    // A terminal of nobody's has no size yet.
    let words = format!("stty rows 24 cols 80; exec {} status --watch", env!("CARGO_BIN_EXE_rollgate"));
    command.current_dir(place.path()).args(["-qefc", &words, "screen.txt"]).env("TERM", "xterm").env("COLUMNS", "80");
    let watch = Process::start(&command);
    let drawn = || std::fs::read_to_string(place.path().join("screen.txt")).unwrap_or_default();
    crate::place::until("it is drawn", || drawn().contains("canary 10%").then_some(()));
    controller.reads("checkout", 9.0);
    crate::place::until("it is drawn over", || drawn().contains("ROLLED BACK").then_some(()));
    let screen = drawn();
    // Home, and never the scrollback: what was there before the command stays.
    assert!(screen.matches("\u{1b}[H").count() > 1 && !screen.contains("\u{1b}[3J"), "{screen:?}");
    watch.signal("TERM");
    ended(watch);
    controller.ends();
}

#[test]
fn a_wait_ends_with_0_when_it_has_come_to_that() {
    let place = Place::new();
    let controller = place.run("");
    controller.to_canary("checkout");
    let wait = going_on(&place, "status checkout --wait stage:staged --timeout 30s");
    wait.says("waiting for checkout (production) to be stage:staged, 30s at most");
    wait.says("hold in canary");
    controller.reads("checkout", 0.2);
    let (code, said) = ended(wait);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("stage:staged after") && said.contains("staged at 50%"), "{said}");
    // What it stands above, it has reached.
    assert_eq!(place.output("status --wait stage:canary --timeout 1s").status.code(), Some(0));
    let wait = going_on(&place, "status --wait rolled-back --timeout 30s");
    wait.says("hold in staged");
    controller.reads("checkout", 9.0);
    assert_eq!(ended(wait).0, Some(0));
    controller.ends();
}

#[test]
fn a_wait_ends_with_11_when_it_was_rolled_back_instead() {
    let (place, controller) = in_canary();
    let wait = going_on(&place, "status checkout --wait done --timeout 30s --output json");
    wait.says("hold in canary");
    controller.reads("checkout", 9.0);
    let (code, said) = ended(wait);
    assert_eq!(code, Some(11), "{said}");
    let json: Value = serde_json::from_str(&said[said.find("{\n").unwrap()..]).unwrap();
    assert_eq!(
        (&json["kind"], &json["ended"], &json["reached"]),
        (&"wait".into(), &"rolled_back".into(), &false.into())
    );
    assert_eq!(json["rollout"]["stage"], "off");
    controller.ends();
}

#[rstest]
#[case::it_holds(true, 10)]
#[case::nobody_can_tell(false, 12)]
fn a_wait_whose_time_is_up_says_whether_it_holds_or_is_blind(#[case] with_data: bool, #[case] code: i32) {
    let (place, controller) = in_canary();
    if with_data {
        controller.reads("checkout", 0.2);
        controller.view_where("checkout", "it bakes", |view| view["decision"]["findings"][0]["state"] == "ok");
    }
    let output = place.output("status --wait done --timeout 300ms");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains("not done within 300ms"), "{said}");
    controller.ends();
}

#[test]
fn a_controller_that_dies_under_a_wait_is_no_success() {
    let (place, mut controller) = in_canary();
    let (url, token) = (format!("http://{}", controller.api.address), controller.api.token.clone().unwrap());
    let mut command = place.command(&format!("status checkout --wait rolled-back --timeout 3s --api {url}"));
    command.env("ROLLGATE_TOKEN", token);
    let wait = Process::start(&command);
    wait.says("hold in canary");
    controller.process.kill();
    wait.says("no controller answers at");
    let (code, said) = ended(wait);
    assert_eq!(code, Some(12), "{said}");
}

#[rstest]
#[case::of_this_folder(false)]
#[case::that_was_named(true)]
fn a_controller_that_hangs_under_a_wait_is_no_success_and_not_waited_for(#[case] is_named: bool) {
    let (place, controller) = in_canary();
    let (url, token) = (format!("http://{}", controller.api.address), controller.api.token.clone().unwrap());
    let named = if is_named { format!("--api {url}") } else { String::new() };
    let mut command = place.command(&format!("status checkout --wait rolled-back --timeout 2s {named}"));
    command.env("ROLLGATE_TOKEN", token);
    let wait = Process::start(&command);
    wait.says("hold in canary");
    // From here on it takes connections, and says nothing.
    controller.process.pause();
    let hangs = Instant::now();
    let (code, said) = ended(wait);
    assert!(hangs.elapsed() < Duration::from_secs(5), "{:?}: {said}", hangs.elapsed());
    assert_eq!(code, Some(12), "{said}");
    controller.process.resume();
}

#[test]
fn a_policy_file_that_goes_away_under_a_wait_is_no_success() {
    let (place, controller) = in_canary();
    controller.reads("checkout", 0.2);
    let wait = going_on(&place, "status checkout --wait stage:staged --timeout 2s");
    wait.says("hold in canary");
    std::fs::remove_dir_all(place.path().join("policies/checkout")).unwrap();
    let (code, said) = ended(wait);
    assert_eq!(code, Some(10), "{said}");
    controller.ends();
}

#[rstest]
#[case::no_such_stage("status --wait stage:nowhere", "its stages are off, canary, staged, full")]
#[case::no_such_rollout("status other --wait done", "there is checkout")]
#[case::no_such_condition("status --wait finished", "stage:NAME")]
#[case::a_time_without_a_wait("status --timeout 5m", "--wait")]
fn a_wait_for_what_cannot_be_ends_at_once_with_2(#[case] words: &str, #[case] help: &str) {
    let (place, controller) = in_canary();
    let screen = place.screen(words);
    assert!(screen.contains(help) && screen.contains("exit status: 2"), "{screen}");
    controller.ends();
}

#[test]
fn a_wait_that_is_interrupted_is_no_success() {
    let (place, controller) = in_canary();
    let wait = going_on(&place, "status --wait done --timeout 5m");
    wait.says("hold in canary");
    wait.signal("INT");
    let (code, said) = ended(wait);
    assert_eq!((code, said.contains("interrupted")), (Some(1), true), "{said}");
    controller.ends();
}

#[test]
fn without_a_controller_the_ledger_is_waited_on() {
    let (place, controller) = in_canary();
    controller.ends();
    let wait = going_on(&place, "status --wait held --timeout 30s");
    wait.says("no controller runs");
    // The store is free meanwhile: whoever waits does not hold it.
    let hold = place.output("hold checkout --reason night");
    assert!(hold.status.success(), "{}", String::from_utf8_lossy(&hold.stderr));
    let (code, said) = ended(wait);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_ledger_is_verified_and_exported_while_its_controller_runs() {
    let (place, controller) = in_canary();
    let verified = place.screen("audit verify");
    assert!(verified.contains("11 entries, 1 to 11") && verified.contains("exit status: 0"), "{verified}");
    assert!(one_line(&verified).contains("seals and order were checked here"), "{verified}");
    let checked = place.screen("store check");
    assert!(checked.contains("the state is their fold") && checked.contains("checked by the controller"), "{checked}");
    let export = place.output("audit export").stdout;
    let backup = place.output("store export").stdout;
    place.write("ledger.jsonl", &String::from_utf8(export.clone()).unwrap());
    place.write("backup.jsonl", &String::from_utf8(backup).unwrap());
    for file in ["ledger.jsonl", "backup.jsonl"] {
        let verified = place.screen(&format!("audit verify {file}"));
        assert!(verified.contains("exit status: 0"), "{file}: {verified}");
    }
    controller.ends();
    // The bytes are those that the store itself gives.
    assert_eq!(place.output("audit export").stdout, export);
    let imported = place.screen("store import backup.jsonl --store restored.redb");
    assert!(imported.contains("exit status: 0"), "{imported}");
    let restored = place.screen("store check --store restored.redb");
    assert!(restored.contains("the state is their fold"), "{restored}");
    let (one, other) = (place.screen("status --detailed"), place.screen("status --detailed --store restored.redb"));
    let exposed = |screen: &str| screen.lines().filter(|line| line.contains(" at 10 %")).count();
    assert_eq!((exposed(&one), exposed(&other)), (3, 3), "{one}{other}");
}

#[test]
fn a_ledger_that_begins_at_a_checkpoint_is_verified_from_there() {
    let (place, controller) = in_canary();
    controller.ends();
    let pruned = place.screen("store prune --keep 1ms");
    assert!(pruned.contains("dropped"), "{pruned}");
    let controller = place.run("");
    controller.leads("checkout");
    let verified = place.screen("audit verify");
    assert!(verified.contains("exit status: 0") && !verified.contains(", 1 to "), "{verified}");
    place.write("ledger.jsonl", &String::from_utf8(place.output("audit export").stdout).unwrap());
    assert!(place.screen("audit verify ledger.jsonl").contains("exit status: 0"));
    controller.ends();
}

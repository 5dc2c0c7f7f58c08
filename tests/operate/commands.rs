//! Screens and exit codes.

#![expect(clippy::disallowed_methods, reason = "tests write and damage the files that the binary is run on")]

use std::fs;

use rstest::rstest;

use super::bench::Bench;
use super::support::screen_of;

/// Times belong to the machine, digests and hashes to the text; neither is what a screen is about.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]");
    settings.add_filter(r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "[time]");
    settings.add_filter(r"\b\d\d:\d\d:\d\d\b", "[time]  ");
    settings.add_filter(r"\b[0-9a-f]{64}\b", "[hash]");
    settings.add_filter(r"\b(policy|replaces|in) [0-9a-f]{7}\b", "$1 [hash7]");
    settings.add_filter(r"\b(2h|1h\d\dm\d\ds) left", "[length] left");
    settings.add_filter(r"  \d+s +([a-z\[!?])", "  [s]    $1");
    settings.add_filter(r"  \d+s\n  why", "  [ago]\n  why");
    settings
}

macro_rules! looks {
    ($text:expr) => {
        settings().bind(|| insta::assert_snapshot!($text))
    };
}

#[test]
fn a_rollout_walks_up_and_is_taken_back() {
    let bench = Bench::new();
    let mut text = String::new();
    for words in [
        "start policies/checkout --revision r812",
        "advance",
        "approve --role security",
        "advance",
        "rollback --to off --dry-run",
        "rollback",
        "resume",
    ] {
        text.push_str(&format!("$ rollgate {words}\n{}\n", bench.screen(words)));
    }
    looks!(text);
}

#[test]
fn start_by_the_name_of_a_rollout_is_told_the_folder_of_its_policy() {
    let bench = Bench::new();
    looks!(bench.screen("start checkout --revision r812"));
    let elsewhere = bench.screen("start search --revision r812");
    assert!(!elsewhere.contains("policies/"), "no such policy: {elsewhere}");
}

#[test]
fn status_shows_the_worst_first() {
    let bench = Bench::in_canary();
    for (name, verb) in [("search", "hold search --for 2h"), ("billing", "pause billing")] {
        let policy = fs::read_to_string(bench.folder.path().join("policies/checkout/policy.toml")).unwrap();
        let text = policy.replace("\"checkout\"", &format!("\"{name}\"")).replace("new_", &format!("{name}_"));
        bench.policy(name, &text);
        bench.ok(&format!("start policies/{name} --revision r1"));
        bench.ok(verb);
    }
    bench.policy(
        "last",
        &fs::read_to_string(bench.folder.path().join("policies/checkout/policy.toml"))
            .unwrap()
            .replace("\"checkout\"", "\"last\""),
    );
    bench.ok("start policies/last --revision r1");
    bench.ok("rollback checkout");
    looks!(bench.screen("status"));
}

#[test]
fn status_in_detail_shows_each_feature() {
    let bench = Bench::in_canary();
    bench.ok("mute errors --for 2h --force");
    looks!(bench.screen("status --detailed"));
}

#[test]
fn status_is_json_for_programs() {
    let bench = Bench::in_canary();
    let output = bench.command("status --output json").output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["kind"], "status");
    let row = &status["rollouts"][0];
    assert_eq!((row["phase"].as_str(), row["stage"].as_str()), (Some("hold"), Some("canary")));
    assert_eq!((row["traffic"].as_f64(), row["generation"].as_u64()), (Some(10.0), Some(2)));
    assert_eq!(row["exposures"].as_array().unwrap().len(), 2);
}

#[test]
fn audit_lists_who_did_what_and_why() {
    let bench = Bench::in_canary();
    bench.ok("hold --until 2099-01-01T00:00:00Z --by ben");
    bench.command("advance --triggered-by carla").assert().code(1);
    bench.ok("emergency-disable --updated-by ben");
    looks!(bench.screen("audit list"));
}

#[test]
fn audit_shows_one_entry_in_full() {
    let bench = Bench::in_canary();
    looks!(bench.screen("audit show 5"));
}

#[test]
fn audit_filters_by_actor_kind_and_time() {
    let bench = Bench::in_canary();
    bench.ok("pause --by ben");
    let count = |filter: &str| {
        let output = bench.command(&format!("audit list --output jsonl {filter}")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    assert_eq!(count("--actor ben"), 1);
    assert_eq!(count("--kind applied"), 2);
    assert_eq!(count("--kind applied --kind started"), 3);
    assert_eq!(count("--since 1h"), count(""));
    assert_eq!(count("--since 2099-01-01T00:00:00Z"), 0);
    assert_eq!(count("--last 2"), 2);
    bench.command("audit list --rollout other").assert().code(2);
}

#[test]
fn an_export_verifies_anywhere_and_a_changed_one_does_not() {
    let bench = Bench::in_canary();
    let export = bench.command("audit export").output().unwrap().stdout;
    let file = bench.folder.path().join("ledger.jsonl");
    fs::write(&file, &export).unwrap();
    fs::remove_file(bench.store_file()).unwrap();
    bench.ok("audit verify ledger.jsonl");
    let text = String::from_utf8(export).unwrap();
    fs::write(&file, text.replacen("\"ana\"", "\"bob\"", 1)).unwrap();
    looks!(bench.screen("audit verify ledger.jsonl"));
    fs::write(&file, text.lines().take(3).collect::<Vec<_>>().join("\n")).unwrap();
    looks!(bench.screen("audit verify ledger.jsonl"));
}

#[test]
fn a_backup_is_restored_elsewhere() {
    let bench = Bench::in_canary();
    let backup = bench.command("store export").output().unwrap().stdout;
    fs::write(bench.folder.path().join("backup.jsonl"), &backup).unwrap();
    bench.ok("audit verify backup.jsonl");
    bench.ok("store import backup.jsonl --store restored.redb");
    bench.ok("store check --store restored.redb");
    let again = bench.command("store export --store restored.redb").output().unwrap().stdout;
    assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(backup).unwrap());
    bench.command("store import backup.jsonl --store restored.redb").assert().code(1);
    bench.ok("rollback --store restored.redb");
}

#[test]
fn a_policy_is_adopted_shown_and_taken_back() {
    let bench = Bench::in_canary();
    bench.edited("above = \"5%\"", "above = \"4%\"");
    let mut text = bench.screen("policy adopt policies/checkout");
    text.push_str(&bench.screen("policy adopt policies/checkout"));
    let first = &bench.rollout_digest(0)[..12];
    text.push_str(&bench.screen(&format!("policy back {first}")));
    text.push_str(&bench.screen("policy history"));
    text.push_str(&bench.screen("policy show"));
    bench.renamed("canary", "first");
    text.push_str(&bench.screen("policy adopt policies/checkout"));
    text.push_str(&bench.screen("policy back 0000000"));
    looks!(text);
}

impl Bench {
    /// The digest of the policy that came into force as the `nth`.
    fn rollout_digest(&self, nth: usize) -> String {
        let output = self.command("policy history --output jsonl").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let entry: serde_json::Value = serde_json::from_str(text.lines().nth(nth).unwrap()).unwrap();
        entry["what"]["new"].as_str().unwrap().to_owned()
    }
}

#[rstest]
#[case::no_reason("pause --reason  ", 2)]
#[case::unknown_rollout("pause nothing", 2)]
#[case::unknown_environment("pause -e staging", 2)]
#[case::hold_in_the_past("hold --until 2020-01-01T00:00:00Z", 2)]
#[case::a_mute_needs_an_end("mute errors", 2)]
#[case::not_a_duration("hold --for soon", 2)]
#[case::resume_of_nothing("resume", 1)]
#[case::an_approval_nobody_asked_for("approve --role gardener", 1)]
#[case::a_roll_back_upwards("rollback --to full", 1)]
#[case::a_stage_that_is_not_there("rollback --to nowhere", 1)]
#[case::a_check_that_is_not_there("mute nothing --for 1h", 1)]
#[case::another_store("status --store none.redb", 1)]
#[case::no_entry("audit show 999", 2)]
#[case::no_policy_there("start nowhere --revision r1", 1)]
fn what_cannot_be_done_ends_with_its_code(#[case] words: &str, #[case] code: i32) {
    let bench = Bench::in_canary();
    bench.command(words).assert().code(code);
}

#[test]
fn a_refused_order_is_in_the_ledger() {
    let bench = Bench::in_canary();
    let before = bench.entries().len();
    looks!(bench.screen("rollback --to full"));
    let entries = bench.entries();
    assert_eq!(entries.len(), before + 1);
    let last = entries.last().unwrap().record();
    assert_eq!((last.actor.as_str(), last.reason.as_str()), ("ana", "because of the night"));
}

#[test]
fn advancing_without_data_is_refused_and_says_what_is_missing() {
    looks!(Bench::in_canary().screen("advance"));
}

#[test]
fn an_order_without_a_name_asks_for_one() {
    let bench = Bench::in_canary();
    let mut command = bench.command("pause");
    command.env_remove("USER").env_remove("LOGNAME").env_remove("USERNAME");
    looks!(screen_of(&mut command));
}

#[test]
fn the_person_behind_sudo_is_the_one_who_is_named() {
    let bench = Bench::in_canary();
    let mut command = bench.command("pause");
    command.env("USER", "root").env("SUDO_USER", "ana").assert().success();
    assert_eq!(bench.entries().last().unwrap().record().actor.as_str(), "ana");
}

#[test]
fn a_name_is_asked_for_when_the_store_has_several() {
    let bench = Bench::in_canary();
    let overlays = bench.folder.path().join("policies/checkout/env");
    fs::create_dir(&overlays).unwrap();
    fs::write(overlays.join("staging.toml"), "").unwrap();
    bench.ok("start policies/checkout --revision r1 -e staging");
    bench.command("pause").assert().code(2);
    bench.ok("pause -e staging");
    looks!(bench.screen("status"));
    bench.ok("emergency-disable --all");
    let phases = bench.screen("status --plain");
    assert_eq!(phases.matches("rolled back in off at 0%").count(), 2, "{phases}");
}

#[test]
fn a_policy_that_no_longer_compiles_holds_and_can_be_taken_back() {
    let bench = Bench::in_canary();
    let text = String::from_utf8(bench.command("store export").output().unwrap().stdout).unwrap();
    // What a newer rollgate's policy is to an older one.
    fs::write(bench.folder.path().join("backup.jsonl"), text.replacen("schema = 1", "schema = 9", 1)).unwrap();
    fs::remove_file(bench.store_file()).unwrap();
    bench.ok("store import backup.jsonl");
    bench.command("store check").assert().code(6);
    let mut text = bench.screen("status");
    text.push_str(&bench.screen("advance"));
    text.push_str(&bench.screen("rollback --to canary"));
    looks!(text);
    bench.ok("emergency-disable");
    let rollout = bench.rollout();
    assert_eq!(rollout.state.stage.as_str(), "off");
    assert!(rollgate::control::exposure::is_nothing(&rollout.exposed));
}

#[test]
fn many_people_at_once_are_all_heard_in_some_order() {
    let bench = Bench::in_canary();
    let before = bench.entries().len();
    let children: Vec<_> = (0..6)
        .map(|person| {
            let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_rollgate"));
            child.current_dir(bench.folder.path()).args(["pause", "--reason", "because", "--by"]);
            child.arg(format!("person-{person}")).spawn().unwrap()
        })
        .collect();
    let heard = children.into_iter().map(|child| child.wait_with_output().unwrap().status.success());
    let heard = heard.filter(|heard| *heard).count();
    // One that waited longer than it is willing to was told so; nobody's order was half done.
    assert!(heard > 0);
    assert_eq!(bench.entries().len(), before + heard);
    bench.ok("audit verify");
}

//! The binary as a user drives it: screens as snapshots, exit codes as a table.

#![expect(clippy::disallowed_methods, reason = "tests write the trees that the binary is run on")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use rstest::rstest;
use tempfile::TempDir;

mod support;

use support::{rollgate, screen, screen_of};

/// A tree with the three templates of `init`.
fn tree() -> TempDir {
    let tree = TempDir::new().unwrap();
    for template in ["canary", "seven-day", "web-service"] {
        rollgate(tree.path(), &["init", "--template", template]).assert().success();
    }
    tree
}

/// Digests belong to the templates' text and times to the machine; neither is what a screen is about.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[0-9a-f]{7}\b", "[digest]");
    settings.add_filter(r"\b[0-9a-f]{64}\b", "[digest]");
    settings.add_filter(r"in (\d+m)?(\d+s)?(\d+ms)?([:\n])", "in [time]$4");
    settings.add_filter(r"in 0s", "in [time]");
    settings
}

macro_rules! looks {
    ($text:expr) => {
        settings().bind(|| insta::assert_snapshot!($text))
    };
}

const NIGHT: [&str; 3] = ["replay", "policies/request-isolation", "fixtures/request-isolation-night-leak"];

#[test]
fn init_writes_a_tree_that_is_sound_and_passes_its_own_tests() {
    let tree = tree();
    looks!(screen(tree.path(), &["check", "--fail-level", "warning"]));
    rollgate(tree.path(), &["test"]).assert().success();
    rollgate(tree.path(), &["fmt", "--check"]).assert().success();
}

#[test]
fn init_overwrites_nothing() {
    let tree = tree();
    let path = tree.path().join("policies/my-rollout/policy.toml");
    fs::write(&path, "# mine\n").unwrap();
    looks!(screen(tree.path(), &["init"]));
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
}

#[test]
fn init_takes_a_name() {
    let tree = TempDir::new().unwrap();
    looks!(screen(tree.path(), &["init", "--name", "checkout-cache", "rollouts"]));
    let policy = fs::read_to_string(tree.path().join("rollouts/policies/checkout-cache/policy.toml")).unwrap();
    assert!(policy.contains(r#""checkout_cache""#) && !policy.contains("my-rollout"), "{policy}");
    rollgate(tree.path(), &["test", "rollouts"]).assert().success();
}

#[test]
fn replay_shows_the_run_the_changes_and_the_deciding_check() {
    let tree = tree();
    looks!(screen(tree.path(), &NIGHT));
}

#[test]
fn replay_uses_the_room_of_a_wide_screen() {
    let tree = tree();
    looks!(screen_of(rollgate(tree.path(), &NIGHT).env("COLUMNS", "120")));
}

#[test]
fn replay_in_ascii_is_ascii() {
    let tree = tree();
    let text = screen_of(rollgate(tree.path(), &NIGHT).arg("--ascii"));
    assert!(text.is_ascii());
    looks!(text);
}

#[test]
fn replay_drops_the_bands_on_a_narrow_screen() {
    let tree = tree();
    let text = screen_of(rollgate(tree.path(), &NIGHT).env("COLUMNS", "60"));
    assert!(!text.contains("severity  "), "{text}");
    looks!(text);
}

#[test]
fn replay_in_plain_is_one_fact_per_line() {
    let tree = tree();
    looks!(screen_of(rollgate(tree.path(), &NIGHT).arg("--plain")));
}

#[test]
fn replay_streams_one_record_per_change() {
    let tree = tree();
    let output = rollgate(tree.path(), &NIGHT).args(["--output", "jsonl"]).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let records: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let decisions: Vec<&str> = records.iter().map(|record| record["decision"].as_str().unwrap()).collect();
    let rolled_back = records.iter().filter(|record| record["decision"] == "roll_back");
    let (acted, told): (Vec<_>, Vec<_>) = rolled_back.partition(|record| record["acted"] == true);
    assert_eq!(acted.len(), 1);
    assert_eq!(decisions.iter().filter(|decision| **decision == "advance").count(), 2);
    assert!(records.iter().all(|record| record["schema"] == "rollgate/v1" && record["kind"] == "decision"));
    // The table's WOULD ROLL BACK rows are there, with the check that would have.
    let table: serde_json::Value =
        serde_json::from_slice(&rollgate(tree.path(), &NIGHT).args(["--output", "json"]).output().unwrap().stdout)
            .unwrap();
    let would = |row: &&serde_json::Value| row["would"] == true;
    let rows: Vec<_> = table["rows"].as_array().unwrap().iter().filter(would).collect();
    assert!(!told.is_empty() && told.len() == rows.len(), "{} of {}", told.len(), rows.len());
    for (record, row) in told.iter().zip(rows) {
        assert_eq!((&record["time"], &record["headline"]), (&row["time"], &row["because"]));
        assert_eq!((&record["because"][0]["check"], &record["severity"]), (&row["check"], &row["severity"]));
        assert!(record["acted"] == false && record["to"].is_null() && record["findings"].is_array());
    }
    let every = rollgate(tree.path(), &NIGHT).args(["--output", "jsonl", "--all"]).output().unwrap();
    assert!(every.stdout.iter().filter(|byte| **byte == b'\n').count() > 400);
}

#[test]
fn replay_with_a_value_changed_says_so_and_decides_by_it() {
    let tree = tree();
    let mut command = rollgate(tree.path(), &NIGHT);
    let text = screen_of(command.args(["--set", "isolation_score.p0.below=96.5%", "--exit-decision"]));
    assert!(text.contains("isolation_score.p0: below 95% -> 96.5%"), "{text}");
    assert!(text.contains("Thu 03:00 canary → off"), "{text}");
    assert!(text.ends_with("exit 11\n"), "{text}");
}

#[test]
fn explain_shows_the_decision_in_force_and_what_would_have_changed_it() {
    let tree = tree();
    let night = ["explain", NIGHT[1], NIGHT[2]];
    looks!(screen(tree.path(), &night));
    looks!(screen(tree.path(), &[&night[..], &["--at", "2026-03-05T02:45:00Z", "--plain"]].concat()));
}

#[test]
fn explain_prints_the_page_of_a_code() {
    let tree = TempDir::new().unwrap();
    looks!(screen(tree.path(), &["explain", "rg046"]));
    looks!(screen(tree.path(), &["explain", "RG107"]));
}

#[test]
fn check_reports_every_problem_in_one_run() {
    let tree = tree();
    let path = tree.path().join("policies/my-rollout/policy.toml");
    let text = fs::read_to_string(&path).unwrap().replace("bake    = \"2h\"", "bake    = \"2h\"\ntrafic = \"5%\"");
    fs::write(&path, text.replace("p0 = { above = \"5%\" }", "p0 = { above = \"500%\" }")).unwrap();
    let arguments = ["check", "policies/my-rollout"];
    looks!(screen(tree.path(), &arguments));
    looks!(screen_of(rollgate(tree.path(), &arguments).arg("--plain")));
    looks!(screen_of(rollgate(tree.path(), &arguments).args(["--output", "json"])));
}

#[test]
fn check_shows_where_each_value_in_force_was_written() {
    let tree = tree();
    looks!(screen(tree.path(), &["check", "policies/request-isolation", "--show-origin", "-e", "staging"]));
}

#[test]
fn check_with_evidence_names_what_no_recording_touches() {
    let tree = tree();
    looks!(screen(tree.path(), &["check", "--evidence"]));
}

#[test]
fn two_policies_may_not_own_one_feature() {
    let tree = tree();
    let path = tree.path().join("policies/web-service/policy.toml");
    let text = fs::read_to_string(&path).unwrap().replace("\"web_service\"", "\"my_rollout\"");
    fs::write(&path, text).unwrap();
    looks!(screen(tree.path(), &["check"]));
}

#[test]
fn a_failing_test_says_what_was_expected_what_came_and_where_it_is_written() {
    let tree = tree();
    let path = tree.path().join("policies/my-rollout/policy.toml");
    let text = fs::read_to_string(&path).unwrap().replace("\"5%\"", "\"6%\"");
    fs::write(&path, text).unwrap();
    looks!(screen(tree.path(), &["test", "policies/my-rollout"]));
}

#[test]
fn a_golden_timeline_is_written_compared_and_explained() {
    let tree = tree();
    let fixture = "fixtures/request-isolation-night-leak";
    rollgate(tree.path(), &["test", fixture, "--bless"]).assert().success();
    rollgate(tree.path(), &["test", fixture]).assert().success();
    let path = tree.path().join("policies/request-isolation/policy.toml");
    let text = fs::read_to_string(&path).unwrap().replace("\"95%\"", "\"96.5%\"");
    fs::write(&path, text).unwrap();
    looks!(screen(tree.path(), &["test", fixture]));
}

#[test]
fn a_policy_over_which_nothing_runs_fails() {
    let tree = tree();
    fs::remove_dir_all(tree.path().join("policies/my-rollout/tests")).unwrap();
    rollgate(tree.path(), &["test", "policies/my-rollout"]).assert().code(5);
    let text = screen(tree.path(), &["test", "policies"]);
    assert!(text.contains("none, and no fixture replays it either"), "{text}");
    assert!(text.ends_with("exit 4\n"), "{text}");
}

#[test]
fn eval_decides_on_one_snapshot() {
    let tree = tree();
    let snapshot = r#"{"time": "2026-03-03T09:00:00Z", "groups": {"treatment": {
        "error_rate": {"value": 5.5, "samples": 1200}, "latency_p95": {"value": 210, "samples": 1200}}}}"#;
    fs::write(tree.path().join("snapshot.json"), snapshot).unwrap();
    let arguments = ["eval", "policies/my-rollout", "snapshot.json", "--exit-decision"];
    looks!(screen(tree.path(), &arguments));
    let mut piped = rollgate(tree.path(), &["eval", "policies/my-rollout", "-", "--output", "json"]);
    let output = piped.write_stdin(snapshot).output().unwrap();
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["decision"], "roll_back");
}

#[test]
fn demo_ends_in_a_roll_back_with_its_reason() {
    let tree = TempDir::new().unwrap();
    looks!(screen(tree.path(), &["demo"]));
}

#[rstest]
#[case::done(&["check", "policies"], 0)]
#[case::a_policy_file_stands_for_its_folder(&["check", "policies/my-rollout/policy.toml"], 0)]
#[case::a_path_that_is_not_there(&["check", "gone"], 1)]
#[case::no_command(&[], 2)]
#[case::unknown_flag(&["check", "--no-such-flag"], 2)]
#[case::unknown_stage(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "--stage", "moon"], 2)]
#[case::several_policies_for_one(&["replay", "policies", "fixtures/my-rollout-error-spike"], 2)]
#[case::unknown_check_to_set(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "--set", "x.p0.below=1"], 2)]
#[case::unknown_code(&["explain", "RG999"], 2)]
#[case::unknown_environment(&["check", "policies/my-rollout", "-e", "moon"], 3)]
#[case::value_that_does_not_compile(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "--set", "error_rate.p0.above=5"], 3)]
#[case::arguments_in_the_wrong_order(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "--from", "2026-03-03T09:20:00Z", "--to", "2026-03-03T09:10:00Z"], 2)]
#[case::mapping_to_no_metric(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike/data.csv", "--map", "a=b"], 2)]
#[case::negative_duration(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "--rearm", "-5m"], 2)]
#[case::environment_the_policy_has_not(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "-e", "staging"], 3)]
#[case::nothing_in_the_span(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "--from", "2027-01-01T00:00:00Z"], 5)]
#[case::snapshot_that_is_not_there(&["eval", "policies/my-rollout", "gone.json"], 6)]
#[case::nothing_to_check(&["check", "schemas"], 5)]
#[case::nothing_to_test(&["test", "schemas"], 5)]
#[case::no_test_of_that_name(&["test", "--filter", "no such test"], 5)]
#[case::data_that_is_not_there(&["replay", "policies/my-rollout", "gone.csv"], 6)]
#[case::data_that_is_none(&["replay", "policies/my-rollout", "schemas/policy.schema.json"], 6)]
#[case::ended_rolled_back(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "--exit-decision"], 11)]
#[case::ended_in_hold(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "--exit-decision", "--to", "2026-03-03T09:15:00Z"], 10)]
#[case::ended_unknown(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike", "--exit-decision", "--to", "2026-03-03T09:02:00Z"], 12)]
fn exit_codes_say_how_it_ended(#[case] arguments: &[&str], #[case] code: i32) {
    let tree = tree();
    rollgate(tree.path(), arguments).assert().code(code);
}

#[test]
fn check_in_json_lines_has_a_line_for_each_policy() {
    let tree = tree();
    let output = rollgate(tree.path(), &["check", "--output", "jsonl"]).output().unwrap();
    let lines: Vec<serde_json::Value> =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let paths: Vec<&str> = lines.iter().filter_map(|line| line["path"].as_str()).collect();
    assert_eq!(paths, ["policies/my-rollout", "policies/request-isolation", "policies/web-service"]);
}

#[test]
fn every_path_that_leads_nowhere_is_named() {
    let tree = tree();
    let said = screen(tree.path(), &["check", "schemas", "gone", "policies"]);
    assert!(said.contains("no policy in `schemas`") && said.contains("cannot read `gone`"), "{said}");
    assert!(said.ends_with("exit 1\n"), "{said}");
}

#[test]
fn fmt_says_where_the_toml_is_broken() {
    let tree = tree();
    let path = tree.path().join("policies/my-rollout/policy.toml");
    let text = fs::read_to_string(&path).unwrap().replace("owner    = \"my-team\"", "owner    =");
    fs::write(&path, text + "x = = 1\n").unwrap();
    looks!(screen(tree.path(), &["fmt", "--check", "policies/my-rollout"]));
}

#[test]
fn fix_mends_overlays_and_fails_while_an_error_is_left() {
    let tree = tree();
    let overlay = tree.path().join("policies/request-isolation/env/staging.toml");
    let text = fs::read_to_string(&overlay).unwrap();
    fs::write(&overlay, text.replacen("bake", "baek", 1)).unwrap();
    let said = screen(tree.path(), &["fix"]);
    assert!(said.contains("env/staging.toml: `baek` renamed `bake`\n1 problem mended, none left\nexit 0"), "{said}");
    assert_eq!(fs::read_to_string(&overlay).unwrap(), text);
    fs::write(&overlay, text + "[[stages]]\nname = \"nowhere\"\n").unwrap();
    let said = screen(tree.path(), &["fix", "--dry-run"]);
    assert!(said.ends_with("1 left; see with: rollgate check\nexit 3\n"), "{said}");
}

#[test]
fn what_init_prints_can_be_pasted() {
    let tree = TempDir::new().unwrap();
    let said = screen(tree.path(), &["init", "our rollouts"]);
    assert!(said.contains("rollgate test 'our rollouts'"), "{said}");
}

#[test]
fn a_test_file_with_problems_names_them_in_order_and_runs_none_of_them() {
    let tree = tree();
    let tests = "[[test]]\nname = \"odd\"\nstage = \"canari\"\n[test.series]\nerror_rate = \"6 fro 10m\"\n\
                 [[test.expect]]\nat = \"5m\"\ndecision = \"hold\"\n\n[[tset]]\n";
    fs::write(tree.path().join("policies/my-rollout/tests/odd.toml"), tests).unwrap();
    looks!(screen(tree.path(), &["test", "policies/my-rollout"]));
}

#[test]
fn one_broken_policy_or_fixture_does_not_hide_what_the_others_say() {
    let tree = tree();
    let policy = tree.path().join("policies/web-service/policy.toml");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, text.replace("schema   = 1", "schema = 99").replace("schema = 1", "schema = 99")).unwrap();
    fs::remove_file(tree.path().join("fixtures/my-rollout-error-spike/data.csv")).unwrap();
    let said = screen(tree.path(), &["test"]);
    for expected in [
        "schema 99",
        "`policies/web-service` does not compile",
        "error-spike/data.csv`",
        "FAILED. 24 passed; 0 failed; 3 not run",
        "exit 6",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let said = screen(tree.path(), &["check", "--evidence"]);
    assert!(said.contains("schema 99") && said.contains("evidence: none") && said.ends_with("exit 3\n"), "{said}");
}

#[test]
fn where_values_were_written_is_told_to_programs_too() {
    let tree = tree();
    let output = rollgate(tree.path(), &["check", "policies/my-rollout", "--show-origin", "--output", "json"]).output();
    let report: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let first = &report["policies"][0]["origins"]["production"][0];
    assert_eq!((first["path"].as_str(), first["line"].as_u64()), (Some("schema"), Some(2)));
}

/// What a replay notes about its data and its arguments.
fn notes(folder: &Path, arguments: &[&str]) -> String {
    let plain = screen(folder, &[&["replay", "policies/my-rollout"], arguments, &["--plain"]].concat());
    plain.lines().filter(|line| line.starts_with("note:") || line.starts_with("data:")).collect::<Vec<_>>().join("\n")
}

#[test]
fn replay_notes_what_the_data_lacks_and_which_arguments_did_nothing() {
    let tree = tree();
    let spike = "fixtures/my-rollout-error-spike/data.csv";
    let all =
        fs::read_to_string(tree.path().join(spike)).unwrap().replace("treatment", "all").replace("latency", "p99");
    fs::write(tree.path().join("all.csv"), all).unwrap();
    let said = notes(tree.path(), &["all.csv", "--map", "gone=error_rate", "--series", "error_rate"]);
    for expected in [
        "no metric is called `p99_p95`: 80 readings",
        "nothing in the data is called `gone`",
        "`--series` names the only series",
        "the data has only all: set `group = \"all\"`",
        "1 check reads `latency_p95`, and the data has none",
        "40 readings have no sample count",
    ] {
        assert_eq!(said.matches(expected).count(), 1, "{expected}\n{said}");
    }
}

#[test]
fn a_replay_that_stops_early_still_names_its_files_in_order() {
    let tree = tree();
    let spike = "fixtures/my-rollout-error-spike/data.csv";
    fs::copy(tree.path().join(spike), tree.path().join("a.csv")).unwrap();
    let said = notes(tree.path(), &[spike, "a.csv", "--to", "2026-03-03T09:10:00Z"]);
    assert!(said.contains(&format!("data: {spike} (csv), a.csv (csv); 11 snapshots every 1m")), "{said}");
}

#[test]
fn packed_data_is_read_from_standard_input_and_an_empty_file_holds_nothing() {
    let tree = tree();
    let run = |bytes: &[u8]| {
        let mut command = rollgate(tree.path(), &["replay", "policies/my-rollout", "-", "--plain"]);
        screen_of(command.write_stdin(bytes))
    };
    let text = fs::read(tree.path().join("fixtures/my-rollout-error-spike/data.csv")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &text).unwrap();
    assert_eq!(run(&gzip.finish().unwrap()), run(&text));
    fs::write(tree.path().join("empty.csv"), "").unwrap();
    rollgate(tree.path(), &["replay", "policies/my-rollout", "empty.csv"]).assert().code(5);
}

#[test]
fn a_fixture_is_replayed_in_its_own_environment_unless_another_is_named() {
    let tree = tree();
    let fixture = ["replay", "policies/request-isolation", "fixtures/request-isolation-night-leak", "--plain"];
    assert!(screen(tree.path(), &fixture).contains("environment production"));
    assert!(screen(tree.path(), &[fixture.as_slice(), &["-e", "staging"]].concat()).contains("environment staging"));
}

#[test]
fn a_value_that_does_not_compile_is_blamed_and_not_the_file() {
    let tree = tree();
    let said = screen(tree.path(), &[NIGHT.as_slice(), &["--set", "isolation_score.p0.below=96"]].concat());
    assert!(said.contains("does not compile with --set isolation_score.p0.below=96"), "{said}");
    assert!(said.contains("the file is as it was") && !said.contains("rollgate check"), "{said}");
}

#[test]
fn eval_names_the_snapshot_as_it_was_given_and_maps_names() {
    let tree = tree();
    let snapshot = r#"{"time": "2026-03-03T09:00:00Z", "groups": {"treatment": {"errors": 6}}}"#;
    let run = |more: &[&str]| {
        let mut command =
            rollgate(tree.path(), &[&["eval", "policies/my-rollout", "-", "--assume-samples", "1000"], more].concat());
        screen_of(command.write_stdin(snapshot))
    };
    assert!(run(&[]).starts_with("error: `standard input` line 1: no metric is called `errors`"), "{}", run(&[]));
    assert!(run(&["--map", "errors=error_rate"]).contains("ROLL BACK"));
}

#[test]
fn a_code_is_explained_to_programs_too() {
    let tree = TempDir::new().unwrap();
    let output = rollgate(tree.path(), &["explain", "RG020", "--output", "json"]).output().unwrap();
    let page: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((page["kind"].as_str(), page["code"].as_str()), (Some("code"), Some("RG020")));
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let tree = tree();
    let has_colour = |command: &mut Command| command.output().unwrap().stdout.contains(&0x1b);
    assert!(!has_colour(&mut rollgate(tree.path(), &["check"])));
    assert!(has_colour(&mut rollgate(tree.path(), &["check", "--color", "always"])));
    assert!(!has_colour(rollgate(tree.path(), &["check", "--color", "auto"]).env("NO_COLOR", "1")));
}

#[test]
fn fmt_changes_spelling_and_keeps_comments() {
    let tree = tree();
    let path = tree.path().join("policies/my-rollout/policy.toml");
    let canonical = fs::read_to_string(&path).unwrap();
    fs::write(&path, canonical.replace("schema = 1", "schema=1").replace("[gates]", "\n\n\n[gates]")).unwrap();
    rollgate(tree.path(), &["fmt", "--check"]).assert().code(3);
    rollgate(tree.path(), &["fmt"]).assert().success();
    assert_eq!(fs::read_to_string(&path).unwrap(), canonical);
}

#[test]
fn completions_manual_pages_and_schemas_are_printed() {
    let tree = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = rollgate(tree.path(), &["completions", shell]).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().contains("exit-decision"), "{shell}");
    }
    rollgate(tree.path(), &["man", "pages"]).assert().success();
    assert!(fs::read_to_string(tree.path().join("pages/rollgate-replay.1")).unwrap().contains("rollgate\\-replay"));
    for of in ["policy", "overlay"] {
        let output = rollgate(tree.path(), &["schema", of]).output().unwrap();
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(schema["properties"]["thresholds"].is_object(), "{of}");
    }
}

#[rstest]
#[case("")]
#[case("check")]
#[case("test")]
#[case("replay")]
fn help_reads_well(#[case] command: &str) {
    let tree = TempDir::new().unwrap();
    let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
    let mut settings = settings();
    settings.set_snapshot_suffix(command);
    settings.bind(|| insta::assert_snapshot!(screen(tree.path(), &arguments)));
}

//! `mutate` as a user drives it: screens as snapshots, exit codes as a table, written tests run again.

#![expect(clippy::disallowed_methods, reason = "tests write the trees that the binary is run on")]

use std::fs;
use std::path::Path;

use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

mod support;

use support::{rollgate, screen};

const POLICY: &str = r#"schema = 1
rollout = "checkout"
owner = "web"
features = ["checkout"]

[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "150s", min_samples = 200, on_unknown = "hold" }

[severities]
p0 = { then = "rollback", notify = ["pagerduty"] }
p1 = { then = "hold", notify = ["slack"] }

[thresholds.error_rate]
p0 = { above = "5%" }
p1 = { above = "1%", for = "2m" }

[[stages]]
name = "off"
bake = "1h"

[[stages]]
name = "canary"
traffic = "10%"
"#;

const TESTS: &str = r#"[[test]]
name = "5.1% rolls back at the first sample, and 5% does not"
stage = "canary"
assume_samples = 1000
series = { error_rate = "5 for 1m, 5.1 for 1m" }
expect = [{ at = "1m", decision = "roll_back", because = ["error_rate.p0"] }]
never = [{ until = "0s", decision = "roll_back" }]
"#;

/// A tree with one policy whose tests pin half of it.
fn tree() -> TempDir {
    let tree = TempDir::new().unwrap();
    put(tree.path(), "policy.toml", POLICY);
    put(tree.path(), "tests/errors.toml", TESTS);
    tree
}

fn put(tree: &Path, file: &str, text: &str) {
    let path = tree.join("policies/checkout").join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

macro_rules! looks {
    ($text:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"in (\d+m)?(\d+s)?(\d+ms)?\n", "in [time]\n");
        settings.bind(|| insta::assert_snapshot!($text));
    }};
}

fn mutants(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = rollgate(folder, &[&["mutate", "--output", "jsonl"], arguments].concat()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn fate<'m>(mutants: &'m [Value], fate: &str) -> Vec<&'m Value> {
    mutants.iter().filter(|mutant| mutant["fate"] == fate).collect()
}

#[test]
fn thresholds_that_no_test_pins_are_named_with_the_test_that_is_missing() {
    looks!(screen(tree().path(), &["mutate", "--check", "error_rate.p1"]));
}

#[test]
fn the_whole_policy_in_plain_is_one_fact_per_line() {
    looks!(screen(tree().path(), &["mutate", "--plain", "--filter", "s"]));
}

#[test]
fn why_lists_the_tests_that_pin_a_check_with_what_they_would_not_let_pass() {
    looks!(screen(tree().path(), &["mutate", "--why", "error_rate.p0"]));
}

#[test]
fn written_tests_pass_and_kill_the_mutants_they_were_written_for() {
    let tree = tree();
    let before = mutants(tree.path(), &["--write-tests"]);
    let survived = fate(&before, "survived");
    let written = survived.iter().filter(|mutant| mutant["missing"]["missing"] == "test").count();
    assert!(written >= 10, "{written} of {}", survived.len());
    rollgate(tree.path(), &["test"]).assert().success();
    let spelling = screen(tree.path(), &["fmt", "--check"]);
    assert!(!spelling.contains("mutants.toml"), "{spelling}");
    let after = mutants(tree.path(), &[]);
    assert_eq!(fate(&after, "survived").len(), survived.len() - written);
    assert_eq!(fate(&after, "killed").len(), fate(&before, "killed").len() + written);
    // A second time there is nothing left to write.
    let text = fs::read_to_string(tree.path().join("policies/checkout/tests/mutants.toml")).unwrap();
    mutants(tree.path(), &["--write-tests"]);
    assert_eq!(fs::read_to_string(tree.path().join("policies/checkout/tests/mutants.toml")).unwrap(), text);
}

#[test]
fn after_writing_the_score_is_told_as_it_is_then() {
    let tree = tree();
    let text = screen(tree.path(), &["mutate", "--write-tests"]);
    let mutants = mutants(tree.path(), &[]);
    let (killed, survived) = (fate(&mutants, "killed").len(), fate(&mutants, "survived").len());
    let score = (1000 * killed / (killed + survived)) as f64 / 10.0;
    assert!(text.contains(&format!("→ {score}% with them\n")), "{text}");
    assert!(!text.contains("[[test]]"), "{text}");
}

#[test]
fn the_score_and_a_line_per_check_come_first_and_only_a_few_tests_after() {
    let few = screen(tree().path(), &["mutate"]);
    let place = |text: &str| few.find(text).unwrap_or_else(|| panic!("{text} in {few}"));
    assert!(place("% pinned: ") < place("error_rate.p1 ") && place("error_rate.p1 ") < place("[[test]]"), "{few}");
    assert!(few.matches("[[test]]").count() < 6, "{few}");
    assert!(few.contains("show all with --stubs"), "{few}");
    let all = screen(tree().path(), &["mutate", "--stubs"]);
    assert!(all.matches("[[test]]").count() >= 15, "{all}");
    looks!(few);
}

#[test]
fn a_decision_is_asked_for_where_one_differs() {
    let all = mutants(tree().path(), &["--check", "error_rate.p1"]);
    let test = |tried: &str| {
        let mutant = all.iter().find(|mutant| mutant["tried"] == tried && mutant["kind"] == "nudge").unwrap();
        mutant["missing"]["text"].as_str().unwrap().to_owned()
    };
    for tried in ["2%", "3m"] {
        assert!(test(tried).contains("decision = \"hold\", because = [\"error_rate.p1\"]"), "{}", test(tried));
    }
}

#[test]
fn a_fixture_kills_by_its_timeline_and_not_by_its_wording() {
    let tree = tree();
    let fixture = tree.path().join("fixtures/burst");
    fs::create_dir_all(&fixture).unwrap();
    let head = "title = \"a burst\"\npolicy = \"policies/checkout\"\ndata = [\"data.csv\"]\nstart = { stage = \"canary\" }\n\
                assume_samples = 1000\n";
    fs::write(fixture.join("fixture.toml"), head).unwrap();
    let rows: Vec<String> = (0..8)
        .map(|minute| {
            format!("2026-11-03T09:0{minute}:00Z,error_rate,treatment,{}", if minute < 4 { 0.2 } else { 3.0 })
        })
        .collect();
    fs::write(fixture.join("data.csv"), format!("timestamp,metric,group,value\n{}\n", rows.join("\n"))).unwrap();
    rollgate(tree.path(), &["test", "--bless"]).output().unwrap();
    rollgate(tree.path(), &["test"]).assert().success();
    let all = mutants(tree.path(), &["--why", "error_rate.p1"]);
    let by = |tried: &str| {
        let mutant = all.iter().find(|mutant| mutant["tried"] == tried).unwrap();
        mutant["by"].as_array().is_some_and(|by| by.iter().any(|case| case == "fixtures/burst"))
    };
    // 3% is over 1% and over 2% alike: only the bound's number in the sentence differs.
    assert!(!by("2%"));
    assert!(by("3m") && by("below"));
}

#[rstest]
#[case::nothing_asked(&["mutate"], 0)]
#[case::enough_is_pinned(&["mutate", "--min", "10"], 0)]
#[case::too_little_is_pinned(&["mutate", "--min", "90"], 4)]
#[case::all_of_what_was_asked_is_pinned(&["mutate", "--min", "100", "--check", "error_rate.p0", "--filter", "above"], 0)]
#[case::no_such_check(&["mutate", "--why", "eror_rate.p0"], 2)]
#[case::more_than_all(&["mutate", "--min", "101"], 2)]
#[case::less_than_none(&["mutate", "--min", "-1"], 2)]
#[case::no_percentage(&["mutate", "--min", "NaN"], 2)]
#[case::no_such_path(&["mutate", "nowhere"], 1)]
fn exit_codes(#[case] arguments: &[&str], #[case] code: i32) {
    rollgate(tree().path(), arguments).assert().code(code);
}

#[test]
fn a_policy_without_tests_is_nothing_to_judge() {
    let tree = tree();
    fs::remove_dir_all(tree.path().join("policies/checkout/tests")).unwrap();
    looks!(screen(tree.path(), &["mutate"]));
}

#[test]
fn a_policy_that_does_not_compile_is_shown_and_not_mutated() {
    let tree = tree();
    put(tree.path(), "policy.toml", &POLICY.replace("above = \"1%\"", "above = \"1\""));
    looks!(screen(tree.path(), &["mutate"]));
}

#[test]
fn tests_that_fail_already_cannot_judge() {
    let tree = tree();
    put(tree.path(), "policy.toml", &POLICY.replace("above = \"5%\"", "above = \"6%\""));
    looks!(screen(tree.path(), &["mutate"]));
}

#[test]
fn tests_that_cannot_be_read_cannot_judge() {
    let tree = tree();
    put(tree.path(), "tests/errors.toml", &TESTS.replace("error_rate.p0", "eror_rate.p0"));
    looks!(screen(tree.path(), &["mutate"]));
}

#[test]
fn an_unknown_name_gets_a_suggestion() {
    looks!(screen(tree().path(), &["mutate", "--why", "eror_rate.p0"]));
}

#[test]
fn values_of_an_overlay_are_judged_by_the_tests_of_its_environment() {
    let tree = tree();
    put(tree.path(), "env/staging.toml", "[thresholds.error_rate]\np1 = { above = \"2%\" }\n");
    let staging = "[[test]]\nname = \"2% is the limit\"\nstage = \"canary\"\nenvironment = \"staging\"\nassume_samples = 1000\n\
                   series = { error_rate = \"2 for 5m\" }\nexpect = [{ from = \"0s\", state = { \"error_rate.p1\" = \"ok\" } }]\n";
    put(tree.path(), "tests/staging.toml", staging);
    let all = mutants(tree.path(), &["--filter", "error_rate.p1 above"]);
    let overlay: Vec<(&Value, &Value)> = all
        .iter()
        .filter(|mutant| mutant["environment"] == "staging")
        .map(|one| (&one["tried"], &one["fate"]))
        .collect();
    assert_eq!(overlay, [(&"1%".into(), &"killed".into()), (&"3%".into(), &"survived".into())]);
    // What production says is not what staging tests.
    let only = mutants(tree.path(), &["--filter", "error_rate.p1 above", "--environment", "staging"]);
    let own = only.iter().find(|mutant| mutant["file"] == "policy.toml" && mutant["tried"] == "2%").unwrap();
    assert_eq!(own["fate"], "skipped");
}

#[test]
fn a_tree_of_fixtures_may_be_named_beside_the_policies() {
    let tree = tree();
    rollgate(tree.path(), &["init", "--template", "seven-day"]).assert().success();
    for arguments in [&["policies/checkout", "fixtures"][..], &["fixtures", "policies/checkout"]] {
        let arguments = [&["mutate", "--check", "error_rate.p0", "--plain"][..], arguments].concat();
        let output = rollgate(tree.path(), &arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    }
}

#[test]
fn what_a_severity_without_checks_obliges_is_nobodys_to_pin() {
    let tree = tree();
    put(tree.path(), "policy.toml", &POLICY.replace("[thresholds.", "p2 = { then = \"warn\" }\n\n[thresholds."));
    let output = rollgate(tree.path(), &["mutate", "--plain"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("severities.p1") || text.contains("error_rate.p1"), "{text}");
    assert!(!text.lines().any(|line| line.contains("severities.p2") && line.contains("surviv")), "{text}");
}

//! `rollgate tune` as a user drives it: the table, the words, the drawing, and what cannot be swept.

#![expect(clippy::disallowed_methods, reason = "tests write the trees that the binary is run on")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rstest::rstest;
use tempfile::TempDir;

mod support;

use support::{rollgate, screen};

const POLICY: &str = r#"schema = 1
rollout = "checkout"
features = ["new_checkout"]

[metrics]
score = { unit = "percent", better = "higher", max_age = "90s", on_unknown = "hold" }
errors = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }

[thresholds.score]
p0 = { below = "95%", for = "2m" }
p1 = { below = "99.5%", for = "2m" }

[triggers]
spike = { script = "spike", in = ["canary"] }

[[stages]]
name = "off"
bake = "5m"

[[stages]]
name = "canary"
traffic = "10%"
bake = "2h"

[params]
high = "20%"
"#;
const RULES: &str = "fn spike() { metric(\"errors\").treatment > param(\"high\") }\n";

/// Scores of treatment, one a minute, with errors that say nothing.
fn data(scores: impl IntoIterator<Item = f64>) -> String {
    let mut csv = "timestamp,metric,group,value\n".to_owned();
    for (minute, score) in scores.into_iter().enumerate() {
        let time = format!("2026-11-02T{:02}:{:02}:00Z", minute / 60, minute % 60);
        let _ = writeln!(csv, "{time},score,treatment,{score}\n{time},errors,treatment,0.1");
    }
    csv
}

fn fixture(tree: &Path, name: &str, label: &str, csv: &str) {
    let folder = tree.join("fixtures").join(name);
    fs::create_dir_all(&folder).unwrap();
    let toml = format!("title = \"{name}\"\npolicy = \"policies/checkout\"\ndata = [\"data.csv\"]\n{label}");
    fs::write(folder.join("fixture.toml"), toml).unwrap();
    fs::write(folder.join("data.csv"), csv).unwrap();
}

const GOOD: &str = "\n[label]\nverdict = \"good\"\n";
const BAD: &str = "\n[label]\nverdict = \"bad\"\nincidents = [{ from = \"20m\", to = \"50m\" }]\n";

fn policy(tree: &Path) {
    fs::create_dir_all(tree.join("policies/checkout")).unwrap();
    fs::write(tree.join("policies/checkout/policy.toml"), POLICY).unwrap();
    fs::write(tree.join("policies/checkout/rules.rhai"), RULES).unwrap();
}

/// Two incidents, one that sinks to 90% and one that creeps down to 94.4%; two good releases, one of them with a dip.
fn tree() -> TempDir {
    let tree = TempDir::new().unwrap();
    policy(tree.path());
    let sinks = |minute: usize| if (20..50).contains(&minute) { 90.0 } else { 99.8 };
    let creeps = |minute: usize| match minute {
        20..50 => 99.8 - 0.2 * (minute - 20) as f64,
        _ => 99.8,
    };
    let dips = |minute: usize| if (30..34).contains(&minute) { 96.6 } else { 99.8 };
    fixture(tree.path(), "sinks", BAD, &data((0..60).map(sinks)));
    fixture(tree.path(), "creeps", BAD, &data((0..60).map(creeps)));
    fixture(tree.path(), "dips", GOOD, &data((0..60).map(dips)));
    fixture(tree.path(), "flawless", GOOD, &data([99.9; 60]));
    tree
}

const SCORE: [&str; 6] = ["tune", "score.p0", "--from", "93%", "--to", "97.5%"];

fn score_with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SCORE[..], more].concat()
}

#[test]
fn a_bound_is_swept_and_the_words_say_what_it_supports() {
    insta::assert_snapshot!(screen(tree().path(), &score_with(&["--steps", "10"])));
}

#[test]
fn in_ascii_it_is_ascii() {
    let text = screen(tree().path(), &score_with(&["--ascii", "--steps", "10"]));
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn in_plain_it_is_one_fact_per_line() {
    insta::assert_snapshot!(screen(tree().path(), &score_with(&["--step", "1.5", "--plain"])));
}

#[test]
fn a_duration_is_swept_as_well_and_a_value_that_does_not_differ_says_so() {
    let tree = tree();
    insta::assert_snapshot!(screen(tree.path(), &["tune", "score.p0", "--key", "for", "--from", "1m", "--to", "4m"]));
    // No recording has a spike.
    insta::assert_snapshot!(screen(tree.path(), &["tune", "spike", "--key", "for", "--from", "1m", "--to", "3m"]));
}

#[test]
fn a_value_that_does_not_compile_is_told_with_the_compilers_words() {
    // From 99.5% on P1 would never come before P0.
    let arguments = ["tune", "score.p0", "--from", "99%", "--to", "100%", "--step", "0.5%"];
    insta::assert_snapshot!(screen(tree().path(), &arguments));
}

#[test]
fn both_ends_are_tried_and_the_drawing_names_them_and_what_was_refused() {
    let tree = tree();
    let arguments = ["tune", "score.p0", "--from", "93%", "--to", "100%", "--step", "3%", "--svg", "tune.svg"];
    let text = screen(tree.path(), &arguments);
    assert!(text.starts_with("score.p0: below 93% to 100%\n"), "{text}");
    let svg = fs::read_to_string(tree.path().join("tune.svg")).unwrap();
    for label in [">93%<", ">100%<", ">95% (in force)<", "does not compile with 100%"] {
        assert!(svg.contains(label), "{label} in {svg}");
    }
    assert_eq!(svg.matches("class=\"refused\"").count(), 1);
}

#[test]
fn equal_refusals_are_told_once() {
    let text = screen(tree().path(), &["tune", "score.p0", "--from", "98%", "--to", "100%", "--step", "0.1%"]);
    assert!(text.contains("99.5% to 100%  ✖"), "{text}");
    assert_eq!(text.matches("[RG041]").count(), 1, "{text}");
}

#[test]
fn a_check_that_a_script_asks_about_decides_through_it() {
    let tree = tree();
    fs::write(tree.path().join("policies/checkout/rules.rhai"), "fn spike() { breached(\"score.p1\") }\n").unwrap();
    let text = screen(tree.path(), &["tune", "score.p1", "--from", "99%", "--to", "99.5%", "--step", "0.5%"]);
    let words = "the script `spike` asks whether it fires, and decides by that";
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{text}");
    assert!(!text.contains("other checks caught"), "{text}");
}

#[test]
fn history_without_a_label_is_counted_and_what_it_lacks_is_told() {
    let tree = tree();
    let csv: String =
        data([90.0; 30]).lines().filter(|line| !line.contains("errors")).map(|line| format!("{line}\n")).collect();
    fs::write(tree.path().join("last-year.csv"), csv).unwrap();
    insta::assert_snapshot!(screen(tree.path(), &score_with(&["--step", "1.5", "--history", "last-year.csv"])));
}

#[test]
fn in_json_every_value_has_its_outcome() {
    let tree = tree();
    let output = rollgate(tree.path(), &score_with(&["--step", "1", "--output", "json"])).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["kind"], "tune");
    assert_eq!(report["recordings"]["incidents"], 2);
    let values = report["values"].as_array().unwrap();
    let told: Vec<(&str, u64, u64)> = values
        .iter()
        .map(|value| {
            let outcome = &value["outcome"];
            (
                value["value"].as_str().unwrap(),
                outcome["caught"].as_u64().unwrap(),
                outcome["stopped"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("93%", 1, 0), ("94%", 1, 0), ("95%", 2, 0), ("96%", 2, 0), ("97%", 2, 1), ("97.5%", 2, 1)]);
    let lines = rollgate(tree.path(), &score_with(&["--step", "1", "--output", "jsonl"])).output().unwrap();
    assert_eq!(String::from_utf8(lines.stdout).unwrap().lines().count(), 6);
}

#[test]
fn the_drawing_is_one_file_that_needs_nothing_else() {
    let tree = tree();
    let said = screen(tree.path(), &score_with(&["--svg", "tune.svg", "--plain"]));
    assert!(said.contains("wrote tune.svg"), "{said}");
    let svg = fs::read_to_string(tree.path().join("tune.svg")).unwrap();
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{svg}");
    for foreign in ["<script", "href", "url(", "@import", "<image"] {
        assert!(!svg.contains(foreign), "{foreign} in {svg}");
    }
    assert!(svg.contains("prefers-color-scheme:dark"));
    // A point for every value, with what it caught.
    assert_eq!(svg.matches("dot-caught\"").count(), 10);
    assert!(svg.contains("below 95%: caught 2 of 2 incidents"), "{svg}");
    assert!(svg.contains("95% (in force)"));
}

#[test]
fn without_labels_there_is_nothing_to_tune_on() {
    let tree = TempDir::new().unwrap();
    policy(tree.path());
    insta::assert_snapshot!(screen(tree.path(), &SCORE));
    fixture(tree.path(), "unlabelled", "", &data([99.9; 30]));
    insta::assert_snapshot!(screen(tree.path(), &SCORE));
}

#[rstest]
#[case::no_such_check(&["tune", "scores.p0", "--from", "90%", "--to", "99%"], 2, "did you mean `score.p0`?")]
#[case::no_such_key(&["tune", "score.p0", "--key", "above", "--from", "90%", "--to", "99%"], 2, "values of score.p0 that can be swept: below, for, clear_after")]
#[case::a_script_has_no_bound(&["tune", "spike", "--from", "90%", "--to", "99%"], 2, "say what to sweep over with --key")]
#[case::another_unit(&["tune", "score.p0", "--from", "90ms", "--to", "99ms"], 2, "the value in force is 95%: write it like that")]
#[case::no_unit(&["tune", "score.p0", "--from", "90", "--to", "99"], 2, "has no unit")]
#[case::reversed(&["tune", "score.p0", "--from", "99%", "--to", "90%"], 2, "swap them")]
#[case::equal(&["tune", "score.p0", "--from", "99%", "--to", "99.0%"], 2, "nothing to sweep over")]
#[case::not_a_duration(&["tune", "score.p0", "--key", "for", "--from", "soon", "--to", "2m"], 2, "`--from soon` does not fit for of score.p0")]
#[case::no_policy(&["tune", "score.p0", "--from", "90%", "--to", "99%", "--policy", "nowhere"], 1, "cannot read `nowhere`")]
#[case::no_fixtures(&["tune", "score.p0", "--from", "90%", "--to", "99%", "--fixtures", "nowhere"], 1, "cannot read `nowhere`")]
#[case::unreadable_data(&["tune", "score.p0", "--from", "90%", "--to", "99%", "--history", "nowhere.csv"], 6, "cannot read `nowhere.csv`")]
fn what_cannot_be_swept_says_why_and_how(#[case] arguments: &[&str], #[case] exit: i32, #[case] says: &str) {
    let text = screen(tree().path(), arguments);
    assert!(text.contains(says), "{text}");
    assert!(text.ends_with(&format!("exit {exit}\n")), "{text}");
}

#[test]
fn data_that_is_none_of_the_formats_ends_with_its_own_code() {
    let tree = tree();
    fs::write(tree.path().join("fixtures/dips/data.csv"), "what is this\n").unwrap();
    let text = screen(tree.path(), &SCORE);
    assert!(text.ends_with("exit 6\n"), "{text}");
}

#[test]
fn two_policies_with_the_check_have_to_be_told_apart() {
    let tree = tree();
    let second = tree.path().join("policies/second");
    fs::create_dir_all(&second).unwrap();
    for file in ["policy.toml", "rules.rhai"] {
        let text = fs::read_to_string(tree.path().join("policies/checkout").join(file)).unwrap();
        fs::write(second.join(file), text.replace("checkout", "second")).unwrap();
    }
    let text = screen(tree.path(), &SCORE);
    assert!(text.contains("name one of them with --policy: policies/checkout, policies/second"), "{text}");
    let named = screen(tree.path(), &score_with(&["--policy", "policies/checkout", "--plain"]));
    assert!(named.ends_with("exit 0\n"), "{named}");
}

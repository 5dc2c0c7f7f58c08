//! `rollgate import` as a user drives it: screens, exit codes, hostile files.

#![expect(clippy::disallowed_methods, reason = "tests write the files that are imported")]

use std::fs;
use std::path::Path;

use rstest::rstest;
use tempfile::TempDir;

mod support;

use support::rollgate;

fn screen(folder: &Path, arguments: &[&str]) -> String {
    let output = rollgate(folder, arguments).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    format!("{out}---- stderr\n{err}exit {}\n", output.status.code().unwrap())
}

fn data() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import_data")
}

#[rstest]
#[case::background("argo/background.yaml")]
#[case::inline("argo/inline.yaml")]
#[case::conditions("argo/conditions.yaml")]
#[case::blue_green("argo/blue-green.yaml")]
#[case::nothing_left("argo/nothing-left.json")]
#[case::canary("flagger/canary.yaml")]
#[case::ab("flagger/ab.yaml")]
fn screens(#[case] file: &str) {
    let name = file.replace(['/', '.'], "_");
    insta::assert_snapshot!(name, screen(&data(), &["import", file]));
}

#[test]
fn written_policies_check_clean_and_are_not_overwritten() {
    let tree = TempDir::new().unwrap();
    let file = data().join("argo/inline.yaml");
    let file = file.to_str().unwrap();
    rollgate(tree.path(), &["import", "argo", file, "--write", "policies"]).assert().success();
    rollgate(tree.path(), &["check", "--fail-level", "warning"]).assert().success();
    rollgate(tree.path(), &["fmt", "--check"]).assert().success();
    let path = tree.path().join("policies/search/policy.toml");
    fs::write(&path, "# mine\n").unwrap();
    insta::assert_snapshot!(screen(tree.path(), &["import", file, "--write", "policies"]));
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
    rollgate(tree.path(), &["import", file, "--write", "policies", "--force"]).assert().success();
    assert_ne!(fs::read_to_string(&path).unwrap(), "# mine\n");
}

#[test]
fn programs_read_the_policy_and_the_notes() {
    let output = rollgate(&data(), &["import", "flagger/weights.yaml", "--output", "json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["kind"], "import");
    assert_eq!(json["files"][0]["path"], "weights/policy.toml");
    assert_eq!(json["dropped"], 2);
    assert_eq!(json["notes"][0]["file"], "flagger/weights.yaml");
    let dropped = json["notes"].as_array().unwrap().iter().filter(|note| note["level"] == "dropped").count();
    assert_eq!(dropped, 2);
    let lines = rollgate(&data(), &["import", "flagger/weights.yaml", "--output", "jsonl"]).output().unwrap();
    for line in String::from_utf8(lines.stdout).unwrap().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn a_rendered_chart_comes_through_standard_input() {
    let text = fs::read(data().join("argo/background.yaml")).unwrap();
    let mut command = rollgate(&data(), &["import", "-"]);
    let output = command.write_stdin(text).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("standard input:"));
}

fn bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..12 {
        text.push_str(&format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 10].join(", ")));
    }
    text
}

#[rstest]
#[case::empty(b"", "no document")]
#[case::only_comments(b"# nothing\n---\n", "no document")]
#[case::not_yaml(b"{ this is : [ not\n", "not readable as YAML")]
#[case::prose(b"Dear operator, please roll back.\n", "a text where a document")]
#[case::a_list(b"- 1\n- 2\n", "a list where a document")]
#[case::tabs(b"a:\n\tb: 1\n", "tab")]
#[case::twice(b"kind: Rollout\nkind: Canary\n", "duplicate")]
#[case::helm(b"kind: Rollout\nspec:\n  replicas: {{ .Values.replicas }}\n", "helm template")]
#[case::helm_block(b"{{- if .Values.on }}\nkind: Rollout\n{{- end }}\n", "helm template")]
#[case::other_kind(b"apiVersion: v1\nkind: Service\n", "only Service")]
#[case::same_kind_of_another_group(b"apiVersion: example.com/v1\nkind: Canary\n", "only Canary")]
#[case::json(br#"{"some": "json"}"#, "without a kind")]
#[case::not_utf8(b"kind: \xff\xfe\n", "not UTF-8")]
#[case::rollout_without_strategy(b"apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {}\n", "`spec.strategy`")]
#[case::template_without_metrics(
    b"apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nspec: {args: []}\n",
    "`spec.metrics`"
)]
#[case::metrics_that_are_none(
    b"apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nspec: {metrics: yes}\n",
    "is a text"
)]
#[case::canary_without_analysis(b"apiVersion: flagger.app/v1beta1\nkind: Canary\nspec: {}\n", "`spec.analysis`")]
#[case::template_alone(b"apiVersion: flagger.app/v1beta1\nkind: MetricTemplate\nspec: {}\n", "MetricTemplate alone")]
#[case::anchor_of_itself(b"a: &a [*a]\n", "not readable as YAML")]
#[case::bomb(bomb(), "not readable as YAML")]
#[case::deep("[".repeat(5000), "not readable as YAML")]
#[case::large("- xxxxxxxxxxxxxxxxxxxxx\n".repeat(250_000), "at most")]
#[case::one_megabyte("- xxxxxxxxxxxxxxxxxxxxx\n".repeat(45_000), "a list where")]
fn hostile_files_are_refused_in_a_line(#[case] bytes: impl AsRef<[u8]>, #[case] words: &str) {
    let tree = TempDir::new().unwrap();
    fs::write(tree.path().join("in.yaml"), bytes).unwrap();
    let output =
        rollgate(tree.path(), &["import", "in.yaml"]).timeout(std::time::Duration::from_secs(60)).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{text}");
    assert!(text.to_lowercase().contains(&words.to_lowercase()), "{text}");
    assert!(text.contains("help:") && text.lines().count() <= 3, "{text}");
    assert!(output.stdout.is_empty());
}

#[rstest]
#[case::no_file(&["import"], 2)]
#[case::only_the_tool(&["import", "argo"], 2)]
#[case::missing(&["import", "nowhere.yaml"], 1)]
#[case::other_tool(&["import", "flagger", "argo/background.yaml"], 6)]
#[case::the_right_tool(&["import", "argo", "argo/background.yaml"], 0)]
#[case::force_alone(&["import", "argo/background.yaml", "--force"], 2)]
fn exit_codes(#[case] arguments: &[&str], #[case] code: i32) {
    rollgate(&data(), arguments).assert().code(code);
}

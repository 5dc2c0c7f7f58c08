//! The formats as a pipeline gets them: from the binary, over real trees.

use std::fs;
use std::path::Path;

use rstest::rstest;
use tempfile::TempDir;

use super::readers;
use super::support::rollgate;

/// Two policies with a recording each.
fn tree() -> TempDir {
    let tree = TempDir::new().unwrap();
    for template in ["canary", "web-service"] {
        rollgate(tree.path(), &["init", "--template", template]).assert().success();
    }
    tree
}

fn edit(tree: &TempDir, file: &str, old: &str, new: &str) {
    let path = tree.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{text}");
    fs::write(&path, text.replace(old, new)).unwrap();
}

const POLICY: &str = "policies/my-rollout/policy.toml";

fn stdout(folder: &Path, arguments: &[&str], exit: i32) -> String {
    let output = rollgate(folder, arguments).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit), "{talk}");
    String::from_utf8(output.stdout).unwrap()
}

#[rstest]
#[case("check")]
#[case("test")]
fn a_sound_tree_is_green_in_every_format(#[case] command: &str) {
    let tree = tree();
    let written = |format: &str| stdout(tree.path(), &[command, "--output", format], 0);
    assert!(readers::junit(&written("junit")).iter().all(|case| case.fault.is_none()));
    assert_eq!(readers::sarif(&written("sarif"))["runs"][0]["results"], serde_json::json!([]));
    assert_eq!(readers::github(&written("github")).0, []);
    assert_eq!(written("rdjsonl"), "");
    readers::markdown(&written("markdown"));
}

#[test]
fn a_failed_expectation_stands_at_its_line() {
    let tree = tree();
    edit(&tree, POLICY, "\"5%\"", "\"6%\"");
    let written = |format: &str| stdout(tree.path(), &["test", "--output", format], 4);
    let (commands, _) = readers::github(&written("github"));
    for command in &commands {
        let line: usize = command.get("line").unwrap().parse().unwrap();
        let text = fs::read_to_string(tree.path().join(command.get("file").unwrap())).unwrap();
        let there = text.lines().nth(line - 1).unwrap();
        assert!(there.contains("expect") || there.contains("never"), "line {line} of\n{text}");
    }
    let told = |command: &readers::Command| {
        command.message.starts_with("errors over 5% roll back at once: expected ROLL BACK")
    };
    assert_eq!(commands.iter().filter(|command| told(command)).count(), 1, "{commands:?}");
    assert_eq!(readers::sarif(&written("sarif"))["runs"][0]["results"][0]["ruleId"], "expectation");
    let cases = readers::junit(&written("junit"));
    assert_eq!(cases.iter().filter(|case| case.fault.is_some()).count(), commands.len());
    let failed = format!("{} of 24 tests failed", commands.len());
    assert!(readers::markdown(&written("markdown")).contains(&failed));
}

#[test]
fn a_problem_of_one_environment_fails_that_environments_case() {
    let tree = tree();
    let overlay = tree.path().join("policies/my-rollout/env/staging.toml");
    fs::create_dir_all(overlay.parent().unwrap()).unwrap();
    fs::write(&overlay, "[thresholds.error_rate]\np0 = { above = \"500%\" }\n").unwrap();
    let arguments = ["check", "policies/my-rollout", "--output"];
    let cases = readers::junit(&stdout(tree.path(), &[&arguments[..], &["junit"]].concat(), 3));
    let failed: Vec<(&str, bool)> = cases.iter().map(|case| (case.name.as_str(), case.fault.is_some())).collect();
    assert_eq!(failed, [("production", false), ("staging", true)]);
    let log = readers::sarif(&stdout(tree.path(), &[&arguments[..], &["sarif"]].concat(), 3));
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["properties"]["environments"], serde_json::json!(["staging"]));
    assert_eq!(
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "policies/my-rollout/env/staging.toml"
    );
}

#[test]
fn the_log_of_a_broken_policy_has_each_problem_once() {
    let tree = tree();
    edit(&tree, POLICY, "\"5%\"", "\"5 apples\"");
    let output = rollgate(tree.path(), &["test", "--output", "github"]).output().unwrap();
    let log = [output.stdout, output.stderr].map(|stream| String::from_utf8(stream).unwrap()).concat();
    let problem = log.lines().find(|line| line.starts_with("::error") && line.contains("title=RG")).unwrap();
    let sentence = problem.rsplit("::").next().unwrap().split("%0A").next().unwrap();
    assert!(sentence.contains("apples"), "{problem}");
    assert_eq!(log.matches("5 apples").count(), problem.matches("5 apples").count(), "{log}");
}

#[test]
fn a_broken_policy_is_said_once_and_names_what_did_not_run() {
    let tree = tree();
    edit(&tree, POLICY, "p0 = { above = \"5%\" }", "p0 = { above = \"500%\" }");
    let second = tree.path().join("fixtures/second");
    fs::create_dir(&second).unwrap();
    for file in fs::read_dir(tree.path().join("fixtures/my-rollout-error-spike")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), second.join(file.file_name())).unwrap();
    }
    let output = rollgate(tree.path(), &["test"]).output().unwrap();
    let (report, talk) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(talk.matches("error[RG021]").count(), 1, "{talk}");
    assert_eq!(talk.matches("does not compile").count(), 1, "{talk}");
    let not_run = "not run: policies/my-rollout, fixtures/my-rollout-error-spike, fixtures/second\n         because ";
    assert!(report.contains(not_run) && report.contains("3 not run;"), "{report}");

    let cases = readers::junit(&stdout(tree.path(), &["test", "--output", "junit"], 3));
    let errors = cases.iter().filter(|case| case.fault.as_ref().is_some_and(|(kind, _)| kind == "error"));
    assert_eq!(errors.count(), 3);
    let (commands, _) = readers::github(&stdout(tree.path(), &["test", "--output", "github"], 3));
    let lines: Vec<_> = commands.iter().map(|command| command.get("line").unwrap()).collect();
    assert_eq!(lines, ["1", "15"], "what did not run, and the line that is wrong: {commands:?}");
}

#[test]
fn github_also_gets_the_comment_on_the_jobs_summary_page() {
    let tree = tree();
    let summary = tree.path().join("summary.md");
    for command in ["check", "test"] {
        let mut run = rollgate(tree.path(), &[command, "--output", "github"]);
        run.env("GITHUB_STEP_SUMMARY", &summary).assert().success();
    }
    let text = fs::read_to_string(&summary).unwrap();
    let (check, test) = text.split_once("\n\n<!-- rollgate:test").unwrap();
    readers::markdown(check);
    assert!(test.contains("### ✅ rollgate test: 24 tests passed"), "{text}");
    // Another format leaves the page alone.
    let mut run = rollgate(tree.path(), &["check", "--output", "sarif"]);
    run.env("GITHUB_STEP_SUMMARY", &summary).assert().success();
    assert_eq!(fs::read_to_string(&summary).unwrap(), text);
}

#[test]
fn a_full_summary_page_is_left_as_it_is() {
    let tree = tree();
    let summary = tree.path().join("summary.md");
    fs::write(&summary, "x".repeat(1024 * 1024)).unwrap();
    let mut run = rollgate(tree.path(), &["check", "--output", "github"]);
    let output = run.env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("over 1 MiB"), "{output:?}");
    assert_eq!(fs::metadata(&summary).unwrap().len(), 1024 * 1024);
}

#[rstest]
#[case(&["replay", "policies/my-rollout", "fixtures/my-rollout-error-spike"])]
#[case(&["eval", "policies/my-rollout", "-"])]
fn a_command_without_a_format_refuses_it_and_lists_its_own(#[case] arguments: &[&str]) {
    let tree = tree();
    let output = rollgate(tree.path(), arguments).args(["--output", "sarif"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(talk.contains("[possible values: pretty, plain, json, jsonl]"), "{talk}");
}

//! `rollgate docs` as a user drives it: what goes where, and how it refuses.

#![expect(clippy::disallowed_methods, reason = "tests write the trees that the binary is run on")]

use std::fs;
use std::path::Path;

use rstest::rstest;
use tempfile::TempDir;

mod support;

use support::rollgate;

fn tree() -> TempDir {
    let tree = TempDir::new().unwrap();
    rollgate(tree.path(), &["init", "--template", "seven-day"]).assert().success();
    tree
}

fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = rollgate(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[rstest]
#[case("plan", "# Rollout plan: request-isolation\n")]
#[case("runbook", "# Runbook: request-isolation\n")]
#[case("matrix", "# Stages and thresholds: request-isolation\n")]
#[case("grafana", "{\n")]
fn a_page_goes_to_standard_output_and_names_the_only_policy_itself(#[case] page: &str, #[case] begins: &str) {
    let tree = tree();
    assert!(printed(tree.path(), &["docs", page]).starts_with(begins));
}

#[test]
fn a_page_is_written_into_a_file_whole_and_again() {
    let tree = tree();
    for _ in 0..2 {
        let said = printed(tree.path(), &["docs", "runbook", "--write", "docs/RUNBOOK.md"]);
        assert_eq!(said, "docs/RUNBOOK.md\n");
    }
    let written = fs::read_to_string(tree.path().join("docs/RUNBOOK.md")).unwrap();
    assert_eq!(written, printed(tree.path(), &["docs", "runbook"]));
}

#[test]
fn the_same_policy_gives_the_same_bytes() {
    let tree = tree();
    for page in ["plan", "runbook", "matrix", "grafana"] {
        assert_eq!(printed(tree.path(), &["docs", page]), printed(tree.path(), &["docs", page]), "{page}");
    }
}

#[test]
fn an_environment_changes_what_is_said() {
    let tree = tree();
    let (production, staging) =
        (printed(tree.path(), &["docs", "plan"]), printed(tree.path(), &["docs", "plan", "-e", "staging"]));
    assert!(staging.contains("environment `staging`") && production.contains("environment `production`"));
    assert_ne!(production, staging);
}

#[test]
fn the_matrix_is_markdown_in_a_pipe_and_a_screen_when_asked() {
    let tree = tree();
    assert!(printed(tree.path(), &["docs", "matrix"]).contains("| --- |"));
    let screen = printed(tree.path(), &["docs", "matrix", "--output", "pretty"]);
    assert!(!screen.contains('|') && screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
}

#[test]
fn a_start_gives_dates_in_the_zone_asked_for() {
    let tree = tree();
    let arguments = ["docs", "plan", "--start", "2026-07-06T08:00:00Z", "--tz", "Europe/Berlin"];
    assert!(printed(tree.path(), &arguments).contains("### Starting Mon 2026-07-06 10:00 CEST"));
}

#[rstest]
#[case::unknown_metric(&["docs", "grafana", "--query", "latency=x"], 2, "the policy has no metric `latency`")]
#[case::no_query(&["docs", "grafana", "--query", "error_rate="], 2, "names no metric and its query")]
#[case::query_twice(&["docs", "grafana", "--query", "error_rate=a", "--query", "error_rate=b"], 2, "is given twice")]
#[case::no_zone(&["docs", "plan", "--start", "2026-07-06T08:00:00Z", "--tz", "Berlin"], 2, "no zone is called `Berlin`")]
#[case::zone_alone(&["docs", "plan", "--tz", "UTC"], 2, "--start")]
#[case::no_policy(&["docs", "plan", "fixtures"], 5, "no policy in `fixtures`")]
#[case::unknown_environment(&["docs", "plan", "-e", "prod"], 3, "prod")]
fn what_cannot_be_done_is_refused(#[case] arguments: &[&str], #[case] code: i32, #[case] message: &str) {
    let tree = tree();
    let output = rollgate(tree.path(), arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(message), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_policy_with_an_error_has_no_pages_and_keeps_the_old_ones() {
    let tree = tree();
    printed(tree.path(), &["docs", "plan", "--write", "PLAN.md"]);
    let before = fs::read_to_string(tree.path().join("PLAN.md")).unwrap();
    let policy = tree.path().join("policies/request-isolation/policy.toml");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, text.replacen("below = \"95%\"", "below = \"95\"", 1)).unwrap();
    rollgate(tree.path(), &["docs", "plan", "--write", "PLAN.md"]).assert().code(3);
    assert_eq!(fs::read_to_string(tree.path().join("PLAN.md")).unwrap(), before);
}

#[test]
fn of_several_policies_one_must_be_named() {
    let tree = tree();
    rollgate(tree.path(), &["init", "--template", "canary"]).assert().success();
    let output = rollgate(tree.path(), &["docs", "plan"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("name one of them"));
}

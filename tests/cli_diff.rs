//! `diff` as a user drives it, in a scratch git repository: an edited bound, revisions, sides that do not exist or do
//! not compile, exit codes.

#![expect(clippy::disallowed_methods, reason = "tests write the trees that the binary is run on")]

use std::fs;
use std::path::Path;

use rstest::rstest;
use tempfile::TempDir;

mod support;

use support::rollgate;

const BOUND: &str = "p0 = { below = \"95%\" }";

fn git(folder: &Path, arguments: &[&str]) {
    let done = std::process::Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
        .args(["-c", "commit.gpgsign=false"])
        .args(arguments)
        .output()
        .expect("git is installed");
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The seven-day template with its fixtures, committed on `main`.
fn repository() -> TempDir {
    let tree = TempDir::new().unwrap();
    rollgate(tree.path(), &["init", "--template", "seven-day"]).assert().success();
    git(tree.path(), &["init", "--quiet"]);
    git(tree.path(), &["add", "--all"]);
    git(tree.path(), &["commit", "--quiet", "--message", "first"]);
    tree
}

fn policy(tree: &TempDir) -> std::path::PathBuf {
    tree.path().join("policies/request-isolation/policy.toml")
}

fn edit(tree: &TempDir, from: &str, to: &str) {
    let text = fs::read_to_string(policy(tree)).unwrap();
    assert!(text.contains(from), "`{from}` is not there");
    fs::write(policy(tree), text.replacen(from, to, 1)).unwrap();
}

/// What was printed, results before talk.
fn screen(folder: &Path, arguments: &[&str]) -> String {
    let text = support::screen(folder, arguments);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "a line is wider than 80 columns:\n{text}");
    text
}

macro_rules! looks {
    ($text:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"\b[0-9a-f]{7}\b", "[digest]");
        settings.bind(|| insta::assert_snapshot!($text));
    }};
}

#[test]
fn an_edited_bound_is_named_with_the_recordings_that_change() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    looks!(screen(tree.path(), &["diff"]));
}

#[test]
fn a_tighter_bound_comes_earlier() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"96.5%\" }");
    looks!(screen(tree.path(), &["diff", "main", "policies/request-isolation", "--ascii", "--fail-on", "any"]));
}

#[test]
fn exactly_the_recordings_whose_golden_timelines_change_are_listed() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"97.5%\" }");
    let plain = screen_of(tree.path(), &["diff", "--plain"]);
    let differ: Vec<&str> = plain
        .lines()
        .filter_map(|line| line.strip_prefix("recording ")?.split_once(" ("))
        .filter(|(_, rest)| !rest.ends_with("unchanged"))
        .map(|(name, _)| name)
        .collect();
    rollgate(tree.path(), &["test", "fixtures", "--bless"]).output().unwrap();
    let status = std::process::Command::new("git").current_dir(tree.path()).args(["status", "--short"]).output();
    let status = String::from_utf8(status.unwrap().stdout).unwrap();
    let mut moved: Vec<&str> = status.lines().filter_map(|line| line.get(3..)?.strip_suffix("/timeline.txt")).collect();
    let mut differ = differ;
    differ.sort_unstable();
    moved.sort_unstable();
    assert_eq!(differ, moved);
    assert!(!moved.is_empty(), "the edit changes nothing:\n{plain}");
}

fn screen_of(folder: &Path, arguments: &[&str]) -> String {
    String::from_utf8(rollgate(folder, arguments).output().unwrap().stdout).unwrap()
}

#[test]
fn nothing_changed_says_so_briefly() {
    let tree = repository();
    looks!(screen(tree.path(), &["diff"]));
    // A comment is no edit of what decides, and is still another text.
    edit(&tree, BOUND, &format!("{BOUND} # unchanged"));
    let text = screen(tree.path(), &["diff", "--no-fixtures"]);
    assert!(text.contains("nothing that decides was edited"), "{text}");
}

#[rstest]
#[case::nothing_asked("94%", &[], 0)]
#[case::not_lost("94%", &["--fail-on", "lost-rollback,false-rollback"], 0)]
#[case::looser("94%", &["--fail-on", "false-rollback,looser-p0"], 4)]
#[case::not_looser("96.5%", &["--fail-on", "lost-rollback,looser-p0,false-rollback"], 0)]
#[case::any("96.5%", &["--fail-on", "any"], 4)]
#[case::unknown_condition("96.5%", &["--fail-on", "worse"], 2)]
fn the_exit_code_follows_fail_on(#[case] bound: &str, #[case] arguments: &[&str], #[case] code: i32) {
    let tree = repository();
    edit(&tree, BOUND, &format!("p0 = {{ below = \"{bound}\" }}"));
    let arguments: Vec<&str> = ["diff"].iter().chain(arguments).copied().collect();
    rollgate(tree.path(), &arguments).assert().code(code);
}

#[test]
fn a_lost_roll_back_is_loud_and_fails_when_asked() {
    let tree = repository();
    edit(&tree, "rollout ", "mode    = \"shadow\"\nrollout ");
    looks!(screen(tree.path(), &["diff", "--fail-on", "lost-rollback"]));
}

#[rstest]
#[case::unknown_branch(&["diff", "mian"], 2, "did you mean `main`?")]
#[case::unknown_path(&["diff", "main:policies/nope"], 2, "`policies/nope` is not in revision `main`")]
#[case::neither(&["diff", "main", "nope/dir"], 2, "`nope/dir` is neither a path nor a revision")]
#[case::unknown_revision_with_path(&["diff", "v1:policies"], 2, "no revision is called `v1`")]
#[case::a_range(&["diff", "main..feature"], 2, "rollgate diff main feature")]
#[case::no_fixtures_there(&["diff", "--fixtures", "nope"], 6, "`nope`")]
#[case::no_such_environment(&["diff", "-e", "nope"], 2, "no policy has an environment `nope`")]
#[case::the_index(&["diff", ":policies"], 2, "names no revision")]
fn a_side_that_is_not_there_is_named(#[case] arguments: &[&str], #[case] code: i32, #[case] says: &str) {
    let tree = repository();
    let text = screen_with(tree.path(), arguments, code);
    assert!(text.contains(says), "{text}");
}

fn screen_with(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = rollgate(folder, arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[test]
fn outside_of_a_repository_two_directories_are_compared() {
    let tree = TempDir::new().unwrap();
    rollgate(tree.path(), &["init", "--template", "seven-day"]).assert().success();
    let text = screen_with(tree.path(), &["diff"], 2);
    assert!(text.contains("`.` is not in a git repository") && text.contains("rollgate diff OLD NEW"), "{text}");
    fs::create_dir_all(tree.path().join("before")).unwrap();
    fs::copy(tree.path().join("policies/request-isolation/policy.toml"), tree.path().join("before/policy.toml"))
        .unwrap();
    let rules = tree.path().join("policies/request-isolation/rules.rhai");
    if rules.exists() {
        fs::copy(rules, tree.path().join("before/rules.rhai")).unwrap();
    }
    let text = screen_of(tree.path(), &["diff", "before", "policies/request-isolation", "-e", "production", "--plain"]);
    assert!(text.contains("policy before -> policies/request-isolation") || text.contains("unchanged"), "{text}");
}

#[test]
fn a_side_that_does_not_compile_is_named_and_nothing_is_compared() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { belo = \"95%\" }");
    let output = rollgate(tree.path(), &["diff"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty(), "half of a comparison was printed");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the new side, `policies/request-isolation`, does not compile"), "{said}");
    git(tree.path(), &["commit", "--quiet", "--all", "--message", "broken"]);
    edit(&tree, "p0 = { belo = \"95%\" }", BOUND);
    let said = screen_with(tree.path(), &["diff"], 3);
    assert!(said.contains("the old side, `") && said.contains(":policies/request-isolation`"), "{said}");
}

#[test]
fn a_branch_is_compared_with_where_it_left_the_default_branch() {
    let tree = repository();
    git(tree.path(), &["checkout", "--quiet", "-b", "feature"]);
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    git(tree.path(), &["commit", "--quiet", "--all", "--message", "softer"]);
    // What main did since then is none of this branch's doing.
    git(tree.path(), &["checkout", "--quiet", "main"]);
    edit(&tree, "p1 = { below = \"99%\", for = \"2 of 2\" }", "p1 = { below = \"99%\", for = \"4 of 4\" }");
    git(tree.path(), &["commit", "--quiet", "--all", "--message", "other"]);
    git(tree.path(), &["checkout", "--quiet", "feature"]);
    let text = screen_of(tree.path(), &["diff", "--no-fixtures", "--plain"]);
    assert!(text.contains("isolation_score.p0: below 95% -> 94%") && !text.contains("4 of 4"), "{text}");
    // Against the branch itself, both show.
    let text = screen_of(tree.path(), &["diff", "main", "--no-fixtures", "--plain"]);
    assert!(text.contains("for 4 of 4 -> 2 of 2"), "{text}");
}

#[test]
fn two_revisions_need_no_working_tree() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    git(tree.path(), &["commit", "--quiet", "--all", "--message", "softer"]);
    fs::remove_dir_all(tree.path().join("policies")).unwrap();
    fs::remove_dir_all(tree.path().join("fixtures")).unwrap();
    let arguments = ["diff", "HEAD~1:policies/request-isolation", "HEAD:policies/request-isolation"];
    let text = screen_of(tree.path(), &[&arguments[..], &["--plain"]].concat());
    assert!(text.contains("roll backs: 0 lost, 0 new, 0 earlier, 1 later"), "{text}");
    assert!(text.contains("recording HEAD:fixtures/"), "{text}");
    assert!(!tree.path().join("policies").exists(), "something was checked out");
}

#[test]
fn a_directory_wins_over_a_revision_of_its_name() {
    let tree = repository();
    git(tree.path(), &["branch", "before"]);
    fs::create_dir_all(tree.path().join("before")).unwrap();
    for file in fs::read_dir(tree.path().join("policies/request-isolation")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            fs::copy(&path, tree.path().join("before").join(path.file_name().unwrap())).unwrap();
        }
    }
    let text = screen_of(tree.path(), &["diff", "before", "policies", "-e", "production", "--no-fixtures", "--plain"]);
    assert!(text.contains("a path here and a revision as well") && text.contains("before:PATH"), "{text}");
    // A name with a colon in it is a name as well.
    fs::rename(tree.path().join("before"), tree.path().join("main:before")).unwrap();
    rollgate(tree.path(), &["diff", "main:before", "policies", "-e", "production", "--no-fixtures"]).assert().code(0);
}

#[test]
fn added_and_removed_policies_are_told() {
    let tree = repository();
    rollgate(tree.path(), &["init", "--template", "web-service"]).assert().success();
    fs::rename(tree.path().join("policies/request-isolation"), tree.path().join("elsewhere")).unwrap();
    let text = screen_of(tree.path(), &["diff", "--plain", "--no-fixtures"]);
    assert!(text.contains("policy policies/web-service: added"), "{text}");
    assert!(text.contains(":policies/request-isolation: removed"), "{text}");
}

#[test]
fn a_shallow_clone_without_a_common_commit_says_how_to_deepen_it() {
    let tree = repository();
    git(tree.path(), &["checkout", "--quiet", "-b", "feature"]);
    for message in ["one", "two"] {
        git(tree.path(), &["commit", "--quiet", "--allow-empty", "--message", message]);
    }
    git(tree.path(), &["checkout", "--quiet", "main"]);
    let clone = TempDir::new().unwrap();
    let from = format!("file://{}", tree.path().display());
    git(clone.path(), &["clone", "--quiet", "--depth", "1", "--branch", "feature", &from, "shallow"]);
    let said = screen_with(&clone.path().join("shallow"), &["diff"], 1);
    assert!(said.contains("git fetch --unshallow") && said.contains("fetch-depth: 0"), "{said}");
}

#[test]
fn programs_read_one_object_or_one_per_line() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    let whole: serde_json::Value =
        serde_json::from_str(&screen_of(tree.path(), &["diff", "--output", "json"])).unwrap();
    assert_eq!(whole["kind"], "diff");
    let policy = &whole["policies"][0];
    assert_eq!(policy["edits"][0]["direction"], "looser");
    assert_eq!(policy["edits"][0]["part"], "below");
    assert_eq!((&policy["totals"]["lost"], &policy["totals"]["later"]), (&0.into(), &1.into()));
    let first = policy["recordings"].as_array().unwrap().iter().find(|one| one["standing"] == "decisions").unwrap();
    assert_eq!(first["first_difference"]["old"]["decision"], "roll_back");
    let lines = screen_of(tree.path(), &["diff", "--output", "jsonl"]);
    let kinds: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.first().map(String::as_str), Some("diff-edit"));
    assert_eq!(kinds.last().map(String::as_str), Some("diff-policy"));
}

#[test]
fn history_is_played_beside_the_fixtures() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    let data = fs::read_dir(tree.path().join("fixtures/request-isolation-night-leak")).unwrap();
    let data = data
        .map(|file| file.unwrap().path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("data")));
    let data = data.expect("the template has a recording");
    let arguments = [
        "diff",
        "--history",
        data.to_str().unwrap(),
        "--stage",
        "canary",
        "--assume-samples",
        "100000",
        "--per-step",
        "--plain",
    ];
    let text = screen_of(tree.path(), &arguments);
    assert!(text.contains(&format!("recording {}", data.display())), "{text}");
    rollgate(tree.path(), &["diff", "--stage", "canary"]).assert().code(2);
}

#[test]
fn a_policy_that_moved_is_found_under_its_old_path() {
    let tree = repository();
    rollgate(tree.path(), &["init", "--template", "web-service"]).assert().success();
    git(tree.path(), &["add", "--all"]);
    git(tree.path(), &["commit", "--quiet", "--message", "two policies"]);
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    git(tree.path(), &["mv", "policies/request-isolation", "policies/isolation"]);
    let inside = tree.path().join("policies/isolation");
    for (folder, arguments) in
        [(tree.path(), &["diff", "main", "policies/isolation", "--plain"][..]), (&inside, &["diff", "main", "--plain"])]
    {
        let text = screen_of(folder, arguments);
        assert!(text.contains("isolation_score.p0: below 95% -> 94%"), "{text}");
        assert!(text.contains("which governs the same rollout"), "{text}");
        assert!(!text.contains("added") && !text.contains("removed"), "{text}");
    }
    // What is new is still new.
    fs::rename(tree.path().join("policies/web-service"), tree.path().join("policies/web")).unwrap();
    let path = tree.path().join("policies/web/policy.toml");
    let text = fs::read_to_string(&path).unwrap();
    let rollout = text.lines().find(|line| line.starts_with("rollout")).unwrap();
    fs::write(&path, text.replace(rollout, "rollout = \"another\"")).unwrap();
    let text = screen_of(tree.path(), &["diff", "main", "policies/web", "--plain"]);
    assert!(text.contains("policy policies/web: added") && !text.contains("removed"), "{text}");
}

#[rstest]
#[case::relative(".git", &["diff", "main", "policies", "--plain", "--no-fixtures"])]
#[case::default_sides(".git", &["diff", "--plain", "--no-fixtures"])]
fn in_a_hook_the_repository_is_that_of_the_hook(#[case] dir: &str, #[case] arguments: &[&str]) {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    let mut command = rollgate(tree.path(), arguments);
    let output =
        command.env("GIT_DIR", dir).env("GIT_INDEX_FILE", ".git/index").env("GIT_PREFIX", "").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("isolation_score.p0: below 95% -> 94%"), "{text}");
}

#[rstest]
#[case::a_time("main@{2100-01-01 10:00:00}")]
#[case::a_time_and_a_path("main@{2100-01-01 10:00:00}:policies")]
#[case::the_text_of_a_commit(":/first")]
#[case::the_text_behind_a_branch("main^{/fi:*rst}:policies/request-isolation")]
fn a_revision_may_have_colons_of_its_own(#[case] revision: &str) {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    let text = screen_of(tree.path(), &["diff", revision, "--plain", "--no-fixtures"]);
    assert!(text.contains("isolation_score.p0: below 95% -> 94%"), "{text}");
}

#[test]
fn a_whole_policy_that_is_removed_trips_the_conditions_and_is_told_first() {
    let tree = repository();
    git(tree.path(), &["rm", "-r", "--quiet", "policies/request-isolation"]);
    let text = screen(tree.path(), &["diff", "main", "--fail-on", "any,lost-rollback,looser-p0", "--ascii"]);
    let first = text.lines().next().unwrap();
    assert!(first.contains("THE WHOLE POLICY IS REMOVED"), "{text}");
    assert!(!text.contains("unchanged"), "{text}");
    looks!(text);
    for condition in ["any", "lost-rollback", "looser-p0"] {
        rollgate(tree.path(), &["diff", "--fail-on", condition]).assert().code(4);
    }
    let github = screen_of(tree.path(), &["diff", "--output", "github"]);
    assert!(github.contains("isolation_score.p0"), "{github}");
}

#[test]
fn every_edit_is_annotated_at_the_line_where_its_value_is_written() {
    let tree = repository();
    let overlay = tree.path().join("policies/request-isolation/env/staging.toml");
    let text = fs::read_to_string(&overlay).unwrap() + "\n[thresholds.isolation_score]\np0 = { below = \"93%\" }\n";
    fs::write(&overlay, &text).unwrap();
    let severities = "[severities]\np0 = { notify = [\"email\"] }\n\n[thresholds.error_rate]";
    edit(&tree, "[thresholds.error_rate]", severities);
    let line_of = |text: &str, part: &str| text.lines().position(|line| line.contains(part)).map(|at| at + 1).unwrap();
    let places = [
        ("isolation_score.p0", "env/staging.toml", line_of(&text, "below = \"93%\"")),
        ("severity P0", "policy.toml", line_of(&fs::read_to_string(policy(&tree)).unwrap(), "notify = [\"email\"")),
    ];
    let annotations = screen_of(tree.path(), &["diff", "--no-fixtures", "--output", "github"]);
    let notice = annotations.lines().find(|line| line.contains("severity P0")).unwrap();
    assert!(notice.contains("title=alters no decision::"), "{notice}");
    let plain = screen_of(tree.path(), &["diff", "--no-fixtures", "--plain"]);
    assert!(plain.contains(": different: severity P0: notify"), "{plain}");
    let reviewed = screen_of(tree.path(), &["diff", "--no-fixtures", "--output", "rdjsonl"]);
    let comment = screen_of(tree.path(), &["diff", "--no-fixtures", "--output", "markdown"]);
    let sarif = screen_of(tree.path(), &["diff", "--no-fixtures", "--output", "sarif"]);
    for (subject, file, line) in places {
        let path = format!("policies/request-isolation/{file}");
        let found = annotations.lines().find(|text| text.contains(&format!("`{subject}`"))).unwrap();
        assert!(found.contains(&format!("file={path},line={line},")), "{found}");
        let found = reviewed.lines().find(|text| text.contains(&format!("`{subject}`"))).unwrap();
        let found: serde_json::Value = serde_json::from_str(found).unwrap();
        assert_eq!(found["location"]["path"], path.as_str());
        assert_eq!(found["location"]["range"]["start"]["line"], line);
        assert!(comment.contains(&format!("`{file}:{line}`")), "{comment}");
        assert!(sarif.contains(&format!("\"startLine\": {line}")) || sarif.contains(&format!("\"startLine\":{line}")));
    }
}

/// The fixture on which a lower bound loses its roll back.
fn losing() -> (TempDir, String) {
    let tree = repository();
    edit(&tree, "rollout ", "mode    = \"shadow\"\nrollout ");
    let text = screen_of(tree.path(), &["diff", "--plain"]);
    let name = text.lines().find(|line| line.contains("ROLL BACK LOST") || line.contains("BACKS LOST")).unwrap();
    let name = name.strip_prefix("recording ").unwrap().split(" (").next().unwrap().to_owned();
    (tree, name)
}

#[test]
fn a_roll_back_lost_on_a_removed_fixture_is_lost_all_the_same() {
    let (tree, _) = losing();
    fs::remove_dir_all(tree.path().join("fixtures")).unwrap();
    fs::create_dir(tree.path().join("fixtures")).unwrap();
    let output = rollgate(tree.path(), &["diff", "--plain", "--fail-on", "lost-rollback"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("note: fixtures: ") && text.contains(" removed ("), "{text}");
    assert!(text.contains(":fixtures/"), "{text}");
}

#[test]
fn a_removed_a_relabelled_and_an_edited_fixture_are_told_though_the_policy_is_the_same() {
    let (tree, name) = losing();
    git(tree.path(), &["checkout", "--quiet", "policies"]);
    let file = tree.path().join(&name).join("fixture.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("verdict = \"bad\""), "{text}");
    let start = text.find("[label]").unwrap();
    fs::write(&file, format!("{}[label]\nverdict = \"good\"\n", &text[..start])).unwrap();
    let output = rollgate(tree.path(), &["diff", "--plain", "--fail-on", "any"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(
        told.contains("fixtures: 0 removed, 0 added, 1 relabelled (") && told.contains("bad became good)"),
        "{told}"
    );
    fs::remove_dir_all(tree.path().join(&name)).unwrap();
    let told = screen_of(tree.path(), &["diff", "--plain", "--fail-on", "any"]);
    assert!(told.contains("fixtures: 1 removed ("), "{told}");
    assert!(told.contains("any fails: 1 fixture removed"), "{told}");
}

#[test]
fn two_revisions_are_compared_on_the_fixtures_that_the_working_tree_has() {
    let tree = repository();
    let inner = tree.path().join("src/template/fixture");
    fs::create_dir_all(&inner).unwrap();
    let from = fs::read_dir(tree.path().join("fixtures")).unwrap().next().unwrap().unwrap().path();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, inner.join(path.file_name().unwrap())).unwrap();
    }
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    let counted = |text: &str| text.lines().filter(|line| line.starts_with("recording ")).count();
    let working = screen_of(tree.path(), &["diff", "--plain"]);
    git(tree.path(), &["add", "--all"]);
    git(tree.path(), &["commit", "--quiet", "--message", "softer"]);
    let text = screen_of(tree.path(), &["diff", "HEAD~1", "HEAD", "--plain"]);
    assert_eq!(counted(&text), counted(&working), "{text}");
}

#[test]
fn history_that_cannot_be_judged_is_no_clean_result() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    let rows: String = (10..40).map(|minute| format!("2026-11-10T10:{minute}:00Z,queue_depth,7\n")).collect();
    fs::write(tree.path().join("other.csv"), format!("timestamp,metric,value\n{rows}")).unwrap();
    let text = screen(tree.path(), &["diff", "--history", "other.csv", "--ascii"]);
    assert!(text.contains("NOTHING COULD BE JUDGED") || text.contains("1 of them because nothing"), "{text}");
    assert!(text.contains("judged nothing: no reading in it is of a metric of the policy"), "{text}");
    assert!(text.contains("queue_depth"), "{text}");
    assert!(text.contains("nothing in the history could be judged") && text.ends_with("exit 5\n"), "{text}");
}

#[test]
fn too_few_samples_are_told_beside_a_recording_that_is_unchanged() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    let rows: String =
        (10..40).map(|minute| format!("2026-11-10T10:{minute}:00Z,isolation_score,treatment,99.9,3\n")).collect();
    fs::write(tree.path().join("few.csv"), format!("timestamp,metric,group,value,samples\n{rows}")).unwrap();
    let output = rollgate(tree.path(), &["diff", "--history", "few.csv", "--plain"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("few.csv: judged 0 of "), "{text}");
    assert!(text.contains("isolation_score too few samples"), "{text}");
    assert_eq!(output.status.code(), Some(5), "{text}");
}

#[test]
fn a_policy_without_the_environment_asked_for_is_left_out_and_told() {
    let tree = repository();
    rollgate(tree.path(), &["init", "--template", "web-service"]).assert().success();
    fs::remove_dir_all(tree.path().join("policies/web-service/env")).ok();
    git(tree.path(), &["add", "--all"]);
    git(tree.path(), &["commit", "--quiet", "--message", "second"]);
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    let output = rollgate(tree.path(), &["diff", "-e", "staging", "--plain", "--no-fixtures"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("left out, without an environment `staging`: policies/web-service"), "{text}");
    assert!(text.contains("isolation_score.p0"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_policy_behind_a_symlink_is_not_gone() {
    let tree = repository();
    fs::rename(tree.path().join("policies/request-isolation"), tree.path().join("common")).unwrap();
    std::os::unix::fs::symlink("../common", tree.path().join("policies/request-isolation")).unwrap();
    let path = tree.path().join("common/policy.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen(BOUND, "p0 = { below = \"94%\" }", 1)).unwrap();
    for arguments in [&["diff"][..], &["diff", "main", "policies/request-isolation"]] {
        let text = screen_of(tree.path(), &[arguments, &["--plain", "--no-fixtures"]].concat());
        assert!(text.contains("isolation_score.p0: below 95% -> 94%") && !text.contains("removed"), "{text}");
    }
    // And when it is the revision that has the link.
    git(tree.path(), &["add", "--all"]);
    git(tree.path(), &["commit", "--quiet", "--message", "linked"]);
    fs::write(&path, text).unwrap();
    fs::remove_file(tree.path().join("policies/request-isolation")).unwrap();
    fs::rename(tree.path().join("common"), tree.path().join("policies/request-isolation")).unwrap();
    for arguments in [&["diff"][..], &["diff", "main:policies/request-isolation", "policies/request-isolation"]] {
        let text = screen_of(tree.path(), &[arguments, &["--plain", "--no-fixtures"]].concat());
        assert!(text.contains("isolation_score.p0: below 94% -> 95%") && !text.contains("added"), "{text}");
    }
}

#[test]
fn annotations_name_files_as_the_repository_does() {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { below = \"94%\" }");
    let inside = tree.path().join("policies/request-isolation");
    let whole = inside.display().to_string();
    let runs: [(&Path, &[&str]); 4] = [
        (tree.path(), &["diff"]),
        (&inside, &["diff"]),
        (&inside, &["diff", "main:policies/request-isolation"]),
        (tree.path(), &["diff", "main", &whole]),
    ];
    for (folder, arguments) in runs {
        let output = rollgate(folder, arguments).args(["--no-fixtures", "--output", "github"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("file=policies/request-isolation/policy.toml,"), "{arguments:?}: {text}");
    }
    // A broken policy, for `check`: the same file from anywhere, with the same fingerprint.
    edit(&tree, "p0 = { below = \"94%\" }", "p0 = { belo = \"94%\" }");
    let sarif = |folder: &Path| rollgate(folder, &["check", "--output", "sarif"]).output().unwrap().stdout;
    let (top, below) = (sarif(tree.path()), sarif(&inside));
    let results =
        |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap()["runs"][0]["results"].clone();
    assert_eq!(results(&top), results(&below));
    assert!(String::from_utf8(top).unwrap().contains("policies/request-isolation/policy.toml"));
}

#[rstest]
#[case::json("json", "\"kind\": \"diff-refused\"")]
#[case::jsonl("jsonl", "\"kind\":\"diff-refused\"")]
#[case::sarif("sarif", "policy.toml")]
#[case::github("github", "::error file=policies/request-isolation/policy.toml")]
#[case::junit("junit", "<failure")]
#[case::rdjsonl("rdjsonl", "policy.toml")]
#[case::markdown("markdown", "cannot be compared: the new side does not compile")]
fn a_side_that_does_not_compile_is_told_in_every_shape(#[case] shape: &str, #[case] says: &str) {
    let tree = repository();
    edit(&tree, BOUND, "p0 = { belo = \"95%\" }");
    let output = rollgate(tree.path(), &["diff", "--output", shape]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains(says), "{text}");
    assert!(text.contains("belo"), "{text}");
    // The comment takes the place of the last one.
    assert!(shape != "markdown" || text.starts_with("<!-- rollgate:request-isolation -->"), "{text}");
}

/// Both ways: an environment that comes and one that goes have no policy of their own on the other side.
#[test]
fn a_recording_of_an_environment_that_only_one_side_has_is_compared_with_what_the_other_would_run() {
    let tree = repository();
    git(tree.path(), &["checkout", "--quiet", "-b", "load"]);
    let overlay = tree.path().join("policies/request-isolation/env/load.toml");
    fs::write(overlay, "[thresholds.isolation_score]\np0 = { below = \"90%\" }\n").unwrap();
    let fixture = tree.path().join("fixtures/request-isolation-night-leak/fixture.toml");
    let text = fs::read_to_string(&fixture).unwrap();
    fs::write(&fixture, text.replacen("policy ", "environment = \"load\"\npolicy ", 1)).unwrap();
    git(tree.path(), &["add", "--all"]);
    git(tree.path(), &["commit", "--quiet", "--message", "a place for load tests"]);
    let came = screen_of(tree.path(), &["diff", "main", "policies/request-isolation", "--plain"]);
    assert!(came.contains("recording fixtures/request-isolation-night-leak (load): rolls back"), "{came}");
    assert!(came.contains("LATER") && !came.contains("is left out"), "{came}");
    let arguments = ["diff", "load:policies/request-isolation", "main:policies/request-isolation", "--plain"];
    let gone = screen_of(tree.path(), &arguments);
    assert!(gone.contains("(load): rolls back") && gone.contains("EARLIER"), "{gone}");
}

/// A bot finds the comment again by its first line, whatever became of the policy in between.
#[test]
fn the_comment_is_marked_with_the_rollout_wherever_the_policy_stands() {
    let tree = repository();
    edit(&tree, "rollout  = \"request-isolation\"", "rollout  = \"isolation-week\"");
    for fixture in fs::read_dir(tree.path().join("fixtures")).unwrap() {
        fs::remove_dir_all(fixture.unwrap().path()).unwrap();
    }
    git(tree.path(), &["commit", "--quiet", "--all", "--message", "another name"]);
    let marked = || screen_of(tree.path(), &["diff", "main", "policies/request-isolation", "--output", "markdown"]);
    for (from, to) in [
        (BOUND, "p0 = { below = \"94%\" }"),
        ("below = \"94%\"", "belo = \"94%\""),
        ("[thresholds.isolation_score]", "[thresholds.isolation_score"),
    ] {
        edit(&tree, from, to);
        let text = marked();
        assert_eq!(text.lines().next(), Some("<!-- rollgate:isolation-week -->"), "{text}");
    }
}

#[test]
fn a_shorter_bake_names_the_stage_that_is_left_earlier() {
    let tree = repository();
    edit(
        &tree,
        "name    = \"canary\"\ntraffic = \"10%\"\nbake    = \"48h\"",
        "name    = \"canary\"\ntraffic = \"10%\"\nbake    = \"12h\"",
    );
    let text = screen_of(tree.path(), &["diff", "--plain"]);
    assert!(text.contains("leaves canary at +38h, and did NOT before"), "{text}");
    assert!(text.contains("; advances: 1 earlier, 0 later"), "{text}");
    let comment = screen_of(tree.path(), &["diff", "--output", "markdown"]);
    assert!(comment.contains(", leaves canary at +38h, and did not before |"), "{comment}");
    let summary = "<summary>fixtures/request-isolation-night-leak: leaves canary at +38h, and did not before</summary>";
    assert!(comment.contains(summary), "{comment}");
    rollgate(tree.path(), &["diff", "--html", "diff.html"]).assert().success();
    let page = fs::read_to_string(tree.path().join("diff.html")).unwrap();
    assert!(page.contains("leaves canary at +38h, and did not before"), "{page}");
}

//! The workflow that `init --ci github` writes: it is YAML, asks for little, and every command in it is one of ours.

#![expect(clippy::disallowed_methods, reason = "tests read the workflow that was written")]

use std::fs;

use rollgate::import::yaml::{self, Node};
use tempfile::TempDir;

mod support;

use support::{rollgate, screen};

const FILE: &str = ".github/workflows/rollgate.yml";

fn workflow(arguments: &[&str]) -> (String, Node) {
    let tree = TempDir::new().unwrap();
    rollgate(tree.path(), &[&["init", "--ci", "github"], arguments].concat()).assert().success();
    let text = fs::read_to_string(tree.path().join(FILE)).unwrap();
    let mut documents = yaml::read(&text).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(documents.len(), 1);
    (text, documents.remove(0))
}

fn steps(workflow: &Node) -> &[Node] {
    workflow.at(&["jobs", "policy", "steps"]).unwrap().items()
}

/// Every `rollgate ...` of a shell script: lines joined, what the shell takes cut off, variables given a value.
fn commands(script: &str) -> Vec<Vec<String>> {
    let joined = script.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines().map(str::trim).filter(|line| line.starts_with("rollgate ")) {
        let ends = [" > ", " || ", " | ", " >> "];
        let end = ends.iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
        let words = line[..end].split_whitespace().map(|word| {
            assert!(!word.contains('$') || (word.starts_with('"') && word.ends_with('"')), "unquoted: {word}");
            word.trim_matches('"').replace("$RUNNER_TEMP", "/tmp").replace("$BASE", "origin/main")
        });
        found.push(words.collect());
    }
    found
}

#[test]
fn every_command_in_it_is_one_that_we_have() {
    let (_, workflow) = workflow(&[]);
    let scripts = steps(&workflow).iter().filter_map(|step| step.text_of("run"));
    let commands: Vec<Vec<String>> = scripts.flat_map(|script| commands(&script)).collect();
    let verbs: Vec<&str> = commands.iter().map(|words| words[1].as_str()).collect();
    assert_eq!(verbs, ["check", "test", "test", "diff", "check"]);
    for words in commands {
        if let Err(error) = rollgate::cli::grammar().try_get_matches_from(&words) {
            panic!("`{}`: {error}", words.join(" "));
        }
    }
}

#[test]
fn it_asks_for_little_and_pins_what_it_uses() {
    let (text, workflow) = workflow(&[]);
    assert_eq!(workflow.at(&["permissions", "contents"]).unwrap().text().unwrap(), "read");
    assert_eq!(workflow.get("permissions").unwrap().entries().len(), 1);
    let job = workflow.at(&["jobs", "policy", "permissions"]).unwrap();
    let asked: Vec<(&str, String)> =
        job.entries().iter().map(|(name, level)| (name.as_str(), level.text().unwrap())).collect();
    let wanted = [("contents", "read"), ("pull-requests", "write"), ("security-events", "write")];
    assert_eq!(asked, wanted.map(|(name, level)| (name, level.to_owned())));
    // `pull_request_target` would hand a token that writes to code from anywhere.
    assert!(!text.contains("pull_request_target"));
    for step in steps(&workflow) {
        if let Some(uses) = step.text_of("uses") {
            let (_, revision) = uses.split_once('@').unwrap();
            assert!(revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()), "{uses}");
            assert!(uses.starts_with("actions/"), "{uses}");
        }
        // What a stranger can choose goes through the environment, never into the script's own text.
        let script = step.text_of("run").unwrap_or_default();
        assert!(!script.contains("${{"), "{script}");
    }
    let checkout =
        steps(&workflow).iter().find(|step| step.text_of("uses").is_some_and(|uses| uses.contains("checkout")));
    assert_eq!(checkout.unwrap().at(&["with", "fetch-depth"]).unwrap().number(), Some(0.0));
}

#[test]
fn a_fork_that_may_only_read_fails_nothing() {
    let (_, workflow) = workflow(&[]);
    let writes: Vec<&Node> = steps(&workflow)
        .iter()
        .filter(|step| step.text_of("run").is_some_and(|script| script.contains("gh api")))
        .collect();
    assert_eq!(writes.len(), 2);
    for step in writes {
        assert!(step.text_of("if").unwrap().contains("env.READ_ONLY != 'true'"));
        assert_eq!(step.get("continue-on-error").unwrap().truth(), Some(true));
    }
}

#[test]
fn scripts_are_shell() {
    let (_, workflow) = workflow(&["--rollgate-source", "https://example.com/rollgate#v0.1.0"]);
    for step in steps(&workflow) {
        let Some(script) = step.text_of("run") else { continue };
        let output = std::process::Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Runs the install step with a `cargo` that only says what it was asked.
fn installed(source: &str) -> (bool, String) {
    let (_, workflow) = workflow(&[]);
    let step = steps(&workflow).iter().find(|step| step.text_of("name").is_some_and(|name| name.contains("Install")));
    let script = format!("cargo() {{ echo \"cargo $*\"; }}\n{}", step.unwrap().text_of("run").unwrap());
    let temp = TempDir::new().unwrap();
    let mut bash = std::process::Command::new("bash");
    bash.args(["-e", "-c", &script]).env("ROLLGATE_SOURCE", source).env("RUNNER_TEMP", temp.path());
    let output = bash.output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn rollgate_comes_from_where_it_was_said() {
    let table = [
        ("https://example.com/r", "cargo install --locked --git https://example.com/r rollgate\n"),
        ("https://example.com/r#v1", "cargo install --locked --git https://example.com/r --rev v1 rollgate\n"),
        ("crates.io", "cargo install --locked rollgate\n"),
    ];
    for (source, command) in table {
        assert_eq!(installed(source), (true, command.to_owned()), "{source}");
    }
    let (done, told) = installed("");
    assert!(!done && told.starts_with("::error::nothing says where rollgate comes from"), "{told}");
    let (text, _) = workflow(&["--rollgate-source", "https://example.com/r#v1"]);
    assert!(text.contains("ROLLGATE_SOURCE: \"https://example.com/r#v1\"\n"), "{text}");
}

#[test]
fn a_tree_that_is_there_gets_only_the_workflow() {
    let tree = TempDir::new().unwrap();
    rollgate(tree.path(), &["init"]).assert().success();
    insta::assert_snapshot!(screen(tree.path(), &["init", "--ci", "github"]));
    fs::write(tree.path().join(FILE), "# mine\n").unwrap();
    insta::assert_snapshot!(screen(tree.path(), &["init", "--ci", "github"]));
    assert_eq!(fs::read_to_string(tree.path().join(FILE)).unwrap(), "# mine\n");
}

#[test]
fn a_new_tree_gets_both_when_a_template_is_named() {
    let tree = TempDir::new().unwrap();
    rollgate(tree.path(), &["init", "--template", "canary", "--ci", "github"]).assert().success();
    assert!(tree.path().join(FILE).exists() && tree.path().join("policies/my-rollout/policy.toml").exists());
    rollgate(tree.path(), &["init", "--rollgate-source", "crates.io"]).assert().code(2);
    rollgate(tree.path(), &["init", "--ci", "github", "--rollgate-source", "x; rm -rf"]).assert().code(2);
}

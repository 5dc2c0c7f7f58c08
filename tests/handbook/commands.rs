//! Every command a page prints is one the binary has: parsed by its own grammar, and run.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use clap::Parser as _;
use rollgate::cli::Arguments;
use rollgate::handbook::Handbook;

use super::pages;
use super::policies::{every, example};

/// The commands of a page: lines of its shell blocks, and code spans.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2).filter_map(|block| block.trim().strip_prefix("sh\n"));
    let lines = blocks.flat_map(|block| block.lines().map(|line| line.trim().to_owned()));
    let spans = page.split('`').filter(|span| span.starts_with("rollgate ")).map(str::to_owned);
    lines.chain(spans).collect()
}

/// The words a shell makes of a line, its variables set.
fn words(line: &str) -> Vec<String> {
    let line = line
        .replace("${EXPOSED_AT:-$ENTERED_AT}", "2026-11-02T10:02:00Z")
        .replace("$EXPOSED_AT", "2026-11-02T10:02:00Z")
        .replace("$ENTERED_AT", "2026-11-03T10:02:00Z")
        .replace("$STAGE", "canary");
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (None, ' ') if begun => {
                words.push(std::mem::take(&mut word));
                begun = false;
            }
            (None, ' ') => {}
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (None, '\\') => {
                word.extend(letters.next());
                begun = true;
            }
            (Some(open), c) if c == open => quote = None,
            (_, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    assert_eq!(quote, None, "a quote is left open: {line}");
    words.extend(begun.then_some(word));
    words
}

#[test]
fn every_printed_command_is_one_the_binary_has() {
    let mut parsed = 0;
    for (name, page) in pages() {
        for line in commands(&page) {
            if !line.starts_with("rollgate ") {
                let is_shell = ["export ", "date +%s"].iter().any(|known| line.starts_with(known));
                assert!(is_shell, "{name}: nobody knows `{line}`");
                continue;
            }
            // `rollgate replay` alone is a name in a sentence.
            if line.split(' ').count() == 2 {
                assert!(page.contains(&format!("`{line}`")), "{name}: {line}");
                continue;
            }
            parsed += 1;
            if let Err(error) = Arguments::try_parse_from(words(&line)) {
                panic!("{name}: `{line}`\n{error}");
            }
        }
    }
    assert!(parsed > 100, "only {parsed} commands were found");
}

#[test]
fn orders_that_move_nothing_here_are_not_printed() {
    for (name, page) in pages() {
        for verb in ["start", "advance", "hold", "rollback", "resume", "approve", "emergency-disable"] {
            assert!(!page.contains(&format!("rollgate {verb}")), "{name}: rollgate {verb}");
        }
    }
}

#[test]
fn every_runbook_has_a_replay_and_an_explanation_per_stage() {
    for (name, source, policy) in &every() {
        let runbook = Handbook::new(policy, source).runbook();
        for stage in &policy.stages {
            for verb in ["replay", "explain"] {
                let wanted = |line: &String| {
                    line.starts_with(&format!("rollgate {verb} ")) && line.contains(&format!("--stage {}", stage.name))
                };
                assert!(commands(&runbook).iter().any(wanted), "{name}: {verb} {}", stage.name);
            }
        }
    }
}

/// The tree a runbook is followed in: the policy, and a recording of its rollout.
fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR"));
    let to = tree.path().join("policies/request-isolation");
    fs::create_dir_all(to.join("env")).unwrap();
    for file in ["policy.toml", "rules.rhai", "env/production.toml"] {
        fs::copy(from.join("policies/request-isolation").join(file), to.join(file)).unwrap();
    }
    // The recording is compressed; its name tells.
    fs::copy(from.join("fixtures/seven-days-clean/data.ndjson.zst"), tree.path().join("rollout.ndjson.zst")).unwrap();
    tree
}

#[test]
fn the_runbook_can_be_followed_as_it_is_printed() {
    let tree = tree();
    let (source, policy) = example("request-isolation");
    let runbook = Handbook::new(&policy, &source).runbook();
    let mut ran = 0;
    for line in commands(&runbook).iter().filter(|line| line.split(' ').count() > 2) {
        let Some(arguments) = line.strip_prefix("rollgate ") else { continue };
        // The fixture of the last section is made by the next test; a policy without tests has nothing to run. Nobody has
        // started anything here that could be waited for.
        if arguments.starts_with("test ") || arguments.starts_with("status ") {
            continue;
        }
        let arguments: Vec<String> =
            words(arguments).into_iter().map(|word| word.replace("rollout.ndjson", "rollout.ndjson.zst")).collect();
        let output =
            Command::cargo_bin("rollgate").unwrap().current_dir(tree.path()).args(&arguments).output().unwrap();
        let code = output.status.code().unwrap();
        assert!([0, 10, 11, 12].contains(&code), "{line}: {code}\n{}", String::from_utf8_lossy(&output.stderr));
        ran += 1;
    }
    assert!(ran > 12, "{ran}");
    assert!(tree.path().join("dashboard.json").is_file());
}

#[test]
fn the_fixture_of_the_last_section_is_one() {
    let tree = tree();
    let (source, policy) = example("request-isolation");
    let runbook = Handbook::new(&policy, &source).runbook();
    let toml = |nth| runbook.split("```toml\n").nth(nth).and_then(|rest: &str| rest.split("```").next()).unwrap();
    let folder = tree.path().join("fixtures/request-isolation-release");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("fixture.toml"), toml(1).replace("rollout.ndjson", "rollout.ndjson.zst")).unwrap();
    fs::write(folder.join("expect.toml"), toml(2)).unwrap();
    fs::copy(tree.path().join("rollout.ndjson.zst"), folder.join("rollout.ndjson.zst")).unwrap();
    let lines: Vec<String> =
        commands(&runbook).into_iter().filter(|line| line.starts_with("rollgate test fixtures/")).collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        let arguments = words(line.strip_prefix("rollgate ").unwrap());
        Command::cargo_bin("rollgate").unwrap().current_dir(tree.path()).args(arguments).assert().success();
    }
    assert!(folder.join("timeline.txt").is_file());
}

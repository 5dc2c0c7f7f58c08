//! Every command's help on a terminal of 80 columns: nothing is longer, and no example is broken over two lines.

use assert_cmd::Command;

/// The help of `words`, as a terminal of 80 columns shows it.
fn help(words: &[String]) -> String {
    let mut command = Command::cargo_bin("rollgate").unwrap();
    let output = command.args(words).arg("--help").env("COLUMNS", "80").output().unwrap();
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that a help lists: indented by two, lower-case, before the first option.
fn commands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| !line.starts_with("Usage:")).skip(1);
    let listed = listed.take_while(|line| !matches!(*line, "Options:" | "Arguments:" | "Appearance:"));
    let name = |line: &str| {
        let rest = line.strip_prefix("  ")?;
        let name = rest.split_whitespace().next()?;
        let is_name = rest.starts_with(|c: char| c.is_ascii_lowercase()) && name != "help";
        is_name.then(|| name.to_owned())
    };
    listed.filter_map(name).collect()
}

/// All commands, those within others too.
fn all() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut at = 0;
    while let Some(words) = found.get(at).cloned() {
        found.extend(commands(&help(&words)).into_iter().map(|name| [words.clone(), vec![name]].concat()));
        at += 1;
    }
    found
}

#[test]
fn every_help_fits_80_columns_and_breaks_no_example() {
    let all = all();
    assert!(all.len() > 40 && all.contains(&vec!["docs".to_owned(), "runbook".to_owned()]), "{all:?}");
    let mut wrong = Vec::new();
    for words in all {
        let text = help(&words);
        let (mut inside, mut goes_on) = ("", false);
        for line in text.lines() {
            let is_whole = match inside {
                "Exit codes:" => line.trim_start().starts_with(|c: char| c.is_ascii_digit()),
                _ => line.starts_with("  ") && (line.contains("rollgate ") || goes_on),
            };
            if matches!(line, "Examples:" | "First steps:" | "Exit codes:") {
                inside = line;
            } else if line.is_empty() {
                inside = "";
            } else if !inside.is_empty() && !is_whole {
                wrong.push(format!("{words:?}, continued: {line}"));
            }
            // As a shell has it.
            goes_on = line.ends_with('\\');
            if line.chars().count() > 80 {
                wrong.push(format!("{words:?}, long: {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

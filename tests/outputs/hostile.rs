//! Every format over hostile text, over nothing, and over very much.

use proptest::prelude::*;
use rollgate::policy::diagnostic::{Code, Diagnostic};
use rollgate::report::ci::Format;
use serde_json::Value;

use super::readers;
use super::worlds::{FOLDER, HOSTILE, hostile, many, place, report};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Any mix of what Markdown, XML and the runner give a meaning to stays in its place, and is shown letter by letter.
    #[test]
    fn whatever_a_message_is_made_of_it_stays_in_its_place(message in r#"[|`<>\\@#*_\[\]()!~&\n\r\t :/.w%,"'$ab1-]{0,40}"#) {
        let found = Diagnostic::error(Code(2), message.clone(), place(6..7)).label(message.clone()).help(message.clone());
        let report = report(&[found], TEXT);
        let read = readers::markdown(&report.write(Format::Markdown)).replace('\u{200b}', "");
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        prop_assert!(letters(&read).contains(&letters(&message)), "{message:?} in {read}");
        let cases = readers::junit(&report.write(Format::Junit));
        let (_, fault) = cases[0].fault.clone().expect("it is in every environment");
        prop_assert!(fault.starts_with(&format!("RG002: {message}")), "{fault:?}");
        let (commands, _) = readers::github(&report.write(Format::Github));
        prop_assert!(commands[0].message.starts_with(&message));
    }
}

/// `ü` takes two bytes: the sign behind it is the sixth character and the seventh byte.
const TEXT: &str = "kkküx= 1\n";

#[test]
fn hostile_text_is_data_in_sarif() {
    let log = readers::sarif(&report(&[hostile()], TEXT).write(Format::Sarif));
    let result = &log["runs"][0]["results"][0];
    let physical = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        physical["artifactLocation"]["uri"],
        "pol%20icies/a%3Ab%2Cc%25/%C3%BC%22%3C%26%3E%7C%60x%60/policy.toml"
    );
    assert_eq!(physical["region"]["startColumn"], 6, "columns count characters");
    assert_eq!(result["properties"]["environments"][0], HOSTILE);
    let message = result["message"]["text"].as_str().unwrap();
    assert!(!message.contains("[x](") && !message.contains(['\u{1b}', '\u{202e}', '\u{0}']), "{message}");
    assert_eq!(result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"], "=");
}

#[test]
fn hostile_text_is_data_in_junit() {
    let cases = readers::junit(&report(&[hostile()], TEXT).write(Format::Junit));
    // It is in one environment of two.
    assert_eq!(cases.iter().map(|case| case.fault.is_some()).collect::<Vec<_>>(), [false, true]);
    assert!(cases.iter().all(|case| case.suite == FOLDER));
    let (_, message) = cases[1].fault.clone().unwrap();
    assert!(message.contains("]]> <script>alert(1)</script>") && message.contains("\n::warning::z\r\n"), "{message:?}");
    assert!(message.contains("\u{fffd}[31mred \u{fffd} \u{fffd}gnidaer"), "{message:?}");
}

#[test]
fn hostile_text_is_data_in_workflow_commands() {
    let (commands, others) = readers::github(&report(&[hostile()], TEXT).write(Format::Github));
    assert_eq!(commands.len(), 1, "{commands:?}");
    let command = &commands[0];
    assert_eq!(command.name, "error");
    assert_eq!(command.get("file"), Some(format!("{FOLDER}/policy.toml").as_str()));
    assert_eq!((command.get("line"), command.get("col"), command.get("endColumn")), (Some("1"), Some("6"), Some("7")));
    assert!(command.message.contains("%0A %25 ::error::x ##[error]y\n::warning::z\r\n"), "{:?}", command.message);
    assert_eq!(others.len(), HOSTILE.lines().count(), "the closing lines alone: {others:?}");
}

#[test]
fn hostile_text_is_data_in_reviewdog_lines() {
    let text = report(&[hostile()], TEXT).write(Format::Rdjsonl);
    assert_eq!(text.lines().count(), 1);
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["location"]["path"], format!("{FOLDER}/policy.toml"));
    assert_eq!(line["location"]["range"]["start"]["column"], 7, "columns count bytes");
    assert_eq!(line["location"]["range"]["end"]["column"], 8);
    assert_eq!((&line["severity"], &line["code"]["value"]), (&"ERROR".into(), &"RG002".into()));
    assert_eq!(line["suggestions"][0]["text"], "=");
    assert_eq!(line["original_output"].as_str().unwrap().lines().count(), 1);
}

#[test]
fn hostile_text_is_data_in_a_comment() {
    let read = readers::markdown(&report(&[hostile()], TEXT).write(Format::Markdown));
    for literal in ["<script>alert(1)</script>", "--> </details>", "a|b", "heading - [ ] task", "| - |", "[x](http"] {
        assert!(read.contains(literal), "{literal} is not shown in:\n{read}");
    }
    assert!(!read.contains("@ops") && !read.contains("#12") && !read.contains("://"), "{read}");
}

#[test]
fn nothing_found_is_a_report_too() {
    let report = report(&[], "");
    assert_eq!(readers::sarif(&report.write(Format::Sarif))["runs"][0]["results"], Value::Array(Vec::new()));
    assert!(readers::junit(&report.write(Format::Junit)).iter().all(|case| case.fault.is_none()));
    assert_eq!(readers::github(&report.write(Format::Github)).0, []);
    assert_eq!(report.write(Format::Rdjsonl), "");
    assert!(readers::markdown(&report.write(Format::Markdown)).contains("rollgate check: no problems"));
}

#[test]
fn five_thousand_problems_fit_every_format() {
    let (mut found, text) = many(5_000);
    found.push(hostile());
    let report = report(&found, &text);
    let log = readers::sarif(&report.write(Format::Sarif));
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!((results.len(), &results[0]["level"]), (5_001, &"error".into()));
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
    assert_eq!(readers::junit(&report.write(Format::Junit)).len(), 2);
    assert_eq!(report.write(Format::Rdjsonl).lines().count(), 5_001);
    let read = readers::markdown(&report.write(Format::Markdown));
    assert!(read.contains("… and 4,981 more problems"), "{read}");
}

#[test]
fn github_shows_ten_of_a_kind_and_the_last_notice_counts_the_rest() {
    let (mut found, text) = many(25);
    found.push(hostile());
    let (commands, others) = readers::github(&report(&found, &text).write(Format::Github));
    let of = |name: &str| commands.iter().filter(|command| command.name == name).count();
    assert_eq!((of("error"), of("warning"), of("notice")), (1, 10, 1));
    assert_eq!(commands[0].name, "error", "the worst come first");
    let last = commands.last().unwrap();
    assert!(last.name == "notice" && last.message.starts_with("15 more warnings: GitHub shows 10"), "{last:?}");
    let listed = others.iter().filter(|line| line.contains("warning RG045")).count();
    assert_eq!(listed, 15, "the log has the rest: {others:?}");
}

#[test]
fn a_long_comment_is_cut_between_blocks() {
    let long = |at: usize| {
        let help = format!("{HOSTILE} {}", "word ".repeat(2_000));
        Diagnostic::error(Code(2), format!("problem {at}"), place(at..at + 1)).help(help)
    };
    let found: Vec<Diagnostic> = (0..15).map(long).collect();
    let text = report(&found, &"x".repeat(100)).write(Format::Markdown);
    let read = readers::markdown(&text);
    assert!(text.contains("_Cut here: ") && text.contains("more sections would not fit into one comment._"), "{text}");
    assert!(read.contains("the same at home"), "the last line stays");
}

#[test]
fn a_fingerprint_stays_when_lines_above_come_and_go() {
    let fingerprints = |text: &str, at: usize| {
        let found = [Diagnostic::error(Code(2), "unknown key `x`", place(at..at + 1))];
        let log = readers::sarif(&report(&found, text).write(Format::Sarif));
        let result = &log["runs"][0]["results"][0];
        (result["partialFingerprints"].clone(), result["locations"][0]["physicalLocation"]["region"].clone())
    };
    let (before, line) = fingerprints("x = 1\n", 0);
    let (after, moved) = fingerprints("# one\n# two\n  x  = 1\n", 16);
    assert_eq!(before, after);
    assert_ne!(line, moved);
    assert_ne!(before, fingerprints("x = 2\n", 0).0, "another line is another remark");
}

#[test]
fn what_is_said_twice_about_one_place_is_written_once() {
    let twice = [hostile(), hostile()];
    let report = report(&twice, TEXT);
    assert_eq!(report.items.len(), 1);
}

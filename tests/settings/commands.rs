//! Settings as a person meets them on the command line.

use assert_cmd::Command;
use rstest::rstest;

fn rollgate(folder: &std::path::Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::cargo_bin("rollgate").unwrap().current_dir(folder).args(arguments).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rollgate.toml"), text).unwrap();
    folder
}

#[test]
fn sound_settings_are_usable() {
    let folder = folder("environment = \"staging\"\n");
    let (code, text) = rollgate(folder.path(), &["check", "rollgate.toml"]);
    assert_eq!((code, text.lines().last()), (0, Some("✔ settings rollgate.toml usable")), "{text}");
    assert_eq!(rollgate(folder.path(), &["check"]).0, 0, "found without being named");
}

#[rstest]
#[case::pretty(&[], "settings rollgate.toml NOT usable; the controller would not start with them")]
#[case::plain(&["--plain"], "error RG112")]
#[case::json(&["--output", "json"], "\"usable\": false")]
#[case::jsonl(&["--output", "jsonl"], "\"usable\":false")]
#[case::github(&["--output", "github"], "file=rollgate.toml,line=2")]
#[case::sarif(&["--output", "sarif"], "open to other machines without a token")]
#[case::junit(&["--output", "junit"], "rollgate.toml")]
#[case::markdown(&["--output", "markdown"], "in the settings")]
fn settings_with_an_error_exit_with_three(#[case] arguments: &[&str], #[case] due: &str) {
    let folder = folder("[api]\nlisten = \"0.0.0.0:7878\"\n");
    let (code, text) = rollgate(folder.path(), &[&["check", "rollgate.toml"], arguments].concat());
    assert_eq!(code, 3, "{text}");
    assert!(text.contains(due), "{text}");
}

#[rstest]
#[case::errors_alone(&[], 0)]
#[case::warnings_too(&["--fail-level", "warning"], 3)]
fn a_warning_fails_only_when_asked_to(#[case] arguments: &[&str], #[case] due: i32) {
    let token = "tokens = [{ name = \"a\", role = \"admin\", sha256 = \"".to_owned();
    let folder = folder(&format!("[api]\nlisten = \"0.0.0.0:7878\"\n{token}{}\" }}]\n", "0".repeat(64)));
    let (code, text) = rollgate(folder.path(), &[&["check", "rollgate.toml"], arguments].concat());
    assert_eq!(code, due, "{text}");
    assert!(text.contains("RG113"), "{text}");
}

#[rstest]
#[case::pretty(&[])]
#[case::plain(&["--plain"])]
#[case::json(&["--output", "json"])]
#[case::github(&["--output", "github"])]
#[case::sarif(&["--output", "sarif"])]
#[case::junit(&["--output", "junit"])]
#[case::markdown(&["--output", "markdown"])]
fn no_shape_of_the_report_shows_a_secret(#[case] arguments: &[&str]) {
    let folder = folder("[store]\nurl = \"redis://:c4n4ry@redis:6379\"\npassword = \"c4n4ry\"\ntoken = \"c4n4ry\"\n");
    let (code, text) = rollgate(folder.path(), &[&["check", "rollgate.toml"], arguments].concat());
    assert_eq!(code, 3, "{text}");
    assert!(!text.contains("c4n4ry"), "{text}");
}

#[test]
fn settings_and_policies_are_checked_together() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(rollgate(folder.path(), &["init"]).0, 0);
    std::fs::write(folder.path().join("rollgate.toml"), "polices = []\n").unwrap();
    let (code, text) = rollgate(folder.path(), &["check"]);
    assert_eq!(code, 3);
    assert!(text.contains("did you mean `policies`?") && text.contains("policy loadable"), "{text}");
}

#[test]
fn a_settings_file_that_is_not_there_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = rollgate(folder.path(), &["check", "rollgate.toml"]);
    assert_eq!(code, 1);
    assert!(text.contains("cannot read `rollgate.toml`"), "{text}");
}

#[test]
fn init_writes_settings_that_are_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = rollgate(folder.path(), &["init", "--settings"]);
    assert_eq!(code, 0, "{text}");
    assert!(!folder.path().join("policies").exists(), "nothing else is written");
    let written = std::fs::read_to_string(folder.path().join("rollgate.toml")).unwrap();
    assert_eq!(crate::sound(&written), rollgate::settings::Settings::default());
    assert!(folder.path().join("schemas/settings.schema.json").is_file());
    assert_eq!(rollgate(folder.path(), &["check", "rollgate.toml"]).0, 0);
    assert_eq!(rollgate(folder.path(), &["init", "--settings"]).0, 1, "what is there is not overwritten");
}

/// Every commented key is a key: uncommented, block by block, it is sound.
#[test]
fn every_key_in_the_written_settings_can_be_uncommented() {
    let written = include_str!("../../src/cli/init/settings/rollgate.toml");
    let blocks = written.split("\n\n").map(|block| {
        let code = block.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| {
            line.starts_with('[') || line.split_once('=').is_some_and(|(key, _)| !key.trim().contains(' '))
        });
        code.collect::<Vec<_>>().join("\n")
    });
    let blocks: Vec<String> = blocks.filter(|block| !block.is_empty()).collect();
    assert!(blocks.len() >= 10, "{blocks:#?}");
    for block in blocks {
        let block = block.replace("<64 hex digits>", &"0".repeat(64));
        assert_eq!(crate::codes(&block), Vec::<String>::new(), "{block}");
    }
}

#[test]
fn every_code_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    for page in rollgate::settings::codes::PAGES {
        let (code, text) = rollgate(folder.path(), &["explain", &page.code.to_string()]);
        assert_eq!(code, 0);
        assert!(text.contains(page.title) && text.contains("found in rollgate.toml"), "{text}");
    }
}

//! `docs/sources.md` against what the settings take.

use std::collections::BTreeSet;

use rollgate::policy::diagnostic::Level;
use rollgate::settings::{SETTINGS_FILE, read};

const DOCS: &str = include_str!("../../docs/sources.md");

/// Every example of a source, and how the settings understand it.
#[test]
fn every_example_is_understood_and_every_kind_has_one() {
    let mut kinds = BTreeSet::new();
    for block in DOCS.split("```toml\n").skip(1) {
        let (text, _) = block.split_once("```").unwrap();
        let read = read("deploy", SETTINGS_FILE, text);
        let errors: Vec<_> = read.diagnostics.iter().filter(|found| found.level == Level::Error).collect();
        assert!(errors.is_empty(), "{text}\n{errors:#?}");
        let sources = read.settings.expect("settings without an error").sources;
        assert_eq!(sources.len(), 1, "{text}");
        kinds.insert(sources[0].kind.word());
    }
    let listed: BTreeSet<&str> = DOCS
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | asked |").map(|(kind, _)| kind))
        .chain(
            DOCS.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | sent to |").map(|(kind, _)| kind)),
        )
        .collect();
    assert_eq!(kinds, listed);
    assert_eq!(kinds.len(), 6);
}

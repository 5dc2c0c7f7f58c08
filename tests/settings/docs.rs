//! `docs/settings.md` against what the settings take: every key, every default, every example, every code.

use std::collections::BTreeSet;

use rollgate::settings::schema::settings_schema;
use rollgate::settings::{Settings, codes};
use serde_json::Value;

use crate::sound;

const DOCS: &str = include_str!("../../docs/settings.md");

/// Cells of the first two columns, of every table below the heading that begins so, until the next heading.
fn rows(heading: &str) -> Vec<(String, String)> {
    let below = DOCS.split_once(&format!("\n{heading}")).unwrap_or_else(|| panic!("no {heading}")).1;
    let section = below.split("\n#").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")).map(|line| format!("`{line}"));
    cells
        .map(|line| {
            let mut cells = line.split(" | ");
            (cells.next().unwrap().to_owned(), cells.next().unwrap().trim_matches('`').to_owned())
        })
        .collect()
}

#[test]
fn every_example_is_understood() {
    let mut sources = BTreeSet::new();
    let blocks: Vec<&str> = DOCS.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(blocks.len() > 12);
    for block in blocks {
        sources.extend(sound(block).sources.iter().map(|source| source.kind.word()));
    }
    assert_eq!(sources.len(), 6, "each kind has one: {sources:?}");
}

/// Every name of a key in the schema, but those that the policy gives (metrics) or the user does (headers).
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                found.extend(properties.keys().cloned());
            }
            fields.values().for_each(|value| keys(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_described() {
    let mut all = BTreeSet::new();
    keys(&settings_schema(), &mut all);
    assert!(all.contains("replicas_to_wait") && all.contains("fires_when"), "{all:?}");
    // A key is described where it stands in the first cell of a row, or heads a section.
    let described: BTreeSet<&str> = DOCS
        .lines()
        .filter_map(|line| line.strip_prefix("| `").and_then(|_| line.split(" | ").next()).or(line.strip_prefix("## ")))
        .flat_map(|cell| cell.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .collect();
    let missing: Vec<&String> = all.iter().filter(|key| !described.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The rows of a section that name a default which can be written, as TOML.
fn defaults(heading: &str, table: &str) -> String {
    let written = |value: &str| value.starts_with(['"', '[']) || value.parse::<f64>().is_ok() || value == "false";
    let lines = rows(heading).into_iter().filter(|(_, value)| written(value)).map(|(keys, value)| {
        let key = keys.trim_matches('`').to_owned();
        assert!(!key.contains(','), "one default, several keys: {key}");
        format!("{key} = {value}\n")
    });
    format!("{table}\n{}", lines.collect::<String>())
}

#[rstest::rstest]
#[case("## At the top", "", 2)]
#[case("## `[journal]`", "[journal]", 2)]
#[case("## `[api]`", "[api]", 9)]
#[case("## `[lease]`", "[lease]", 3)]
#[case("## `[log]`", "[log]", 2)]
#[case("## `[reload]`", "[reload]", 3)]
fn every_default_is_the_default(#[case] heading: &str, #[case] table: &str, #[case] least: usize) {
    let text = defaults(heading, table);
    assert_eq!(text.matches(" = ").count(), least, "{text}");
    assert_eq!(sound(&text), Settings::default(), "{text}");
}

#[test]
fn the_defaults_of_redis_telemetry_heartbeat_and_sources_are_theirs() {
    let with = |text: &str, heading: &str, leave_out: &[&str]| {
        let rows = defaults(heading, "");
        let kept = rows.lines().filter(|line| !leave_out.iter().any(|key| line.starts_with(key)));
        let text = format!("{text}\n{}", kept.collect::<Vec<_>>().join("\n"));
        (sound(&text), text)
    };
    for (least, heading, leave_out) in [
        ("[store]\ncluster = [\"a:1\"]", "## `[store]`", &["path", "database"][..]),
        ("[store]\nsentinels = [\"a:1\"]\nmaster = \"m\"", "## `[store]`", &["path"]),
        ("[heartbeat]\nurl = \"env:H\"", "## `[heartbeat]`", &[]),
        ("[telemetry]\notlp = \"http://a\"", "## `[telemetry]`", &[]),
        ("[[sources]]\nname = \"a\"\nkind = \"ndjson\"\npath = \"p\"", "### `ndjson`", &[]),
        ("[[sources]]\nname = \"a\"\nkind = \"ndjson\"\npath = \"p\"", "## `[[sources]]`", &[]),
    ] {
        let (settings, text) = with(least, heading, leave_out);
        assert!(text.len() > least.len() + 5, "nothing is said of {heading}");
        assert_eq!(settings, sound(least), "{text}");
    }
}

#[test]
fn every_code_of_the_settings_is_named_and_none_that_does_not_exist() {
    let named: BTreeSet<String> = DOCS
        .match_indices("RG")
        .filter_map(|(at, _)| DOCS.get(at..at + 5))
        .filter(|code| code.as_bytes()[2..].iter().all(u8::is_ascii_digit))
        .map(str::to_owned)
        .collect();
    let own: BTreeSet<String> = codes::PAGES.iter().map(|page| page.code.to_string()).collect();
    let missing: Vec<&String> = own.iter().filter(|code| !named.contains(*code) && *code != "RG111").collect();
    assert!(missing.is_empty(), "{missing:?}");
    for code in &named {
        let number = rollgate::policy::diagnostic::Code(code[2..].parse().unwrap());
        assert!(codes::page(number).is_some() || rollgate::policy::codes::page(number).is_some(), "{code}");
    }
}

//! SARIF 2.1.0: GitHub code scanning, Azure DevOps and editors.
//!
//! The rules carry the manual's pages, so that a reader finds the meaning beside the result. Places are relative to
//! `%SRCROOT%`, which is where the command was run.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::Report;
use super::item::{Item, Mend, Place, Related, Rule};
use super::text::clean;

/// Where the schema of this version is published.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What relative places are relative to.
const ROOT: &str = "%SRCROOT%";

/// One log with one run.
#[must_use]
pub(super) fn write(report: &Report) -> String {
    let rules = report.rules();
    let results: Vec<Value> = report.items.iter().map(|item| result(item, &rules)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver(&rules) },
            "automationDetails": { "id": format!("rollgate/{}/", report.command) },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {
                ROOT: { "description": { "text": "the directory that the command was run in" } }
            },
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

fn driver(rules: &[Rule]) -> Value {
    let mut driver = json!({
        "name": env!("CARGO_PKG_NAME"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
    });
    let home = [env!("CARGO_PKG_HOMEPAGE"), env!("CARGO_PKG_REPOSITORY")];
    if let (Some(home), Some(driver)) = (home.into_iter().find(|home| !home.is_empty()), driver.as_object_mut()) {
        driver.insert("informationUri".to_owned(), json!(home));
    }
    driver
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.meaning },
        "help": { "text": rule.help.0, "markdown": rule.help.1 },
        "defaultConfiguration": { "level": rule.level.name() },
    })
}

fn result(item: &Item, rules: &[Rule]) -> Value {
    let mut result = Map::new();
    result.insert("ruleId".to_owned(), json!(item.code));
    if let Some(index) = rules.iter().position(|rule| rule.code == item.code) {
        result.insert("ruleIndex".to_owned(), json!(index));
    }
    result.insert("level".to_owned(), json!(item.level.name()));
    result.insert("message".to_owned(), json!({ "text": message(item) }));
    if let Some(place) = &item.place {
        result.insert("locations".to_owned(), json!([{ "physicalLocation": location(place) }]));
    }
    if !item.related.is_empty() {
        let related: Vec<Value> = item.related.iter().enumerate().map(|(at, other)| related(at, other)).collect();
        result.insert("relatedLocations".to_owned(), json!(related));
    }
    result.insert("partialFingerprints".to_owned(), json!({ "rollgate/v1": item.fingerprint }));
    if !item.mends.is_empty() {
        result.insert("fixes".to_owned(), json!([fix(&item.mends)]));
    }
    if !item.environments.is_empty() {
        result.insert("properties".to_owned(), json!({ "environments": item.environments }));
    }
    Value::Object(result)
}

fn message(item: &Item) -> String {
    let mut text = item.message.clone();
    for help in &item.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    if !item.environments.is_empty() {
        text.push_str(&format!("\nonly in {}", item.environments.join(", ")));
    }
    plain(&text)
}

/// SARIF reads `[text](target)` in a message as a link.
fn plain(text: &str) -> String {
    clean(text).replace("](", "\\](")
}

fn related(at: usize, related: &Related) -> Value {
    let mut location = json!({ "id": at, "physicalLocation": location(&related.place) });
    if let (false, Some(location)) = (related.message.is_empty(), location.as_object_mut()) {
        location.insert("message".to_owned(), json!({ "text": plain(&related.message) }));
    }
    location
}

fn location(place: &Place) -> Value {
    json!({ "artifactLocation": artifact(&place.file), "region": region(place) })
}

fn region(place: &Place) -> Value {
    match &place.columns {
        Some((start, end)) => json!({
            "startLine": place.line,
            "startColumn": start.characters,
            "endLine": place.end_line,
            "endColumn": end.characters,
        }),
        None => json!({ "startLine": place.line, "endLine": place.end_line }),
    }
}

fn fix(mends: &[Mend]) -> Value {
    let change = |mend: &Mend| {
        json!({
            "artifactLocation": artifact(&mend.place.file),
            "replacements": [{
                "deletedRegion": region(&mend.place),
                "insertedContent": { "text": mend.text },
            }],
        })
    };
    json!({
        "description": { "text": "what `rollgate fix` does" },
        "artifactChanges": mends.iter().map(change).collect::<Vec<_>>(),
    })
}

/// A relative place below the root, or an absolute one as it is.
fn artifact(file: &str) -> Value {
    if file.starts_with('/') {
        return json!({ "uri": format!("file://{}", encode(file)) });
    }
    if file.as_bytes().get(1) == Some(&b':') && file.as_bytes().get(2) == Some(&b'/') {
        return json!({ "uri": format!("file:///{}", encode(file)) });
    }
    json!({ "uri": encode(file), "uriBaseId": ROOT })
}

/// Percent-encoded but for the slashes and what is safe in every part of a URI.
fn encode(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _infallible = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_byte_by_byte() {
        assert_eq!(encode("a b/ü:%.toml"), "a%20b/%C3%BC%3A%25.toml");
        assert_eq!(artifact("/tmp/x y"), json!({ "uri": "file:///tmp/x%20y" }));
        assert_eq!(artifact("c:/x"), json!({ "uri": "file:///c%3A/x" }));
        assert_eq!(artifact("p/x"), json!({ "uri": "p/x", "uriBaseId": ROOT }));
    }
}

//! The committed schemas are current, and accept and refuse what the language does.

#![allow(missing_docs, reason = "tests say what they are about by name")]

use std::path::Path;

use rollgate::policy::schema::{overlay_schema, policy_schema};
use rollgate::policy::source::PolicySource;
use serde_json::Value;

const BASE: &str = include_str!("policy_data/base.toml");
const FULL: &str = include_str!("policy_data/full.toml");

fn json(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

fn problems(schema: &Value, text: &str) -> Vec<String> {
    let validator = jsonschema::draft7::new(schema).unwrap();
    validator.iter_errors(&json(text)).map(|error| error.to_string()).collect()
}

/// `ROLLGATE_BLESS=1 cargo test --test policy_schema` rewrites the committed files.
#[test]
fn committed_schemas_are_current() {
    for (name, schema) in [("policy", policy_schema()), ("overlay", overlay_schema())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{name}.schema.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("ROLLGATE_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "schemas/{name}.schema.json is out of date: run with ROLLGATE_BLESS=1");
    }
}

#[test]
fn the_schema_accepts_what_the_language_accepts() {
    for text in [BASE, FULL] {
        assert_eq!(problems(&policy_schema(), text), Vec::<String>::new());
        let mut source = PolicySource::new("p");
        source.insert("policy.toml", text);
        let health = if text.contains("unhealthy") { "unhealthy" } else { "deploy-failed" };
        source.insert(
            "rules.rhai",
            format!("fn runaway() {{ if breached(\"{health}\") {{ breach() }} else {{ ok() }} }}"),
        );
        let messages: Vec<String> =
            rollgate::policy::check(&source).diagnostics.iter().map(|found| found.message.clone()).collect();
        assert_eq!(messages, Vec::<String>::new());
    }
}

#[test]
fn the_schema_refuses_unknown_keys_everywhere() {
    for (old, new) in [
        ("schema = 1", "schema = 1\nshema = 1"),
        ("traffic = \"10%\"", "trafic = \"10%\""),
        ("p0 = { above = \"5%\" }", "p0 = { abvoe = \"5%\" }"),
        ("script = \"runaway\"", "skript = \"runaway\""),
        ("at_least", "at_lest"),
        ("on_unknown = \"hold\"", "on_unknown = \"ignore\""),
    ] {
        assert!(BASE.contains(old));
        assert!(!problems(&policy_schema(), &BASE.replacen(old, new, 1)).is_empty(), "{new}");
    }
}

#[test]
fn an_overlay_needs_only_what_differs() {
    let text = "[metrics]\nerror_rate = { min_samples = 5 }\n[[stages]]\nname = \"canary\"\nbake = \"1h\"\n";
    assert_eq!(problems(&overlay_schema(), text), Vec::<String>::new());
    assert!(!problems(&policy_schema(), text).is_empty());
    assert!(!problems(&overlay_schema(), "ownr = \"me\"").is_empty());
}

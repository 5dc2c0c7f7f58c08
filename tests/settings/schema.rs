//! The committed schema is current, and accepts and refuses what the reader does.

use std::path::Path;

use rollgate::settings::schema::settings_schema;
use rstest::rstest;
use serde_json::Value;

use crate::{FULL, codes};

fn json(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

fn accepts(text: &str) -> bool {
    let schema = settings_schema();
    jsonschema::draft7::new(&schema).unwrap().is_valid(&json(text))
}

/// `ROLLGATE_BLESS=1 cargo test --test settings` rewrites the committed file.
#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/settings.schema.json");
    let text = serde_json::to_string_pretty(&settings_schema()).unwrap() + "\n";
    if std::env::var_os("ROLLGATE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "schemas/settings.schema.json is out of date: run with ROLLGATE_BLESS=1");
}

#[test]
fn the_schema_accepts_every_key() {
    // TOML's own dates are texts in JSON's eyes.
    let text = FULL.replace("expires = 2027-01-31T00:00:00Z", "expires = \"2027-01-31T00:00:00Z\"");
    let schema = settings_schema();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&json(&text)).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert!(accepts(""));
}

#[rstest]
#[case::at_the_top("polices = []")]
#[case::in_the_store("store = { pth = \"x\" }")]
#[case::in_the_api("api = { lisen = \"127.0.0.1:1\" }")]
#[case::in_a_token("api = { tokens = [{ name = \"a\", role = \"admin\", sha = \"x\" }] }")]
#[case::in_a_source("sources = [{ kind = \"ndjson\", name = \"n\", path = \"p\", pth = \"q\" }]")]
#[case::of_another_kind("sources = [{ kind = \"ndjson\", name = \"n\", path = \"p\", queries = {} }]")]
#[case::no_such_kind("sources = [{ kind = \"graphite\", name = \"n\" }]")]
#[case::no_such_level("log = { level = \"loud\" }")]
#[case::secret_written_out("heartbeat = { url = \"https://hc.example/x\" }")]
fn the_schema_refuses_what_the_reader_refuses(#[case] text: &str) {
    assert!(!accepts(text), "the schema takes it");
    assert!(!codes(text).is_empty(), "the reader takes it");
}

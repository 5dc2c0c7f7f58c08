//! Policies from text, recordings from text, and the fixtures of the repository in memory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rollgate::fixture::score::Label;
use rollgate::fixture::{DataError, Recording};
use rollgate::model::ids::Environment;
use rollgate::model::time::Time;
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;
use rollgate::review::case::FixtureText;
use rollgate::review::compare::{Case, CompareOptions, compare};
use rollgate::review::verdict::Compared;
use rollgate::shell::files::{find_fixtures, load_policy};
use rollgate::shell::fixture::load_fixture;

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn fixtures() -> Vec<FixtureText> {
    let folders = find_fixtures(&root().join("fixtures")).unwrap();
    assert!(folders.len() > 20);
    folders.iter().map(|folder| load_fixture(folder).unwrap()).collect()
}

pub(crate) fn policy_of(fixture: &FixtureText) -> PolicySource {
    load_policy(&root().join(&fixture.head.policy))
}

pub(crate) fn compiled(source: &PolicySource, environment: &Environment) -> Arc<Policy> {
    let compiled = rollgate::policy::compile(source, environment);
    compiled.policy.map(Arc::new).unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics))
}

/// `source` with one text of `policy.toml` replaced by another.
pub(crate) fn edited(source: &PolicySource, from: &str, to: &str) -> PolicySource {
    let text = source.get("policy.toml").unwrap();
    assert!(text.contains(from), "`{from}` is not in the policy");
    let mut edited = source.clone();
    edited.insert("policy.toml", text.replace(from, to));
    edited
}

/// The name of a fixture's directory.
pub(crate) fn name_of(fixture: &FixtureText) -> String {
    Path::new(&fixture.source.root).file_name().unwrap().to_string_lossy().into_owned()
}

pub(crate) const PER_STEP: CompareOptions =
    CompareOptions { run: rollgate::fixture::run::RunOptions { rearm: None, from: None, until: None }, per_step: true };

/// Two metrics, one of them relative to control; the errors take it back after two minutes.
pub(crate) const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
latency = { unit = "ms", better = "lower", max_age = "90s", on_unknown = "rollback", unknown_after = "6m" }
[thresholds.error_rate]
p0 = { above = "5%", for = "2m" }
p1 = { above = "1%" }
[thresholds.latency]
p1 = { above = "+50%", than = "control", and_above = "+100ms", for = "3 of 5", in = ["off", "canary"] }
[[stages]]
name = "off"
[[stages]]
name = "canary"
traffic = "10%"
bake = "5m"
[[stages]]
name = "full"
traffic = "100%"
bake = "5m"
"#;

pub(crate) fn policy(text: &str) -> Arc<Policy> {
    let mut source = PolicySource::new("test");
    source.insert("policy.toml", text);
    compiled(&source, &Environment::new("production"))
}

/// Snapshots, one a minute: error rates of treatment; nothing for a negative one. Latency is well.
pub(crate) fn errors(rates: &[f64]) -> String {
    let mut text = String::new();
    for (minute, rate) in rates.iter().enumerate() {
        let time = Time::from_millis(minute as i64 * 60_000);
        let errors = if *rate < 0.0 { "null".to_owned() } else { rate.to_string() };
        let _ = writeln!(
            text,
            r#"{{"time":"{time}","groups":{{"treatment":{{"error_rate":{errors},"latency":100}},"control":{{"latency":100}}}}}}"#
        );
    }
    text
}

/// Both policies over a recording in memory.
pub(crate) fn over(
    data: &str,
    old: &Arc<Policy>,
    new: &Arc<Policy>,
    label: Option<Label>,
    options: &CompareOptions,
) -> Result<Compared, DataError> {
    let source = Box::new(|| Ok(vec![Recording::from_bytes("history.ndjson", data)]));
    let mut case = Case::of_history("history.ndjson", old, new, source);
    (case.before.label, case.after.label) = (label.clone(), label);
    compare(&case, old, new, options)
}

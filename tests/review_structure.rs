//! What an edit of a policy is told as: which part, in which direction, with which reading that shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rollgate::model::ids::Environment;
use rollgate::policy::compiled::Policy;
use rollgate::policy::source::PolicySource;
use rollgate::review::change::{Change, Direction, Proof};
use rollgate::review::structure::changes;
use rstest::rstest;

const POLICY: &str = include_str!("policy_data/review.toml");
const RULES: &str = include_str!("policy_data/review.rhai");

fn source(policy: &str, rules: &str) -> PolicySource {
    let mut source = PolicySource::new("policies/x");
    source.insert("policy.toml", policy);
    source.insert("rules.rhai", rules);
    source.insert("env/staging.toml", "[severities]\np2 = { notify = [] }\n");
    source
}

fn compiled(source: &PolicySource) -> BTreeMap<Environment, Arc<Policy>> {
    let checked = rollgate::policy::check(source);
    assert!(!checked.has_errors(), "{:#?}", checked.diagnostics);
    checked.policies.into_iter().map(|(environment, policy)| (environment, Arc::new(policy))).collect()
}

/// The changes that replacing `from` by `to` makes.
fn edited(from: &str, to: &str) -> Vec<Change> {
    assert!(POLICY.contains(from) || RULES.contains(from), "`{from}` is not there");
    let (before, after) = (source(POLICY, RULES), source(&POLICY.replacen(from, to, 1), &RULES.replacen(from, to, 1)));
    changes(&compiled(&before), &compiled(&after))
}

fn one(from: &str, to: &str) -> Change {
    let mut all = edited(from, to);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

/// `isolation_score.p0 below 95% -> 94% looser: isolation_score 94.1% ...`
fn told(change: &Change) -> String {
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let example = change.counterexample.as_ref().map_or_else(String::new, |example| format!(": {example}"));
    let part = if change.part.is_empty() { String::new() } else { format!(" {}", change.part) };
    let (before, after) = (value(&change.before), value(&change.after));
    format!("{}{part} {before} -> {after} {}{example}", change.subject.name(), change.direction)
}

#[rstest]
#[case::lower("p0 = { below = \"95%\" }", "p0 = { below = \"94%\" }", "x")]
fn smoke(#[case] from: &str, #[case] to: &str, #[case] expected: &str) {
    assert_eq!(told(&one(from, to)), expected);
}

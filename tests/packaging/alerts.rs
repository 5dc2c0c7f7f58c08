//! The alert rules about rollgate itself.

use std::collections::BTreeSet;
use std::process::Command;

use crate::{must, packaging, text};

const RULES: &str = "prometheus/rollgate.rules.yaml";
const TESTS: &str = "prometheus/rollgate.rules.test.yaml";

#[test]
fn promtool_takes_the_rules() {
    let said = must(Command::new("promtool").args(["check", "rules"]).arg(packaging(RULES)));
    assert!(said.contains("rules found"), "{said}");
}

#[test]
fn every_alert_fires_when_it_must_and_not_before() {
    must(Command::new("promtool").args(["test", "rules"]).arg(packaging(TESTS)));
}

#[test]
fn every_alert_has_a_test() {
    let alerts = names(&text(RULES), "- alert: ");
    assert!(alerts.len() >= 10, "{alerts:?}");
    let tests = text(TESTS);
    let missing: Vec<&String> = alerts.iter().filter(|alert| !tests.contains(alert.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A rule about a metric that nobody exposes never fires, and looks like health.
#[test]
fn every_metric_of_the_rules_is_one_that_rollgate_exposes() {
    let sources = ["telemetry.rs", "http/metrics.rs"].map(|file| {
        let path = packaging("../src/daemon").join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    let known = |name: &str| {
        let bare = name.trim_start_matches("rollgate_");
        let bare = ["_total", "_count", "_sum", "_bucket"].iter().fold(bare, |bare, end| bare.trim_end_matches(end));
        sources.iter().any(|source| source.contains(&format!("\"{bare}\"")))
    };
    let rules: String = text(RULES).lines().filter(|line| !line.trim().starts_with('#')).collect::<Vec<_>>().join("\n");
    let used = names(&rules, "rollgate_");
    assert!(used.len() >= 10, "{used:?}");
    let strange: Vec<String> = used.iter().map(|name| format!("rollgate_{name}")).filter(|name| !known(name)).collect();
    assert!(strange.is_empty(), "nobody exposes {strange:?}");
}

/// The words that stand behind `mark`.
fn names(text: &str, mark: &str) -> BTreeSet<String> {
    let behind = text.split(mark).skip(1);
    behind.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

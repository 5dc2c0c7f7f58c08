//! `docs/api.md` against what the controller answers: every route, every metric.

use std::collections::BTreeSet;

use rollgate::daemon::http::described;

const DOCS: &str = include_str!("../../docs/api.md");

#[test]
fn every_route_is_described() {
    for (method, path, _) in described() {
        let path = path.replace("{name}", "NAME").replace("{verb}", "VERB").replace("{digest}", "DIGEST");
        // A decision is read by its id, as an example shows.
        let path = path.replace("/v1/decisions/{id}", "/v1/decisions/checkout%2Fproduction%2F");
        let last = path.rsplit('/').next().unwrap();
        let told = DOCS.contains(&path) || DOCS.contains(&path.replace("NAME", "checkout"));
        assert!(told, "{method} {path} is not described ({last})");
    }
}

/// The names that are registered with a registry whose prefix is `rollgate`.
fn registered(source: &str, calls: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for call in calls {
        for (at, _) in source.match_indices(call) {
            let rest = source[at + call.len()..].trim_start();
            if let Some(name) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                names.insert(format!("rollgate_{name}"));
            }
        }
    }
    names
}

#[test]
fn every_metric_is_described() {
    let mut names = registered(include_str!("../../src/daemon/telemetry.rs"), &["registry.register("]);
    names.append(&mut registered(include_str!("../../src/daemon/http/metrics.rs"), &["registry.register(", "add("]));
    assert!(names.len() > 30, "{names:?}");
    let missing: Vec<&String> = names.iter().filter(|name| !DOCS.contains(&format!("`{name}"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

//! Pushes in formats of others, mapped by the settings: OTLP metrics and Alertmanager's webhook.

use rollgate::daemon::desk::NotAccepted;
use rollgate::daemon::tokens::Role;
use rollgate::model::snapshot::WireReading;
use serde_json::json;

use super::world::{Answer, World, options};

const SETTINGS: &str = r#"
[[sources]]
name = "collector"
kind = "otlp"
group_attribute = "track"
groups = { treatment = "canary" }
[sources.metrics]
error_rate = { from = "http.errors", factor = 100.0 }

[[sources]]
name = "alerts"
kind = "alertmanager"
group = "all"
[sources.alerts]
checkout_health = "CheckoutDown"
"#;

fn world() -> World {
    let read = rollgate::settings::read(".", "rollgate.toml", SETTINGS);
    let settings = read.settings.unwrap_or_else(|| panic!("{:#?}", read.diagnostics));
    let mut options = options();
    options.sources = settings.sources;
    World::with(options)
}

fn metrics() -> serde_json::Value {
    let point = |track: &str, value: f64| {
        json!({"timeUnixNano": "1793491200000000000", "asDouble": value,
            "attributes": [{"key": "track", "value": {"stringValue": track}}]})
    };
    json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "http.errors", "gauge": {"dataPoints": [point("canary", 0.02), point("stranger", 0.5)]}},
        {"name": "another", "gauge": {"dataPoints": [point("canary", 1.0)]}},
    ]}]}]})
}

#[test]
fn otlp_metrics_become_snapshots_of_every_rollout_they_feed() {
    let world = world();
    world.desk.start("staging");
    for path in ["/v1/otlp/v1/metrics", "/v1/metrics"] {
        let answer = world.post(Role::Sender, path, &metrics().to_string());
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let pushed = &world.desk.set.lock().unwrap().pushed;
    assert_eq!(pushed.len(), 4, "two pushes, two rollouts");
    for (source, snapshot) in pushed {
        assert_eq!((source.as_str(), snapshot.rollout.as_deref()), ("collector", Some("checkout")));
        assert_eq!(snapshot.groups["treatment"]["error_rate"], WireReading::number(2.0));
        assert_eq!(snapshot.time.to_string(), "2026-11-01T00:00:00Z");
    }
    let environments: Vec<_> = pushed.iter().map(|(_, snapshot)| snapshot.environment.clone().unwrap()).collect();
    assert_eq!(environments, ["production", "staging", "production", "staging"]);
}

#[test]
fn otlp_is_answered_in_its_own_words_and_by_its_own_statuses() {
    let world = world();
    let unread = world.post(Role::Sender, "/v1/metrics", "{\"resourceMetrics\": ");
    assert_eq!(unread.problem(400), "malformed");
    let cut = world.client.post(world.url("/v1/metrics")).header("content-type", "application/x-protobuf");
    let cut = Answer::of(cut.bearer_auth(world.token(Role::Sender)).body(vec![0x0a, 0xff, 0x01]));
    assert_eq!(cut.problem(400), "malformed");
    let empty = world.client.post(world.url("/v1/metrics")).header("content-type", "application/x-protobuf");
    let empty = Answer::of(empty.bearer_auth(world.token(Role::Sender)).body(Vec::new()));
    assert_eq!((empty.status, empty.header("content-type")), (200, "application/x-protobuf"));
    // An exporter sends again after 429 and 503, and only then.
    world.desk.set.lock().unwrap().refuse_push = Some(NotAccepted::Busy("too much".to_owned()));
    assert_eq!(world.post(Role::Sender, "/v1/metrics", &metrics().to_string()).problem(429), "busy");
    world.desk.set.lock().unwrap().refuse_push = Some(NotAccepted::NotKept("no room".to_owned()));
    assert_eq!(world.post(Role::Sender, "/v1/metrics", &metrics().to_string()).problem(503), "not-kept");
}

fn webhook(status: &str) -> String {
    json!({"version": "4", "groupKey": "g", "status": status, "receiver": "rollgate", "alerts": [
        {"status": status, "labels": {"alertname": "CheckoutDown"}},
        {"status": status, "labels": {"alertname": "Another"}},
    ]})
    .to_string()
}

#[test]
fn an_alert_that_fires_is_a_state_that_failed() {
    let world = world();
    for (status, value) in [("firing", 1.0), ("resolved", 0.0)] {
        let answer = world.post(Role::Sender, "/v1/alertmanager", &webhook(status));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let (source, snapshot) = world.desk.set.lock().unwrap().pushed.pop().unwrap();
        assert_eq!(source, "alerts");
        assert_eq!(snapshot.groups["all"]["checkout_health"], WireReading::number(value));
    }
}

#[test]
fn alertmanager_is_told_to_send_again_whenever_that_may_help() {
    let world = world();
    for refusal in [NotAccepted::Busy("too much".to_owned()), NotAccepted::NotKept("no room".to_owned())] {
        world.desk.set.lock().unwrap().refuse_push = Some(refusal);
        world.post(Role::Sender, "/v1/alertmanager", &webhook("firing")).problem(503);
    }
    assert_eq!(world.post(Role::Sender, "/v1/alertmanager", "{}").problem(400), "malformed");
}

#[test]
fn without_such_a_source_in_the_settings_nothing_is_taken() {
    let world = World::new();
    for path in ["/v1/metrics", "/v1/alertmanager"] {
        let answer = world.post(Role::Sender, path, "{}");
        assert_eq!(answer.problem(404), "no-source");
        assert!(answer.text.contains("[[sources]]"), "{}", answer.text);
    }
}

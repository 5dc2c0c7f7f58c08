//! What others push in formats of their own, taken by a real controller: OTLP metrics as protobuf and as JSON, and
//! Alertmanager's webhook, from the sender's call to the roll back; and how such a source is shown when it misbehaves.

use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data,
    number_data_point::Value as Number,
};
use prost::Message as _;
use serde_json::{Value, json};

use crate::place::{Controller, Place, now};

const PROTOBUF: &str = "application/x-protobuf";
const CUMULATIVE: i32 = 2;

/// What the policy calls an error rate, a counter and a state are three formats of others.
const POLICY: &str = r#"
schema   = 1
rollout  = "checkout"
features = ["new_checkout"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
cascades   = { unit = "count", better = "lower", max_age = "90s", on_unknown = "hold", kind = "counter" }
health     = { unit = "state", better = "lower", max_age = "90s", on_unknown = "hold" }
[triggers]
errors  = { in = ["canary"], metric = "error_rate", above = "5%" }
cascade = { in = ["canary"], metric = "cascades", above = 0 }
down    = { in = ["canary"], metric = "health", is = "failed" }
[[stages]]
name = "off"
[[stages]]
name    = "canary"
traffic = "10%"
bake    = "1h"
"#;

const SETTINGS: &str = r#"
[api.limits]
large_body = "64KiB"

[[sources]]
kind            = "otlp"
name            = "collector"
group_attribute = "track"
groups          = { treatment = "canary", control = "stable" }
[sources.metrics]
error_rate = { from = "http.errors", factor = 100 }
cascades   = "shop.cascades"

[[sources]]
kind = "alertmanager"
name = "alerts"
[sources.alerts]
health = "CheckoutDown"
"#;

/// A controller whose rollout is in canary, and has heard good news of each kind.
fn canary() -> (Place, Controller) {
    let place = Place::empty();
    place.policy("checkout", POLICY);
    place.write("rollgate.toml", SETTINGS);
    let controller = place.run("");
    controller.to_canary("checkout");
    taken(&controller, &gauge(0.002));
    taken(&controller, &total(41));
    alert(&controller, "resolved");
    let is_ok = |view: &Value, check| state(view, check) == "ok";
    let view = controller
        .view_where("checkout", "what was pushed is seen", |view| is_ok(view, "errors") && is_ok(view, "down"));
    // The first total of a counter says nothing: since when did it count?
    assert_eq!((&view["phase"], state(&view, "cascade")), (&json!("hold"), json!("unknown")), "{view:#}");
    (place, controller)
}

/// Where a check stands.
fn state(view: &Value, check: &str) -> Value {
    let findings = view["decision"]["findings"].as_array();
    let found = findings.and_then(|all| all.iter().find(|finding| finding["check"] == check));
    found.map_or(Value::Null, |finding| finding["state"].clone())
}

fn metrics(name: &str, data: Data) -> ExportMetricsServiceRequest {
    let metric = Metric { name: name.to_owned(), data: Some(data), ..Metric::default() };
    let scope = ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() };
    let resource = ResourceMetrics { scope_metrics: vec![scope], ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }
}

fn point(value: Number) -> NumberDataPoint {
    let track = Some(AnyValue { value: Some(Any::StringValue("canary".to_owned())) });
    let attributes = vec![KeyValue { key: "track".to_owned(), value: track, ..KeyValue::default() }];
    let time_unix_nano = now().as_millis().unsigned_abs() * 1_000_000;
    NumberDataPoint { attributes, time_unix_nano, value: Some(value), ..NumberDataPoint::default() }
}

/// The share of calls that fail, of the canary.
fn gauge(share: f64) -> ExportMetricsServiceRequest {
    metrics("http.errors", Data::Gauge(Gauge { data_points: vec![point(Number::AsDouble(share))] }))
}

/// How many cascades there were since the service began.
fn total(count: i64) -> ExportMetricsServiceRequest {
    let data_points = vec![point(Number::AsInt(count))];
    let sum = Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true };
    metrics("shop.cascades", Data::Sum(sum))
}

/// Pushes metrics as protobuf; all of them were taken.
fn taken(controller: &Controller, request: &ExportMetricsServiceRequest) {
    let answer = controller.api.send("/v1/metrics", PROTOBUF, &request.encode_to_vec()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let read = ExportMetricsServiceResponse::decode(answer.bytes.as_slice()).unwrap();
    assert_eq!(read.partial_success, None);
}

fn alert(controller: &Controller, status: &str) {
    let webhook = json!({"version": "4", "groupKey": "g", "status": status, "receiver": "rollgate", "truncatedAlerts": 0,
        "alerts": [{"status": status, "labels": {"alertname": "CheckoutDown", "severity": "page"}}]});
    let answer = controller.api.post("/v1/alertmanager", &webhook.to_string()).unwrap();
    assert_eq!((answer.status, answer.json()), (200, json!({"rejected": 0})));
}

fn source(view: &Value, name: &str) -> Value {
    let all = view["sources"].as_array().expect("sources are shown");
    all.iter().find(|source| source["name"] == name).unwrap_or_else(|| panic!("{name} is not shown: {view:#}")).clone()
}

/// It rolls back because of this check, in these words, and the record of the decision is to be had by its id.
fn rolls_back(place: &Place, controller: Controller, check: &str, words: &str) {
    let view = controller.view_where("checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    assert!(view["why"].as_str().unwrap().contains(words), "{view:#}");
    assert_eq!((&view["traffic"], &view["stage"]), (&json!(0.0), &json!("off")), "{view:#}");
    let page = controller.api.get("/v1/rollouts/checkout/decisions?last=10").unwrap().json();
    let entries = page["entries"].as_array().unwrap_or_else(|| panic!("{page:#}")).clone();
    let rolled_back = entries.iter().find(|entry| entry["what"]["event"] == "rolled-back");
    let seq = rolled_back.unwrap_or_else(|| panic!("{page:#}"))["seq"].as_u64().unwrap();
    // A decision has the name of the last entry that came of it.
    let found = (seq..seq + 5).find_map(|seq| {
        let answer = controller.api.get(&format!("/v1/decisions/checkout%2Fproduction%2F{seq}")).unwrap();
        (answer.status == 200).then(|| answer.json())
    });
    let decision = found.expect("the decision was kept");
    assert_eq!(decision["decision"], "roll_back", "{decision:#}");
    assert_eq!(decision["because"][0]["check"], check, "{decision:#}");
    controller.ends();
    let verified = place.screen("audit verify");
    assert!(verified.contains("exit exit status: 0"), "{verified}");
    place.assert_sound("after a push");
}

#[test]
fn otlp_as_protobuf_that_breaches_is_a_roll_back() {
    let (place, controller) = canary();
    taken(&controller, &gauge(0.09));
    rolls_back(&place, controller, "errors", "error_rate 9% is above 5%");
}

#[test]
fn otlp_as_json_that_counts_one_more_is_a_roll_back_because_the_policy_says_that_it_is_a_counter() {
    let (place, controller) = canary();
    // The same total again is no cascade.
    taken(&controller, &total(41));
    controller.view_where("checkout", "nothing was counted", |view| state(view, "cascade") == "ok");
    let nanos = (now().as_millis() * 1_000_000).to_string();
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "shop.cascades", "sum": {
        "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": [{"timeUnixNano": nanos, "asInt": "42",
        "attributes": [{"key": "track", "value": {"stringValue": "canary"}}]}]}}]}]}]});
    let answer = controller.api.post("/v1/otlp/v1/metrics", &body.to_string()).unwrap();
    assert_eq!((answer.status, answer.json()), (200, json!({})), "{}", answer.text);
    rolls_back(&place, controller, "cascade", "cascades 1 is above 0");
}

#[test]
fn an_alert_that_fires_is_a_roll_back() {
    let (place, controller) = canary();
    alert(&controller, "firing");
    rolls_back(&place, controller, "down", "health is failed");
}

#[test]
fn a_source_of_the_settings_is_shown_before_anything_was_pushed() {
    let place = Place::empty();
    place.policy("checkout", POLICY);
    place.write("rollgate.toml", SETTINGS);
    let controller = place.run("");
    let view = controller.leads("checkout");
    for name in ["collector", "alerts"] {
        let silent = json!({"name": name, "last_snapshot": null, "last_answer": null, "problem": null, "failures": 0});
        assert_eq!(source(&view, name), silent);
    }
    controller.ends();
}

#[test]
fn what_is_wrong_with_a_pushed_source_is_shown_and_counted_until_it_is_well_again() {
    let (_place, controller) = canary();
    let view = controller.view("checkout").unwrap();
    let well = source(&view, "collector");
    assert!(well["last_snapshot"].is_string() && well["last_answer"].is_string(), "{well}");
    assert_eq!((&well["problem"], &well["failures"]), (&Value::Null, &json!(0)));
    let metric = |name: &str, source: &str| {
        let wanted = format!("{name}{{rollout=\"checkout\",environment=\"production\",source=\"{source}\"}} ");
        let text = controller.api.get("/metrics").unwrap().text;
        let line = text.lines().find_map(|line| line.strip_prefix(&wanted));
        line.unwrap_or_else(|| panic!("no {wanted} in\n{text}")).parse::<f64>().unwrap()
    };
    assert_eq!(metric("rollgate_source_up", "collector"), 1.0);
    assert!(metric("rollgate_source_age_seconds", "collector") < 30.0);

    // Cut off, and too large: nothing of it was taken.
    let cut = controller.api.send("/v1/metrics", PROTOBUF, &[0x0a, 0xff, 0x01]).unwrap();
    assert_eq!(cut.status, 400, "{}", cut.text);
    let large = controller.api.send("/v1/metrics", PROTOBUF, &vec![0; 100 << 10]).unwrap();
    assert_eq!(large.status, 413, "{}", large.text);
    let view = controller
        .view_where("checkout", "two pushes were turned away", |view| source(view, "collector")["failures"] == 2);
    let problem = source(&view, "collector")["problem"].clone();
    assert!(problem.as_str().unwrap().contains("the body is larger than 64 KiB"), "{problem}");
    assert_eq!(source(&view, "alerts")["problem"], Value::Null, "it is none of its");
    assert_eq!(metric("rollgate_source_up", "collector"), 0.0);
    assert_eq!(metric("rollgate_source_failures", "collector"), 2.0);
    assert_eq!(metric("rollgate_source_up", "alerts"), 1.0);
    controller.process.says("a push was turned away");

    // A total for a gauge: it was read, and is no good.
    let sum =
        Sum { data_points: vec![point(Number::AsInt(9))], aggregation_temporality: CUMULATIVE, is_monotonic: true };
    let request = metrics("http.errors", Data::Sum(sum));
    let answer = controller.api.send("/v1/metrics", PROTOBUF, &request.encode_to_vec()).unwrap();
    let partial = ExportMetricsServiceResponse::decode(answer.bytes.as_slice()).unwrap().partial_success.unwrap();
    assert_eq!((answer.status, partial.rejected_data_points), (200, 1));
    let view = controller
        .view_where("checkout", "a push was taken in part", |view| source(view, "collector")["failures"] == 0);
    let problem = source(&view, "collector")["problem"].clone();
    assert!(problem.as_str().unwrap().contains("total that only grows"), "{problem}");

    taken(&controller, &gauge(0.001));
    controller.view_where("checkout", "it is well again", |view| source(view, "collector")["problem"].is_null());
    assert_eq!(metric("rollgate_source_up", "collector"), 1.0);
    controller.process.says("a push was taken again");
    controller.ends();
}

#[test]
fn plain_pushes_are_a_source_too_from_the_first_one_on() {
    let place = Place::new();
    let controller = place.run("");
    controller.leads("checkout");
    controller.reads("checkout", 0.2);
    let view = controller.view_where("checkout", "the push is shown", |view| view["sources"][0]["name"] == "push");
    assert!(source(&view, "push")["last_snapshot"].is_string());
    let ahead = json!({"time": "2999-01-01T00:00:00Z", "rollout": "checkout", "groups": {}});
    assert_eq!(controller.push(&ahead).status, 422);
    let view = controller.view_where("checkout", "it was turned away", |view| source(view, "push")["failures"] == 1);
    let problem = source(&view, "push")["problem"].clone();
    assert!(problem.as_str().unwrap().contains("future"), "{problem}");
    // A sender that has mistaken the controller is no fault of what is governed here.
    let other = json!({"time": now(), "rollout": "another", "groups": {}});
    assert_eq!(controller.push(&other).status, 404);
    assert_eq!(controller.api.post("/v1/snapshots", "{\"time\":").unwrap().status, 400);
    let view = controller.view_where("checkout", "another one was", |view| source(view, "push")["failures"] == 2);
    assert!(source(&view, "push")["problem"].as_str().unwrap().contains("a push of"), "{view:#}");
    controller.reads("checkout", 0.2);
    controller.view_where("checkout", "it is well again", |view| source(view, "push")["problem"].is_null());
    controller.ends();
}

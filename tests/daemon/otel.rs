//! Traces, as a collector receives them over OTLP/HTTP: decoded, and followed from a push to the action. And collectors
//! that are dead, slow, or want another token: none of them costs a decision anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};

use crate::place::{Controller, Place, now, reading, until};
use crate::prometheus_support::http::{Reply, Request, Server};

/// What a collector has.
#[derive(Default)]
struct Got {
    spans: Vec<Span>,
    logs: Vec<LogRecord>,
    resource: BTreeMap<String, String>,
    /// Answered before anything is taken.
    answers: Vec<Reply>,
    /// How often it was called.
    calls: u32,
    /// What `authorization` has to be.
    token: Option<String>,
}

/// A collector that speaks OTLP over HTTP.
struct Collector {
    got: Arc<Mutex<Got>>,
    server: Server,
}

impl Collector {
    fn start() -> Collector {
        let got = Arc::new(Mutex::new(Got::default()));
        let shared = Arc::clone(&got);
        let server = Server::start(move |request| take(&mut shared.lock().unwrap(), request));
        Collector { got, server }
    }

    fn settings(&self, more: &str) -> String {
        format!("[telemetry]\notlp = \"{}/\"\n{more}\n", self.server.url())
    }

    /// Waits for a span.
    fn span(&self, what: &str, is: impl Fn(&Span) -> bool) -> Span {
        until(what, || self.got.lock().unwrap().spans.iter().find(|span| is(span)).cloned())
    }
}

fn take(got: &mut Got, request: &Request) -> Reply {
    got.calls += 1;
    if got.token.as_ref().is_some_and(|token| request.headers.get("authorization") != Some(token)) {
        return Reply::status(401, "");
    }
    if let Some(answer) = got.answers.pop() {
        return answer;
    }
    assert_eq!((request.method.as_str(), request.headers["content-type"].as_str()), ("POST", "application/x-protobuf"));
    match request.path.as_str() {
        "/v1/traces" => {
            let sent = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
            for resource in sent.resource_spans {
                got.resource = words(&resource.resource.unwrap().attributes);
                got.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        "/v1/logs" => {
            let sent = ExportLogsServiceRequest::decode(request.body.as_slice()).unwrap();
            let scopes = sent.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
            got.logs.extend(scopes.flat_map(|scope| scope.log_records));
        }
        other => panic!("nobody sends to {other}"),
    }
    Reply::Say(200, vec![("content-type", "application/x-protobuf".to_owned())], Vec::new())
}

fn words(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.clone()) {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(flag)) => flag.to_string(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

fn of(span: &Span, name: &str) -> String {
    words(&span.attributes).get(name).cloned().unwrap_or_default()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn trace() -> Vec<u8> {
    (0..16).map(|at| u8::from_str_radix(&TRACE[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

/// Pushes a reading as a sender does that traces.
fn traced_push(controller: &Controller, error_rate: f64) {
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let body = reading("checkout", error_rate).to_string();
    let answer = controller.api.ask("POST", "/v1/snapshots", &[("traceparent", &parent)], &body).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text);
}

#[test]
fn a_roll_back_is_one_trace_from_the_push_to_the_action() {
    let collector = Collector::start();
    let place = Place::new();
    let more = "service = \"rollgate-test\"\nlogs = true\nattributes = { team = \"sre\", \"host.name\" = \"here\" }";
    place.write("rollgate.toml", &collector.settings(more));
    let controller = place.run("--log json");
    controller.to_canary("checkout");
    controller.reads("checkout", 0.2);
    traced_push(&controller, 9.0);
    controller.view_where("checkout", "it rolls back", |view| view["phase"] == "rolled_back");

    let of_trace = |span: &Span| span.trace_id == trace();
    let apply = collector.span("the action", |span| span.name == "apply" && of_trace(span));
    let call = collector.span("the call", |span| span.name == "POST /v1/snapshots" && of_trace(span));
    let evaluate = collector.span("the evaluation", |span| span.name == "evaluate" && of_trace(span));
    assert_eq!(call.parent_span_id, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
    assert_eq!((&evaluate.parent_span_id, &apply.parent_span_id), (&call.span_id, &evaluate.span_id));
    assert_eq!(
        (of(&call, "http.response.status_code"), of(&call, "http.route")),
        ("202".into(), "/v1/snapshots".into())
    );
    assert_eq!(of(&evaluate, "rollgate.decision"), "roll_back");
    assert_eq!(of(&evaluate, "rollgate.source"), "push");
    assert!(of(&evaluate, "rollgate.because").contains("error_rate"), "{evaluate:#?}");
    assert_eq!(
        (of(&apply, "rollgate.action.kind"), of(&apply, "rollgate.rollout")),
        ("exposure".into(), "checkout".into())
    );
    for span in [&call, &evaluate, &apply] {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.span_id.len() == 8, "{span:#?}");
        assert_eq!(span.status, None);
    }
    assert!(apply.start_time_unix_nano >= evaluate.start_time_unix_nano);

    // The same id leads to the record, from the span, the log, the collector's log and the metrics.
    let id = of(&evaluate, "rollgate.decision.id");
    let record = controller.api.get(&format!("/v1/decisions/{}", id.replace('/', "%2F"))).unwrap();
    assert_eq!(record.json()["decision"], "roll_back", "{}", record.text);
    let line = controller.process.says("\"ROLLED BACK");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["decision"], &line["trace_id"]), (&json!(id), &json!(TRACE)), "{line:#}");
    let logged = until("the log line is there", || {
        let got = collector.got.lock().unwrap();
        got.logs.iter().find(|log| log.trace_id == trace() && words(&log.attributes)["decision"] == id).cloned()
    });
    assert_eq!((logged.severity_text.as_str(), logged.severity_number), ("INFO", 9));
    let metrics =
        controller.api.ask("GET", "/metrics", &[("accept", "application/openmetrics-text")], "").unwrap().text;
    let exemplar = format!("# {{decision_id=\"{id}\",trace_id=\"{TRACE}\"}}");
    assert!(metrics.contains(&exemplar), "{exemplar} is not in\n{metrics}");

    // Orders and policies are traced, what only looks is not, and what waits is sent before the process ends.
    let order = collector.span("the order", |span| span.name == "order" && of(span, "rollgate.order") == "advance");
    assert!(!order.parent_span_id.is_empty(), "it is part of its call: {order:#?}");
    let reload = collector.span("the policy", |span| span.name == "reload");
    assert_eq!((of(&reload, "rollgate.result"), of(&reload, "rollgate.rollout")), ("good".into(), "checkout".into()));
    controller.does("checkout", "resume", json!({}));
    controller.ends();
    let got = collector.got.lock().unwrap();
    assert!(got.spans.iter().any(|span| of(span, "rollgate.order") == "resume"), "the last span was sent at the end");
    assert!(got.spans.iter().all(|span| !span.name.contains("metrics")), "/metrics is called every 15 seconds");
    let due = [
        ("service.name", "rollgate-test"),
        ("team", "sre"),
        ("host.name", "here"),
        ("deployment.environment.name", "production"),
    ];
    for (name, value) in due {
        assert_eq!(got.resource.get(name).map(String::as_str), Some(value), "{:?}", got.resource);
    }
}

#[test]
fn a_decision_to_hold_and_an_advance_are_spans_and_a_quiet_second_is_none() {
    let collector = Collector::start();
    let place = Place::new();
    place.write("rollgate.toml", &collector.settings("sample = \"0%\""));
    let controller = place.run("");
    controller.to_canary("checkout");
    controller.reads("checkout", 0.2);
    controller.view_where("checkout", "it goes on by itself", |view| view["stage"] == "staged");
    let advance =
        collector.span("the advance", |span| of(span, "rollgate.because").contains("advanced from canary to staged"));
    assert_eq!((of(&advance, "rollgate.decision"), of(&advance, "rollgate.input")), ("advance".into(), "time".into()));
    // It looks around by itself every second, and publishes what it sees; readings that change nothing come between.
    for _ in 0..3 {
        controller.reads("checkout", 0.2);
        let before = controller.view("checkout").unwrap()["at"].clone();
        controller.view_where("checkout", "it has looked around again", |view| view["at"] != before);
    }
    controller.ends();
    let got = collector.got.lock().unwrap();
    let quiet = got.spans.iter().filter(|span| span.name == "evaluate" && of(span, "rollgate.decision.id").is_empty());
    assert_eq!(quiet.count(), 0, "{:#?}", got.spans);
    assert!(
        !got.spans.iter().any(|span| span.name == "POST /v1/snapshots"),
        "none of the pushes came to something itself"
    );
}

fn exported(controller: &Controller, result: &str) -> u64 {
    let wanted = format!("rollgate_exported_total{{kind=\"span\",result=\"{result}\"}} ");
    let text = controller.api.get("/metrics").unwrap().text;
    text.lines().find_map(|line| line.strip_prefix(&wanted)).map_or(0, |count| count.parse().unwrap())
}

#[test]
fn a_collector_that_hangs_costs_spans_and_no_decision_a_moment() {
    let hangs = Server::start(|_| Reply::Hang);
    let place = Place::new();
    place.write("rollgate.toml", &format!("[telemetry]\notlp = \"{}\"\n", hangs.url()));
    let controller = place.run("");
    controller.to_canary("checkout");
    let many: Vec<Value> = (0..6000)
        .map(|at| {
            let time = now() - rollgate::model::time::Duration::from_millis(6000 - at);
            json!({"time": time, "rollout": "checkout", "groups": {"treatment": {"error_rate": 0.2}}})
        })
        .collect();
    let pushed = controller.api.post("/v1/snapshots", &Value::from(many).to_string()).unwrap();
    assert_eq!(pushed.status, 202, "{}", pushed.text);
    until("more came than may wait", || (exported(&controller, "dropped") > 0).then_some(()));
    let started = Instant::now();
    controller.reads("checkout", 9.0);
    controller.view_within(Duration::from_secs(1), "checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    controller.process.says("the collector does not take what is exported");
    let closing = Instant::now();
    controller.ends();
    assert!(closing.elapsed() < Duration::from_secs(10), "{:?}", closing.elapsed());
    place.assert_sound("with a collector that hangs");
}

#[test]
fn a_collector_that_is_dead_is_told_once_and_what_comes_later_arrives_when_it_is_back() {
    // Somebody listened here, and does not any more.
    let gone = Server::start(|_| Reply::Cut).address;
    let place = Place::new();
    place.write("rollgate.toml", &format!("[telemetry]\notlp = \"http://{gone}\"\n"));
    let controller = place.run("");
    controller.to_canary("checkout");
    controller.process.says("the collector does not take what is exported");
    let got = Arc::new(Mutex::new(Got::default()));
    let shared = Arc::clone(&got);
    let _back = Server::start_at(gone, Arc::new(move |request: &Request| take(&mut shared.lock().unwrap(), request)));
    controller.process.says("the collector takes what is exported again");
    assert!(
        got.lock().unwrap().spans.iter().any(|span| of(span, "rollgate.order") == "start"),
        "nothing is lost to a pause"
    );
    assert_eq!((exported(&controller, "dropped"), exported(&controller, "failed")), (0, 0));
    assert_eq!(controller.process.said().matches("does not take what is exported").count(), 1);
    controller.ends();
}

#[test]
fn what_a_collector_answers_decides_whether_it_is_sent_again() {
    let collector = Collector::start();
    let later = Reply::Say(503, vec![("retry-after", "1".to_owned())], Vec::new());
    collector.got.lock().unwrap().answers = vec![later];
    let place = Place::new();
    place.write("rollgate.toml", &collector.settings(""));
    let controller = place.run("");
    controller.to_canary("checkout");
    collector.span("what had to wait", |span| of(span, "rollgate.order") == "start");
    assert_eq!(exported(&controller, "failed"), 0);
    let before = exported(&controller, "sent");
    collector.got.lock().unwrap().answers = vec![Reply::status(400, "")];
    controller.reads("checkout", 0.2);
    until("what it never takes is given up", || (exported(&controller, "failed") > 0).then_some(()));
    let partial = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess { rejected_spans: 1, error_message: "too many".to_owned() }),
    };
    let failed = exported(&controller, "failed");
    collector.got.lock().unwrap().answers = vec![Reply::Say(200, Vec::new(), partial.encode_to_vec())];
    controller.reads("checkout", 0.2);
    until("what it refused is counted", || (exported(&controller, "failed") == failed + 1).then_some(()));
    assert!(exported(&controller, "sent") > before);
    controller.ends();
}

#[test]
fn an_encrypted_collector_is_reached_with_its_authority_and_not_without() {
    let got = Arc::new(Mutex::new(Got::default()));
    let shared = Arc::clone(&got);
    let (server, authority) = Server::encrypted(move |request| take(&mut shared.lock().unwrap(), request));
    let settings = format!("[telemetry]\notlp = \"https://{}\"\n", server.address);
    let place = Place::new();
    place.write("rollgate.toml", &settings);
    let controller = place.run("");
    controller.to_canary("checkout");
    controller.process.says("the collector does not take what is exported");
    controller.ends();
    assert_eq!(got.lock().unwrap().calls, 0, "something was sent to somebody whom nobody vouches for");
    place.write("rollgate.toml", &format!("{settings}ca = \"otel-ca.pem\"\n"));
    let refused = place.screen("run --listen 127.0.0.1:0");
    assert!(refused.contains("[telemetry]: `otel-ca.pem` cannot be read"), "{refused}");
    place.write("otel-ca.pem", &authority);
    let controller = place.run("");
    controller.leads("checkout");
    controller.does("checkout", "pause", json!({}));
    until("the pause is told", || {
        let got = got.lock().unwrap();
        got.spans.iter().any(|span| of(span, "rollgate.order") == "pause").then_some(())
    });
    controller.ends();
}

#[test]
fn a_rotated_token_is_looked_up_again_and_never_shown() {
    let collector = Collector::start();
    let place = Place::new();
    place.write("token", "Bearer first\n");
    collector.got.lock().unwrap().token = Some("Bearer first".to_owned());
    place.write("rollgate.toml", &collector.settings("headers = { Authorization = \"file:token\" }"));
    let controller = place.run("");
    controller.to_canary("checkout");
    collector.span("the start", |span| of(span, "rollgate.order") == "start");
    place.write("token", "Bearer second\n");
    collector.got.lock().unwrap().token = Some("Bearer second".to_owned());
    controller.does("checkout", "pause", json!({}));
    collector.span("the pause", |span| of(span, "rollgate.order") == "pause");
    assert_eq!(exported(&controller, "failed"), 0);
    let said = controller.process.said();
    assert!(!said.contains("Bearer") && !said.contains("second"), "{said}");
    controller.ends();
}

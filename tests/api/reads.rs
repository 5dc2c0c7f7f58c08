//! Reading: how things stand, decisions, ledgers page by page, policies, health, metrics, and a description that is true.

use std::collections::BTreeSet;

use rollgate::daemon::http::described;
use rollgate::daemon::tokens::Role;
use rollgate::ledger::Entry;
use rollgate::ports::store::StoreError;
use serde_json::{Value, json};

use super::world::{Answer, World};

fn read(world: &World, path: &str) -> Value {
    let answer = world.get(Role::Viewer, path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

#[test]
fn rollouts_are_shown_as_they_stand() {
    let world = World::new();
    world.desk.start("staging");
    let all = read(&world, "/v1/rollouts");
    assert_eq!((all["schema"].as_str(), all["kind"].as_str()), (Some("rollgate/v1"), Some("rollouts")));
    assert_eq!(all["rollouts"].as_array().unwrap().len(), 2);
    let one = read(&world, "/v1/rollouts/checkout?environment=staging");
    assert_eq!((one["rollout"].as_str(), one["stage"].as_str()), (Some("checkout"), Some("off")));
    assert_eq!(one["decision"]["decision"], "hold");
    assert_eq!(one["sources"][0]["name"], "push");
    assert_eq!(world.get(Role::Viewer, "/v1/rollouts/checkout").problem(409), "ambiguous");
    assert_eq!(world.get(Role::Viewer, "/v1/rollouts/nothing").problem(404), "unknown-rollout");
    assert_eq!(world.get(Role::Viewer, "/v1/rollouts/checkout?enviroment=x").problem(400), "query");
}

#[test]
fn the_last_decision_is_the_record_that_replay_writes() {
    let world = World::new();
    let decision = read(&world, "/v1/rollouts/checkout/explain");
    assert_eq!((decision["schema"].as_str(), decision["decision"].as_str()), (Some("rollgate/v1"), Some("hold")));
    assert_eq!(decision["findings"][0]["check"], "errors");
    assert_eq!(read(&world, "/v1/decisions/d-1")["decision"], "hold");
    assert_eq!(world.get(Role::Viewer, "/v1/decisions/d-2").problem(404), "no-decision");
}

#[test]
fn a_ledger_is_read_page_by_page_and_byte_by_byte() {
    let world = World::new();
    for _ in 0..5 {
        world.post(Role::Operator, "/v1/rollouts/checkout/pause", r#"{"reason":"r"}"#);
        world.post(Role::Operator, "/v1/rollouts/checkout/resume", r#"{"reason":"r"}"#);
    }
    let kept = world.desk.entries("production");
    let (mut lines, mut next) = (Vec::new(), Some(1));
    while let Some(from) = next {
        let answer = world.get(Role::Viewer, &format!("/v1/rollouts/checkout/ledger?from={from}&limit=3"));
        let body: rollgate::daemon::wire::EntriesBody = serde_json::from_str(&answer.text).unwrap();
        assert!(body.entries.len() <= 3);
        lines.extend(body.entries.iter().map(|line| line.get().to_owned()));
        next = body.next;
    }
    assert_eq!(lines, kept.iter().map(Entry::line).collect::<Vec<_>>());
    assert!(lines.iter().all(|line| Entry::parse(line).is_ok()));
    let last = read(&world, "/v1/rollouts/checkout/ledger?last=2");
    assert_eq!(last["entries"].as_array().unwrap().len(), 2);
    assert_eq!(last["entries"][1]["seq"], kept.len());
    for wrong in ["limit=0", "limit=1001", "from=1&last=2", "from=x", "limit=-1"] {
        let answer = world.get(Role::Viewer, &format!("/v1/rollouts/checkout/ledger?{wrong}"));
        assert_eq!(answer.problem(400), "query", "{wrong}");
    }
}

#[test]
fn a_check_says_where_the_chain_ends_and_what_is_wrong() {
    let world = World::new();
    let kept = world.desk.entries("production");
    let check = read(&world, "/v1/rollouts/checkout/check");
    assert_eq!((check["kind"].as_str(), check["rollout"].as_str()), (Some("check"), Some("checkout")));
    assert_eq!((&check["problems"], &check["base"]), (&json!([]), &Value::Null));
    assert_eq!((&check["entries"], &check["head"]["seq"]), (&kept.len().into(), &kept.len().into()));
    assert_eq!(check["head"]["hash"], kept.last().unwrap().hash().as_str());
    assert_eq!(world.get(Role::Viewer, "/v1/rollouts/nothing/check").problem(404), "unknown-rollout");
    world.desk.set.lock().unwrap().broken = Some(StoreError::Unavailable("gone".to_owned()));
    assert_eq!(world.get(Role::Viewer, "/v1/rollouts/checkout/check").problem(503), "store-unavailable");
}

#[test]
fn a_check_while_others_write_finds_nothing_wrong() {
    let world = World::new();
    std::thread::scope(|scope| {
        let writes = scope.spawn(|| {
            for verb in ["roll-back", "resume"].into_iter().cycle().take(40) {
                world.post(Role::Operator, &format!("/v1/rollouts/checkout/{verb}"), r#"{"reason":"r"}"#);
            }
        });
        let mut looks = 0;
        while looks < 3 || !writes.is_finished() {
            let check = read(&world, "/v1/rollouts/checkout/check");
            assert_eq!(check["problems"], json!([]), "look {looks}");
            looks += 1;
        }
    });
    assert!(world.desk.entries("production").len() > 40);
}

#[test]
fn decisions_are_the_entries_in_which_an_answer_was_acted_on() {
    let world = World::new();
    world.post(Role::Operator, "/v1/rollouts/checkout/pause", r#"{"reason":"r"}"#);
    world.post(Role::Operator, "/v1/rollouts/checkout/roll-back", r#"{"reason":"r"}"#);
    world.post(Role::Operator, "/v1/rollouts/checkout/resume", r#"{"reason":"r"}"#);
    let page = read(&world, "/v1/rollouts/checkout/decisions");
    let events: Vec<&str> =
        page["entries"].as_array().unwrap().iter().map(|entry| entry["what"]["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["rolled-back"]);
    assert_eq!(page["next"], Value::Null);
    // A page that holds as many as asked says where the next one begins.
    let first = read(&world, "/v1/rollouts/checkout/decisions?limit=1");
    let rest = read(&world, &format!("/v1/rollouts/checkout/decisions?limit=1&from={}", first["next"]));
    assert_eq!((first["entries"].as_array().unwrap().len(), rest["entries"].as_array().unwrap().len()), (1, 0));
}

#[test]
fn a_policy_is_shown_with_its_text_and_the_last_rejection() {
    let world = World::new();
    let governing = read(&world, "/v1/rollouts/checkout/policy");
    let digest = governing["in_force"].as_str().unwrap().to_owned();
    assert_eq!(governing["policy"]["digest"], digest);
    assert!(governing["policy"]["files"]["policy.toml"].as_str().unwrap().contains("new_checkout"));
    assert_eq!(governing["files"]["rejected"]["why"], json!(["unknown key `trafic`"]));
    assert_eq!(read(&world, "/v1/policies")["policies"], json!([digest]));
    assert_eq!(read(&world, &format!("/v1/policies/{}", &digest[..7]))["digest"], digest);
    assert_eq!(world.get(Role::Viewer, "/v1/policies/ffff").problem(404), "no-policy");
    world.desk.set.lock().unwrap().broken = Some(StoreError::Unavailable("gone".to_owned()));
    assert_eq!(world.get(Role::Viewer, "/v1/policies").problem(503), "store-unavailable");
}

#[test]
fn health_needs_no_token_and_readiness_says_what_is_missing() {
    let world = World::new();
    let bare = |path: &str| Answer::of(world.client.get(world.url(path)));
    assert_eq!(bare("/livez").status, 200);
    let ready = bare("/readyz");
    assert_eq!((ready.status, ready.json()), (200, json!({"ready": true, "reasons": []})));
    world.desk.set.lock().unwrap().unready = vec!["checkout (production): no snapshot yet".to_owned()];
    let unready = bare("/readyz");
    assert_eq!(unready.status, 503);
    assert_eq!(unready.json(), json!({"ready": false, "reasons": ["checkout (production): no snapshot yet"]}));
    assert_eq!(bare("/livez").status, 200, "not ready is not dead");
}

#[test]
fn metrics_say_how_rollouts_stand_and_prometheus_reads_them() {
    let world = World::new();
    world.get(Role::Viewer, "/v1/rollouts");
    let asked = world.client.get(world.url("/metrics")).bearer_auth(world.token(Role::Viewer));
    let answer = Answer::of(asked.header("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"));
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    for line in [
        r#"rollgate_decision{rollout="checkout",environment="production",stage="off",decision="hold"} 1"#,
        r#"rollgate_decision{rollout="checkout",environment="production",stage="off",decision="roll_back"} 0"#,
        r#"rollgate_rule_value{rollout="checkout",environment="production",rule="errors",region=""} 0.2"#,
        r#"rollgate_rule_threshold{rollout="checkout",environment="production",rule="errors",region=""} 5"#,
        r#"rollgate_rule_state{rollout="checkout",environment="production",rule="errors",region="",state="ok"} 1"#,
        r#"rollgate_rule_state{rollout="checkout",environment="production",rule="errors",region="",state="firing"} 0"#,
        r#"rollgate_policy_rejected{rollout="checkout",environment="production"} 1"#,
        r#"rollgate_leader{rollout="checkout",environment="production"} 1"#,
        r#"rollgate_source_up{rollout="checkout",environment="production",source="push"} 1"#,
        r#"rollgate_http_requests_total{method="GET",route="/v1/rollouts",status="200"} 1"#,
        "rollgate_ready 1",
    ] {
        assert!(
            answer.text.lines().any(|found| found == line || found == format!("{line}.0")),
            "{line}\n{}",
            answer.text
        );
    }
    assert!(answer.text.contains("rollgate_policy_info{rollout=\"checkout\",environment=\"production\",hash=\""));
    assert_eq!(answer.text.matches("# EOF").count(), 1);
    assert!(answer.text.ends_with("# EOF\n"));
}

#[test]
fn promtool_finds_nothing_wrong_with_the_metrics() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let world = World::new();
    world.post(Role::Sender, "/v1/snapshots", super::world::SNAPSHOT);
    let answer = world.get(Role::Viewer, "/metrics");
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = answer.text;
    let promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut promtool = promtool.expect("promtool is installed; scripts/test does it");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_description_knows_every_route_and_its_examples_are_true() {
    let world = World::new();
    let description = Answer::of(world.client.get(world.url("/openapi.json"))).json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3."));
    let mut found = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.insert((method.clone(), path.clone()));
            let answers = operation["responses"].as_object().unwrap();
            assert!(operation["summary"].is_string() && answers.keys().any(|status| status.starts_with('2')), "{path}");
            for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(parameters.iter().any(|parameter| parameter["name"] == part), "{path}: {part}");
            }
            let Some(example) = operation.pointer("/requestBody/content/application~1json/example") else { continue };
            let called = path.replace("{name}", "checkout").replace("{verb}", "pause");
            let answer = world.post(Role::Admin, &called, &example.to_string());
            assert!(answers.contains_key(&answer.status.to_string()), "{path}: {} is not described", answer.status);
            assert!(matches!(answer.status, 200 | 202), "{path}: {}", answer.text);
        }
    }
    let routes: BTreeSet<_> =
        described().into_iter().map(|(method, path, _)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(found, routes);
    let ids: Vec<&str> = description["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "two operations share a name: {ids:?}");
}

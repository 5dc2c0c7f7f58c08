//! What a controller tells of itself: the id of a decision is in the log, text and JSON, and in the metrics.

use std::io::{BufRead as _, BufReader};

use serde_json::{Value, json};

use crate::place::{PATIENCE, Place};

/// A roll back in a controller that logs in this shape: the id of its decision, and what was logged and measured.
fn rolled_back(shape: &str) -> (String, String, String) {
    let place = Place::new();
    let controller = place.run(&format!("--log {shape}"));
    controller.to_canary("checkout");
    controller.reads("checkout", 0.2);
    controller.reads("checkout", 9.0);
    controller.view_where("checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    let accept = [("accept", "application/openmetrics-text")];
    let metrics = controller.api.ask("GET", "/metrics", &accept, "").unwrap().text;
    let plain = controller.api.get("/metrics").unwrap().text;
    assert!(!plain.contains(" # {"), "the older format has no exemplars: {plain}");
    let counted = "rollgate_decisions_total{rollout=\"checkout\",environment=\"production\",decision=\"roll_back\"} 1";
    assert!(plain.contains(&format!("{counted}\n")), "{plain}");
    let line = metrics.lines().find(|line| line.starts_with(counted)).unwrap_or_else(|| panic!("{metrics}"));
    let (_, points_to) = line.split_once(" # {decision_id=\"").unwrap_or_else(|| panic!("{line}"));
    let id = points_to.split('"').next().unwrap().to_owned();
    let record = controller.api.get(&format!("/v1/decisions/{}", id.replace('/', "%2F"))).unwrap();
    assert_eq!((record.status, record.json()["decision"].clone()), (200, json!("roll_back")), "{}", record.text);
    controller.process.signal("TERM");
    let mut controller = controller;
    assert!(controller.process.ends().success());
    (id, controller.process.last_words(), metrics)
}

#[test]
fn a_line_of_json_names_the_decision_that_it_came_of() {
    let (id, said, _) = rolled_back("json");
    let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let told = |line: &&Value| line["message"].as_str().is_some_and(|message| message.starts_with("ROLLED BACK"));
    let line = lines.iter().find(told).unwrap_or_else(|| panic!("{said}"));
    assert_eq!(line["decision"], json!(id), "{line:#}");
    assert_eq!((&line["rollout"], &line["by"]), (&json!("checkout"), &json!("rollgate")), "{line:#}");
    assert!(line["seq"].is_u64() && line["timestamp"].is_string() && line["level"] == "WARN", "{line:#}");
    // An order says whose it was and why.
    let order = lines.iter().find(|line| line["message"] == "started r1 in off").unwrap_or_else(|| panic!("{said}"));
    assert_eq!((&order["by"], &order["reason"]), (&json!("this machine"), &json!("because of the night")), "{order:#}");
    // Every line is one object: whoever reads them needs nothing else.
    assert_eq!(lines.len(), said.lines().count(), "{said}");
    assert!(
        lines.iter().any(|line| line["message"].as_str().is_some_and(|message| message.starts_with("API on http://")))
    );
}

#[test]
fn a_line_of_text_names_the_decision_that_it_came_of() {
    let (id, said, _) = rolled_back("text");
    let line = said.lines().find(|line| line.contains("ROLLED BACK")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains(&format!("decision=\"{id}\"")), "{line}");
}

#[test]
fn whoever_listens_is_told_where_the_ledger_and_the_record_of_a_decision_go_on() {
    let place = Place::new();
    let controller = place.run("");
    controller.to_canary("checkout");
    let url = format!("http://{}/v1/events", controller.api.address);
    let http = reqwest::blocking::Client::builder().timeout(PATIENCE).build().unwrap();
    let stream = http.get(url).bearer_auth(controller.api.token.clone().unwrap()).send().unwrap();
    controller.reads("checkout", 9.0);
    let (mut id, mut entry, mut heard) = (String::new(), String::new(), None);
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        let data = match line.split_once(": ") {
            Some(("id", given)) => {
                given.clone_into(&mut id);
                continue;
            }
            Some(("data", data)) => serde_json::from_str::<Value>(data).unwrap(),
            _ => continue,
        };
        if data["kind"] == "entry" {
            let line: Value = serde_json::from_str(data["line"].as_str().unwrap()).unwrap();
            assert_eq!(id, format!("checkout/production/{}", line["seq"]), "{line:#}");
            entry.clone_from(&id);
        } else if data["decision"]["decision"] == "roll_back" {
            heard = Some(data);
            break;
        }
    }
    let heard = heard.expect("the stream ended before it rolled back");
    assert_eq!(heard["id"], json!(id), "the record is found by what the event is called");
    assert_eq!(id, entry, "it comes behind the entries that came of it");
    let record = controller.api.get(&format!("/v1/decisions/{}", id.replace('/', "%2F"))).unwrap();
    assert_eq!(record.json(), heard["decision"]);
    controller.ends();
}

#[cfg(not(feature = "otel"))]
#[test]
fn a_rollgate_that_cannot_send_traces_says_so_instead_of_sending_none() {
    let place = Place::new();
    place.write("rollgate.toml", "[telemetry]\notlp = \"http://127.0.0.1:4318\"\n");
    let screen = place.screen("run --listen 127.0.0.1:0");
    assert!(screen.contains("build it with `--features otel`"), "{screen}");
    assert!(screen.contains("exit exit status: 1"), "{screen}");
}

#[test]
fn whoever_is_denied_at_the_door_is_who_the_ledger_names() {
    let place = Place::new();
    let controller = place.run("");
    controller.leads("checkout");
    let denied = controller.api.stranger().post("/v1/rollouts/checkout/pause", "{\"reason\": \"let me\"}").unwrap();
    assert_eq!(denied.status, 401, "{}", denied.text);
    controller.process.says("pause REFUSED");
    controller.ends();
    let listed = place.screen("audit list --kind refused --plain");
    assert!(listed.contains("checkout production 127.0.0.1: pause REFUSED: no token"), "{listed}");
}

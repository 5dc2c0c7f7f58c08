//! One night: up to half the traffic, a warning that clears, an order, a roll back, silence. Then it is recorded.

use rollgate::model::time::{Duration, Time};
use serde_json::Value;

use super::controller::Place;

/// The ledger's own words for what was decided, with the times.
fn decided(place: &Place) -> Vec<(Time, String)> {
    let entries = place.lines(&["audit", "list", "--output", "jsonl"]);
    let decided = entries.iter().map(entry).filter(|entry| entry["what"]["event"] == "decision-changed");
    decided.map(|entry| (time(&entry["at"]), text(&entry["what"]["decision"]))).collect()
}

fn entry(line: &Value) -> Value {
    if line["entry"].is_object() { line["entry"].clone() } else { line.clone() }
}

fn time(value: &Value) -> Time {
    Time::parse(value.as_str().unwrap()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Each answer once, however often its reason changed.
fn turns(decided: Vec<(Time, String)>) -> Vec<(Time, String)> {
    let mut turns: Vec<(Time, String)> = Vec::new();
    for (at, answer) in decided {
        if turns.last().is_none_or(|(_, last)| *last != answer) {
            turns.push((at, answer));
        }
    }
    turns
}

fn night() -> Place {
    let place = Place::running();
    place.push(0.1);
    let reason = ["--reason", "weekly release", "--by", "ana"];
    place.ok(&[&["start", "policies/checkout", "--revision", "r812"][..], &reason].concat());
    place.ok(&[&["advance"][..], &reason].concat());
    place.push_until(0.1, "it goes up by itself", |place| place.is("stage", "staged"));
    place.push(3.0);
    place.push(3.1);
    place.push(0.2);
    place.push(0.3);
    place.push(0.2);
    place.ok(&["hold", "--for", "1h", "--reason", "let me look", "--by", "bob"]);
    place.push(7.5);
    place.until("it is taken back", |place| place.is("phase", "rolled_back"));
    place.until("the last reading is stale", |place| {
        let findings = place.lines(&["audit", "list", "--output", "jsonl"]);
        findings
            .iter()
            .map(entry)
            .any(|entry| entry["what"]["to"] == "unknown" && entry["seq"].as_u64() > Some(20))
            .then_some(())
    });
    place
}

#[test]
fn what_a_controller_saw_is_a_fixture_that_replays_to_what_it_decided() {
    let mut place = night();
    let until = jiff::Timestamp::now().to_string();

    let recorded =
        place.json(&["record", "--since", "1h", "--until", &until, "--out", "fixtures/night", "--output", "json"]);
    assert_eq!(recorded["replay"]["differs"], Value::Null, "{recorded:#}");
    assert_eq!(recorded["replay"]["moves"], 3, "off to canary, canary to staged, and back: {recorded:#}");
    assert_eq!(recorded["left_out"]["unasked"].as_u64(), recorded["snapshots"].as_u64());
    assert_eq!(recorded["notes"], serde_json::json!([]));

    place.ok(&["test", "fixtures/night", "--bless"]);
    let said = place.ok(&["test", "fixtures/night"]);
    assert!(said.contains("goes as in timeline.txt"), "{said}");

    // The same by another way: what `replay` prints, beside what the ledger says.
    let replayed = place.lines(&["replay", "policies/checkout", "fixtures/night", "--output", "jsonl"]);
    let replayed = replayed.iter().map(|line| (time(&line["time"]), text(&line["decision"]))).collect();
    let (ledger, replay) = (turns(decided(&place)), turns(replayed));
    let answers = |turns: &[(Time, String)]| turns.iter().map(|(_, answer)| answer.clone()).collect::<Vec<_>>();
    assert_eq!(answers(&replay), ["hold", "advance", "hold", "advance", "hold", "roll_back"]);
    assert_eq!(answers(&ledger)[..6], answers(&replay));
    for ((told, _), (again, _)) in ledger.iter().zip(&replay) {
        assert!(told.since(*again).as_millis().abs() < 2000, "{told} {again}");
    }

    // A later beginning stands where the ledger says, with what was known by then.
    let staged = ledger[4].0 + Duration::from_millis(1);
    let later = place.json(&[
        "record",
        "--since",
        &staged.to_string(),
        "--until",
        &until,
        "--out",
        "fixtures/later",
        "--output",
        "json",
    ]);
    assert_eq!((&later["stage"], &later["replay"]["differs"]), (&Value::from("staged"), &Value::Null), "{later:#}");
    assert_eq!(later["replay"]["moves"], 1);

    explained(&place, &ledger);

    // The controller is gone; its journal and its ledger are not.
    let (data, head) = (place.read("fixtures/night/data.ndjson"), place.read("fixtures/night/fixture.toml"));
    place.end();
    place.ok(&["record", "--since", "1h", "--until", &until, "--out", "fixtures/again"]);
    assert_eq!(place.read("fixtures/again/data.ndjson"), data);
    assert_eq!(place.read("fixtures/again/fixture.toml"), head);

    redacted(&place, &until);
}

fn redacted(place: &Place, until: &str) {
    let words = ["record", "--since", "1h", "--until", until, "--redact", "source,people", "--out", "fixtures/private"];
    let labelled =
        ["--label", "bad", "--incident", "2026-03-05T03:05:00Z..2026-03-05T03:40:00Z", "--title", "A bad night"];
    place.ok(&[&words[..], &labelled].concat());
    let (data, head) = (place.read("fixtures/private/data.ndjson"), place.read("fixtures/private/fixture.toml"));
    for private in ["prom-private", "ana", "bob", "weekly release", "let me look", "checkout\""] {
        assert!(!data.contains(private), "{private} in the data");
    }
    for private in ["ana", "bob", "weekly release", "let me look"] {
        assert!(!head.contains(private), "{private} in {head}");
    }
    assert!(data.contains(r#""source":"source-1""#) && head.contains("person-2"), "{head}");
    assert!(head.contains(r#"title = "A bad night""#) && head.contains(r#"verdict = "bad""#), "{head}");
    assert_eq!(data.matches(r#""value":7.5,"#).count(), 1, "values are what they were");
    place.ok(&["test", "fixtures/private", "--bless"]);
}

fn explained(place: &Place, ledger: &[(Time, String)]) {
    let now = place.ok(&["explain", "checkout"]);
    assert!(now.contains("ROLLED BACK at off") && now.contains("error_rate 7.5% is above 5%"), "{now}");
    let rolled_back = ledger[5].0.to_string();
    let then = place.json(&["explain", "checkout", "--at", &rolled_back, "--output", "json"]);
    assert_eq!(then["time"].as_str(), Some(&*rolled_back));
    let before = (ledger[5].0 - Duration::from_millis(1)).to_string();
    let before = place.ok(&["explain", "checkout", "--at", &before]);
    assert!(before.contains("HOLD at staged (50%)") && before.contains("let me look"), "{before}");
    let entries = place.lines(&["audit", "list", "--output", "jsonl"]);
    let back = entries.iter().map(entry).find(|entry| entry["what"]["event"] == "rolled-back").unwrap();
    let id = back["seq"].to_string();
    let by_id = place.ok(&["explain", "checkout", "--id", &id]);
    assert!(by_id.contains("ROLL BACK at staged (50%)") && by_id.contains("error_rate.p0"), "{by_id}");
    assert!(by_id.contains("7.5%"), "the minutes before: {by_id}");
    assert!(place.ok(&["explain", "RG012"]).contains("RG012"));
}

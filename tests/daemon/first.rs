//! The first minute, and the first incident.

use std::time::Duration;

use serde_json::json;

use crate::place::{Place, key, now};
use rollgate::ledger::hash::Key;
use rollgate::ports::store::Store as _;

#[test]
fn a_fresh_folder_one_push_and_there_is_a_decision_with_a_reason_within_a_second() {
    let place = Place::empty();
    let controller = place.run("");
    assert!(place.path().join("policies/my-rollout/policy.toml").exists(), "the example is written");
    let readings =
        json!({"error_rate": {"value": 0.2, "samples": 1200}, "latency_p95": {"value": 180.0, "samples": 1200}});
    let pushed = json!({"time": now(), "groups": {"treatment": readings, "control": readings}});
    // As a newcomer does: no token, no name of a rollout.
    let answer = controller.api.stranger().post("/v1/snapshots", &pushed.to_string()).unwrap();
    assert_eq!((answer.status, answer.json()), (202, json!({"snapshots": 1, "unmapped": 0})));
    let view = controller.view_within(Duration::from_secs(1), "my-rollout", "a decision", |view| {
        view["data_at"] == pushed["time"] && view["decision"].is_object()
    });
    assert_eq!(view["decision"]["decision"], "hold", "{view:#}");
    assert_eq!(view["decision"]["because"][0]["reason"], "not-started", "{view:#}");
    let explained = controller.api.stranger().get("/v1/rollouts/my-rollout/explain").unwrap();
    assert_eq!(explained.status, 200, "{}", explained.text);
    let ready = controller.api.stranger().get("/readyz").unwrap();
    assert_eq!(ready.status, 200, "{}", ready.text);
    controller.ends();
}

#[test]
fn a_breach_pushed_while_it_runs_is_a_roll_back_in_the_ledger_that_verifies() {
    let place = Place::new();
    let controller = place.run("");
    controller.to_canary("checkout");
    controller.reads("checkout", 0.2);
    controller.view_where("checkout", "it goes on by itself", |view| view["stage"] == "staged");
    controller.reads("checkout", 9.0);
    let view = controller
        .view_within(Duration::from_secs(1), "checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    assert!(view["why"].as_str().unwrap().contains("error_rate"), "{view:#}");
    assert_eq!((&view["traffic"], &view["stage"]), (&json!(0.0), &json!("off")), "{view:#}");
    // Good readings do not bring it back.
    controller.reads("checkout", 0.1);
    let resumed = controller.order("checkout", "advance", json!({}));
    assert_eq!(resumed.status, 409, "{}", resumed.text);
    // What the shipped alerts look at is counted.
    let metrics = controller.api.get("/metrics").unwrap().text;
    for counted in [
        "rollgate_action_seconds_count{kind=\"exposure\",result=\"ok\"}",
        "rollgate_evaluation_seconds_count{rollout=\"checkout\",environment=\"production\"}",
        "rollgate_evaluation_errors_total{rollout=\"checkout\",environment=\"production\"} 0",
        "rollgate_lease_changes_total{result=\"taken\"} 1",
    ] {
        assert!(metrics.contains(counted), "{counted} is not in\n{metrics}");
    }
    controller.ends();
    let verified = place.screen("audit verify");
    assert!(verified.contains("exit exit status: 0"), "{verified}");
    let listed = place.screen("audit list --plain");
    assert_eq!(listed.matches("ROLLED BACK").count(), 1, "{listed}");
    place.assert_sound("after a roll back");
    let key: Key = key("checkout");
    assert_eq!(place.store().keys().unwrap(), [key]);
}

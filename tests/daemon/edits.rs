//! Policies that are edited while the controller runs.

use serde_json::{Value, json};

use crate::place::{POLICY, Place, within};
use rollgate::model::event::What;
use std::time::{Duration, Instant};

/// The policy with one thing changed.
fn edited(from: &str, to: &str) -> String {
    assert!(POLICY.contains(from));
    POLICY.replace(from, to)
}

/// A policy whose canary takes an hour.
fn slow() -> String {
    edited("bake    = \"1s\"", "bake    = \"1h\"")
}

fn why_rejected(view: &Value) -> String {
    view["files"]["rejected"]["why"].to_string()
}

#[test]
fn a_tighter_bound_is_in_force_as_soon_as_it_is_saved_and_judges_what_was_read_before() {
    let place = Place::empty();
    place.policy("checkout", &slow());
    let controller = place.run("");
    controller.to_canary("checkout");
    controller.reads("checkout", 3.0);
    let before = controller.view_where("checkout", "3 % is fine", |view| {
        view["decision"]["findings"][0]["state"] == "ok" && view["phase"] == "hold"
    });
    place.policy("checkout", &slow().replace("\"5%\"", "\"2%\""));
    let after = controller
        .view_within(Duration::from_secs(2), "checkout", "3 % is too much", |view| view["phase"] == "rolled_back");
    assert_ne!(before["policy"], after["policy"]);
    assert_eq!(after["policy"], after["files"]["digest"]);
    controller.ends();
    place.assert_sound("after an edit");
    let changed = place.entries().iter().filter(|e| matches!(e.record().what, What::PolicyChanged { .. })).count();
    assert_eq!(changed, 2, "the first one, and the edit");
}

#[test]
fn a_broken_edit_keeps_the_last_good_policy_and_is_shown_until_it_is_mended() {
    let place = Place::empty();
    place.policy("checkout", &slow());
    let controller = place.run("");
    controller.to_canary("checkout");
    let before = controller.view("checkout").unwrap();
    place.policy("checkout", &slow().replace("traffic = \"10%\"", "trafic = \"10%\""));
    let view = controller.view_where("checkout", "it is turned away", |view| why_rejected(view).contains("trafic"));
    assert_eq!(view["policy"], before["policy"]);
    let ready = controller.api.get("/readyz").unwrap();
    assert_eq!(ready.status, 200, "a broken edit stops nobody: {}", ready.text);
    let shown = controller.api.get("/v1/rollouts/checkout/policy").unwrap();
    assert!(shown.text.contains("trafic"), "{}", shown.text);
    // What TOML itself cannot read is told too.
    place.policy("checkout", "schema = 1\nrollout = \"checkout\n");
    controller.view_where("checkout", "it is turned away again", |view| {
        view["files"]["rejected"].is_object() && !why_rejected(view).contains("trafic")
    });
    place.policy("checkout", &slow().replace("\"5%\"", "\"4%\""));
    let view = controller.view_where("checkout", "it is mended", |view| view["files"]["rejected"].is_null());
    assert_ne!(view["policy"], before["policy"]);
    // And it was in force all the time.
    controller.reads("checkout", 4.5);
    controller.view_where("checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    controller.ends();
}

#[test]
fn a_policy_without_the_stage_the_rollout_stands_in_is_refused_by_the_machine_and_shown() {
    let place = Place::empty();
    place.policy("checkout", &slow());
    let controller = place.run("");
    controller.to_canary("checkout");
    let before = controller.view("checkout").unwrap();
    place.policy("checkout", &slow().replace("\"canary\"", "\"pilot\""));
    let view = controller.view_where("checkout", "it is refused", |view| why_rejected(view).contains("canary"));
    assert_eq!((&view["policy"], &view["stage"]), (&before["policy"], &json!("canary")));
    assert_eq!(view["files"]["waits"], json!(false), "{:#}", view["files"]);
    controller.ends();
    let refused: Vec<String> = place
        .entries()
        .iter()
        .filter_map(|entry| match &entry.record().what {
            What::PolicyRejected { why, .. } => Some(why.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(refused.len(), 1, "once: {refused:?}");
    // It is still refused after a restart, and not over and over.
    let controller = place.run("");
    controller.view_where("checkout", "it is refused again", |view| why_rejected(view).contains("canary"));
    controller.reads("checkout", 9.0);
    controller.view_where("checkout", "the old one is in force", |view| view["phase"] == "rolled_back");
    controller.ends();
    let refused = place.entries().iter().filter(|e| matches!(e.record().what, What::PolicyRejected { .. })).count();
    assert_eq!(refused, 2, "once per start");
}

#[test]
fn a_controller_that_boots_on_a_broken_policy_says_so_and_governs_by_the_one_in_the_ledger() {
    let place = Place::empty();
    place.policy("checkout", &slow());
    let controller = place.run("");
    controller.to_canary("checkout");
    controller.ends();
    for broken in ["this is no TOML", &slow().replace("bake ", "bakes ")] {
        place.policy("checkout", broken);
        let controller = place.run("");
        let view = controller.view_where("checkout", "it says so", |view| view["files"]["rejected"].is_object());
        assert!(view["phase"] == "hold" && view["stage"] == "canary", "{view:#}");
        controller.process.says("was turned away; the last good one stays");
        controller.ends();
    }
    let controller = place.run("");
    controller.reads("checkout", 9.0);
    controller.view_where("checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    controller.ends();
}

#[test]
fn a_controller_whose_first_policy_is_broken_waits_for_a_good_one_and_says_so() {
    let place = Place::empty();
    place.policy("checkout", &slow().replace("traffic = \"10%\"", "trafic = \"10%\""));
    let controller = place.run("");
    let ready = controller.api.get("/readyz").unwrap();
    assert_eq!(ready.status, 503, "{}", ready.text);
    assert!(ready.text.contains("trafic"), "{}", ready.text);
    place.policy("checkout", &slow());
    controller.leads("checkout");
    within(Duration::from_secs(5), "it is ready", || {
        controller.api.get("/readyz").ok().filter(|answer| answer.status == 200)
    });
    controller.ends();
}

/// Every one of its readings costs as much as a script may cost.
const HEAVY: &str = r#"
schema   = 1
rollout  = "heavy"
features = ["heavy"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
[triggers]
slow = { in = ["canary"], script = "slow" }
[[stages]]
name = "off"
[[stages]]
name    = "canary"
traffic = "10%"
bake    = "1h"
"#;

/// There are no loops: what doubles seven times is slow enough.
fn heavy_script() -> String {
    let mut text = "fn slow() { if f6() < 0.0 { breach() } else { ok() } }\nfn f0() { 1.0 }\n".to_owned();
    (1..=6).for_each(|at| text.push_str(&format!("fn f{at}() {{ f{before}() + f{before}() }}\n", before = at - 1)));
    text
}

#[test]
fn a_rollout_that_is_busy_with_a_slow_script_delays_no_other_ones_roll_back() {
    let place = Place::empty();
    place.policy("checkout", &slow());
    place.policy("heavy", HEAVY);
    place.write("policies/heavy/rules.rhai", &heavy_script());
    let controller = place.run("");
    controller.to_canary("checkout");
    controller.to_canary("heavy");
    let now = crate::place::now();
    let many: Vec<String> = (0..3000)
        .map(|at| {
            let time = now - rollgate::model::time::Duration::from_millis(3000 - at);
            json!({"time": time, "rollout": "heavy", "groups": {"treatment": {"error_rate": 0.1}}}).to_string()
        })
        .collect();
    let answer = controller.api.post("/v1/snapshots", &format!("[{}]", many.join(","))).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text);
    let started = Instant::now();
    controller.reads("checkout", 9.0);
    controller.view_within(Duration::from_secs(1), "checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    let took = started.elapsed();
    // The other one was busy all the while, or this shows nothing.
    let heavy = controller.view("heavy").unwrap();
    let last: Value = serde_json::from_str(many.last().unwrap()).unwrap();
    assert_ne!(heavy["data_at"], last["time"], "it was done already, after {took:?}");
}

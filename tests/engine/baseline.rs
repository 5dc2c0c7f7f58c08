//! The frozen baseline: its size, age, drift, and what it refuses.

use rollgate::model::decision::Wait;
use rollgate::model::event::What;
use rollgate::model::state::BaselineValue;

use super::world::World;

const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
[metrics]
latency = { unit = "ms", better = "lower", max_age = "90s", on_unknown = "hold" }
[baseline]
min_points = 10
[thresholds.latency]
p0 = { above = "+50%", than = "baseline", and_above = "+20ms" }
p1 = { above = "400ms" }
[[stages]]
name = "off"
bake = "5m"
[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"
"#;

fn frozen(world: &World) -> Option<f64> {
    world.machine.state().baselines.iter().find_map(|baseline| match baseline.value {
        BaselineValue::Known { median, .. } => Some(median),
        BaselineValue::Missing { .. } => None,
    })
}

#[test]
fn holds_while_the_baseline_is_too_young_then_freezes_its_median() {
    let mut world = World::at("off", POLICY);
    world.minutes(9, "latency.all=200");
    assert_eq!(world.stage(), "off");
    assert!(
        matches!(&world.waits()[0], Wait::Baseline { note, .. } if note == "9 of 10 readings"),
        "{:?}",
        world.waits()
    );
    world.minutes(1, "latency.all=200");
    assert_eq!(world.stage(), "canary");
    assert_eq!(frozen(&world), Some(200.0));
    assert_eq!(world.happened(|what| matches!(what, What::BaselineFrozen { .. })), 1);
    world.minutes(5, "latency.all=900 latency=290");
    assert_eq!(frozen(&world), Some(200.0), "frozen until the next revision");
    world.minutes(1, "latency=301");
    assert!(world.is_latched());
    world.assert_state_is_the_fold();
}

#[test]
fn group_all_if_present_else_control() {
    let mut world = World::at("off", POLICY);
    world.minutes(12, "latency.control=150");
    assert_eq!(frozen(&world), Some(150.0));
}

#[test]
fn a_drifted_baseline_is_not_trusted() {
    let mut world = World::at("off", POLICY);
    world.minutes(40, "latency.all=100").minutes(1, "latency.all=100");
    assert_eq!(world.stage(), "canary");
    let mut world = World::at("off", &POLICY.replace("min_points = 10", "min_points = 40"));
    world.minutes(24, "latency.all=100").minutes(16, "latency.all=140");
    let waits = world.waits();
    assert!(matches!(&waits[0], Wait::Baseline { note, .. } if note.contains("have left the median")), "{waits:?}");
}

#[test]
fn a_baseline_that_breaks_an_absolute_bound_refuses_to_start() {
    let mut world = World::at("off", POLICY);
    world.minutes(12, "latency.all=410");
    let waits = world.waits();
    assert!(matches!(&waits[0], Wait::Baseline { note, .. } if note.contains("itself breaks latency.p1")), "{waits:?}");
}

//! Stages once more: what must not be mistaken for a permission, and where a roll back goes.

use std::sync::Arc;

use rollgate::model::decision::{Answer, Wait};
use rollgate::model::event::What;
use rollgate::model::finding::FindingState;
use rollgate::model::operator::Verb;
use rollgate::model::plan::Action;
use rollgate::model::time::Duration;
use rollgate::policy::compiled::StageIx;
use rstest::rstest;

use super::world::{POLICY, World, baseline, compile, minute};

const GOOD: &str = "error_rate=0.1 latency=100";

/// "Advance needs all gates open", and a gate that nothing can show to hold is not open. `check` refuses such a policy;
/// the engine does not count on it.
#[test]
fn a_gate_on_a_group_that_is_empty_by_design_stays_closed() {
    let text = POLICY.replacen("bake = \"10m\"", "bake = \"10m\"\ngates = [\"calm\"]", 1)
        + "\n[gates]\ncalm = { metric = \"latency\", at_most = \"150ms\" }\n";
    let mut policy = Arc::into_inner(compile(&text, "")).unwrap();
    let gate = policy.find_check("calm").unwrap();
    policy.stages[0].gates.push(gate);
    let asked = &mut policy.checks[usize::from(gate.0)].stages;
    *asked = asked.with(StageIx(0));
    let mut world = World::of("off", Arc::new(policy), |_| {});
    world.minutes(20, "latency.control=100");
    assert_eq!(world.stage(), "off");
    assert!(matches!(&world.waits()[0], Wait::Gate { check, .. } if check.as_str() == "calm"), "{:?}", world.waits());
    assert_eq!(world.state_of("calm"), FindingState::NotApplicable);
}

const LADDER: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
latency = { unit = "ms", better = "lower", max_age = "90s", on_unknown = "hold" }
[triggers]
errors = { in = ["full"], metric = "error_rate", above = "5%", target = "canary" }
slow = { in = ["canary", "full"], metric = "latency", above = "500ms" }
[[stages]]
name = "off"
bake = "5m"
[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"
[[stages]]
name = "full"
traffic = "100%"
bake = "10m"
max = "30m"
on_max = "rollback"
"#;

/// "A named target must be lower"; of several that fire at once the lowest is right for all of them.
#[rstest]
#[case::its_own_target("error_rate=9 latency=100", "canary")]
#[case::the_default_target("error_rate=1 latency=600", "off")]
#[case::both_at_once("error_rate=9 latency=600", "off")]
fn a_roll_back_goes_to_the_lowest_target_asked_for(#[case] readings: &str, #[case] stage: &str) {
    let mut world = World::at("full", LADDER);
    world.minutes(1, readings);
    assert_eq!(world.stage(), stage);
}

/// "`advance` happens once, after its bake, and means complete; afterwards hold, reason complete": `max` is over then.
#[test]
fn a_finished_rollout_is_not_rolled_back_for_being_old() {
    let mut world = World::at("full", LADDER);
    world.minutes(60, GOOD);
    assert!(!world.is_latched(), "{}", world.headline());
    assert!(matches!(world.waits()[0], Wait::Complete));
    world.minutes(1, "error_rate=1 latency=600");
    assert!(world.is_latched(), "checks still active");
    assert!(!world.machine.state().complete);
    world.assert_state_is_the_fold();
}

/// "At most the smallest `max_age` of the stage's metrics" counts, those that only a script reads included.
#[test]
fn a_script_s_metrics_limit_how_much_of_a_gap_is_good_time() {
    let policy = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "10m", on_unknown = "hold" }
latency = { unit = "ms", better = "lower", max_age = "90s", on_unknown = "hold" }
[params]
most = "5%"
slow = "500ms"
[triggers]
both = { script = "both" }
[[stages]]
name = "off"
bake = "5m"
[[stages]]
name = "canary"
traffic = "10%"
bake = "30m"
"#;
    let rules = r#"fn both() { metric("error_rate").treatment > param("most") && metric("latency").treatment > param("slow") }"#;
    let mut world = World::with("canary", policy, rules, |_| {});
    world.minutes(1, GOOD);
    // No tick in between: the driver was asleep.
    let frame = world.frame(minute(9), GOOD);
    world.feed(minute(9), rollgate::engine::Input::Frame(&frame));
    assert_eq!(world.decision().bake.0, Duration::from_secs(90));
}

/// "Early exit": the samples of a metric that only a script reads count too.
#[test]
fn early_exit_asks_for_samples_of_script_metrics_too() {
    let policy = POLICY
        .replacen("bake = \"10m\"", "bake = \"10m\"\nearly_exit = { after = \"3m\", samples = 1000 }", 1)
        .replacen("[thresholds.latency]\np1 = { above = \"500ms\", for = \"3 of 5\" }\n", "", 1)
        .replace("on_unknown = \"hold\" }", "on_unknown = \"hold\", min_samples = 10 }")
        + "\n[params]\nslow = \"500ms\"\n[triggers]\nslow = { script = \"slow\" }\n";
    let rules = r#"fn slow() { metric("latency").treatment > param("slow") }"#;
    let mut world = World::with("canary", &policy, rules, |_| {});
    world.minutes(6, "error_rate=0.1@900 latency=100@20");
    assert_eq!(world.stage(), "canary");
    world.minutes(1, "error_rate=0.1@900 latency=100@900");
    assert_eq!(world.stage(), "full");
}

/// "The rollout was not paused", "unknown", "latched": nothing of it counts as bake.
#[test]
fn bake_starts_at_zero_on_each_entry_and_does_not_count_while_latched() {
    let mut world = World::at("canary", POLICY);
    world.minutes(9, GOOD).minutes(1, "error_rate=9 latency=100").minutes(30, GOOD);
    assert_eq!(world.decision().bake.0, Duration::ZERO);
    world.order(Verb::Resume).minutes(4, GOOD);
    assert_eq!(world.stage(), "off");
}

/// "`unless_control = true` holds instead of rolling back while control breaks the same bound": a control that fell
/// silent excuses nothing.
#[test]
fn a_silent_control_excuses_nothing() {
    let policy = POLICY.replace(r#"p0 = { above = "5%" }"#, r#"p0 = { above = "5%", unless_control = true }"#);
    let mut world = World::at("canary", &policy);
    world.minutes(1, "error_rate=20 error_rate.control=21 latency=100").minutes(1, "error_rate=20 latency=100");
    assert!(!world.is_latched(), "control is a minute old");
    let wake = world.output.wake_at.unwrap();
    assert_eq!(wake, minute(0) + Duration::from_millis(90_001), "when control turns stale");
    world.wake_until(wake + Duration::from_millis(1));
    assert!(world.is_latched());
}

/// "Unknown too when it is <= 0 without a floor": nor does a bound beyond all numbers let anything pass.
#[rstest]
#[case::zero(0.0)]
#[case::negative(-5.0)]
#[case::beyond_all_numbers(1.7e308)]
fn a_baseline_that_gives_no_bound_is_unknown(#[case] base: f64) {
    let policy =
        POLICY.replace(r#"p1 = { above = "500ms", for = "3 of 5" }"#, r#"p1 = { above = "+10%", than = "baseline" }"#);
    let mut world = World::with("canary", &policy, "", |state| state.baselines = vec![baseline("latency", base)]);
    world.minutes(15, GOOD);
    assert_eq!(world.state_of("latency.p1"), FindingState::Unknown);
    assert_eq!(world.stage(), "canary");
}

/// "Shadow": an ordered advance is carried out, a roll back found on the way is still only reported.
#[test]
fn an_ordered_advance_in_shadow_does_not_roll_back() {
    let mut world = World::at("canary", &format!("mode = \"shadow\"\n{POLICY}"));
    world.minutes(1, "error_rate=9 latency=100").order(Verb::Advance);
    assert_eq!(world.stage(), "canary");
    assert_eq!(world.answer(), Answer::RollBack);
    assert_eq!(world.happened(|what| matches!(what, What::RolledBack { .. })), 0);
}

/// "A roll back never raises exposure", whatever the order and wherever it stands.
#[test]
fn an_emergency_while_latched_stays_latched_at_nothing() {
    let mut world = World::at("full", LADDER);
    world.minutes(1, "error_rate=9 latency=100");
    assert_eq!(world.stage(), "canary");
    let now = world.machine.now();
    let order = rollgate::model::operator::Order {
        actor: rollgate::model::ids::Actor::new("ana"),
        reason: "fire".to_owned(),
        verb: Verb::Emergency,
    };
    world.feed(now, rollgate::engine::Input::Order(order));
    let plan = world.output.plan.clone().unwrap();
    assert!(matches!(&plan.actions[0], Action::Expose { traffic, .. } if *traffic == 0.0));
    assert!(world.is_latched());
    world.minutes(30, GOOD);
    assert_eq!(world.stage(), "off");
    world.assert_state_is_the_fold();
}

/// "`on_unknown` … rollback acts only after `unknown_after`", counted from the instant the reading went, although the
/// check could not tell anyhow for want of a baseline.
#[test]
fn silence_counts_from_the_instant_the_reading_goes_stale() {
    let policy = POLICY
        .replacen(
            "max_age = \"90s\", on_unknown = \"hold\"",
            "max_age = \"90s\", on_unknown = \"rollback\", unknown_after = \"5m\"",
            1,
        )
        .replace(
            "p0 = { above = \"5%\" }\np1 = { above = \"1%\", for = \"2m\" }\np2 = { above = \"0.5%\" }",
            "p0 = { above = \"+10%\", than = \"baseline\" }",
        );
    let mut world = World::at("canary", &policy);
    world.minutes(1, GOOD).minutes(1, "latency=100");
    world.wake_until(minute(30));
    assert!(world.is_latched());
    let since = world.machine.state().latch.as_ref().unwrap().since;
    assert_eq!(since, minute(6) + Duration::from_millis(30_001));
}

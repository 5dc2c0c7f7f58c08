//! Bounds, runs, unknowns, triggers and scripts.

use rollgate::model::decision::{Answer, Wait};
use rollgate::model::event::What;
use rollgate::model::finding::FindingState;
use rollgate::model::reading::Unknown;
use rstest::rstest;

use super::world::{POLICY, World, baseline};

#[rstest]
#[case::under("error_rate=4.999", false)]
#[case::at("error_rate=5", false)]
#[case::over("error_rate=5.001", true)]
#[case::absent("latency=1", false)]
#[case::nan("error_rate=nan", false)]
#[case::infinite("error_rate=inf", false)]
#[case::out_of_range("error_rate=101", false)]
fn bounds_are_strict_and_no_number_is_no_breach(#[case] readings: &str, #[case] rolls_back: bool) {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, &format!("{readings} latency=100"));
    assert_eq!(world.is_latched(), rolls_back);
    assert_eq!(world.stage(), if rolls_back { "off" } else { "canary" });
    assert_ne!(world.answer(), Answer::Advance);
    world.assert_state_is_the_fold();
}

#[test]
fn no_for_the_first_breaching_sample_fires_and_for_fires_at_an_observation() {
    let mut world = World::at("canary", POLICY);
    world.minutes(2, "error_rate=1.5 latency=100");
    assert_eq!(world.state_of("error_rate.p1"), FindingState::Pending);
    assert_eq!(world.state_of("error_rate.p2"), FindingState::Firing);
    world.minutes(1, "error_rate=1.5 latency=100");
    assert_eq!(world.state_of("error_rate.p1"), FindingState::Firing);
    assert_eq!(world.answer(), Answer::Hold);
    assert!(matches!(&world.waits()[0], Wait::Check { check, .. } if check.as_str() == "error_rate.p1"));
}

#[test]
fn rereading_an_old_observation_adds_nothing() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, "error_rate=1.5 latency=100");
    for _ in 0..10 {
        let frame = world.frame(super::world::minute(0), "error_rate=1.5 latency=100");
        world.feed(
            super::world::minute(0) + rollgate::model::time::Duration::from_secs(89),
            rollgate::engine::Input::Frame(&frame),
        );
    }
    assert_eq!(world.state_of("error_rate.p1"), FindingState::Pending);
}

#[test]
fn a_reading_turns_stale_by_itself_and_unknown_holds() {
    let mut world = World::at("canary", POLICY);
    world.minutes(3, "error_rate=0.1 latency=100").silence(2);
    let waits = world.waits();
    assert!(matches!(&waits[0], Wait::Unknown { why: Unknown::Stale, .. }), "{waits:?}");
    assert_eq!(world.stage(), "canary");
}

#[test]
fn all_findings_are_listed_none_is_short_circuited() {
    let mut world = World::at("canary", POLICY);
    let frame = world.frame(super::world::minute(1), "error_rate=6 latency=600");
    world.feed(super::world::minute(1), rollgate::engine::Input::Frame(&frame));
    let decision = world.decision();
    assert_eq!(decision.findings.len(), 4);
    assert_eq!(decision.findings[0].check.as_str(), "error_rate.p0");
    let milder = decision.findings.iter().find(|f| f.check.as_str() == "error_rate.p2").unwrap();
    assert_eq!(milder.hidden_by.as_ref().map(|check| check.as_str()), Some("error_rate.p0"));
}

#[test]
fn a_latched_roll_back_yields_only_to_a_person_and_later_breaches_are_would_roll_back() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, "error_rate=9 latency=100").minutes(30, "error_rate=0.1 latency=100");
    assert!(world.is_latched());
    assert!(matches!(&world.waits()[0], Wait::Latched { .. }));
    world.minutes(1, "error_rate=9 latency=100");
    assert_eq!(world.happened(|what| matches!(what, What::RolledBack { .. })), 1);
    assert_eq!(world.happened(|what| matches!(what, What::WouldRollBack { .. })), 1);
    world.assert_state_is_the_fold();
}

const RELATIVE: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
[metrics]
latency = { unit = "ms", better = "lower", max_age = "90s", on_unknown = "hold" }
[thresholds.latency]
p0 = { above = "+10%", than = "THAN", and_above = "+20ms" }
[[stages]]
name = "off"
bake = "5m"
[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"
"#;

#[rstest]
#[case::exactly_ten_percent(200.0, "220", false)]
#[case::exactly_ten_percent_in_binary(300.0, "330", false)]
#[case::over(300.0, "330.001", true)]
#[case::floor_not_reached(100.0, "119", false)]
#[case::at_the_floor(100.0, "120", false)]
#[case::over_the_floor(100.0, "120.1", true)]
#[case::zero_baseline_the_floor_decides(0.0, "20.5", true)]
#[case::zero_baseline_under_the_floor(0.0, "19.5", false)]
fn relative_bounds_are_strict_and_floors_must_hold_as_well(
    #[case] base: f64,
    #[case] value: &str,
    #[case] rolls_back: bool,
) {
    let policy = RELATIVE.replace("THAN", "baseline");
    let mut world = World::with("canary", &policy, "", |state| state.baselines = vec![baseline("latency", base)]);
    world.minutes(1, &format!("latency={value}"));
    assert_eq!(world.is_latched(), rolls_back, "{}", world.headline());
}

#[test]
fn a_relative_bound_without_a_baseline_is_unknown() {
    let mut world = World::at("canary", &RELATIVE.replace("THAN", "baseline"));
    world.minutes(20, "latency=900");
    assert!(matches!(&world.waits()[0], Wait::Unknown { why: Unknown::NoBaseline, .. }));
}

#[test]
fn control_is_the_median_of_the_last_fifteen_at_least_eight_known() {
    let mut world = World::at("canary", &RELATIVE.replace("THAN", "control"));
    world.minutes(7, "latency=900 latency.control=100");
    assert!(matches!(&world.waits()[0], Wait::Unknown { why: Unknown::NoComparison, .. }));
    world.minutes(1, "latency=900 latency.control=100");
    assert!(world.is_latched());
}

#[test]
fn an_outage_in_both_groups_says_so_and_unless_control_holds() {
    for (extra, rolls_back) in [("", true), (", unless_control = true", false)] {
        let policy = POLICY.replace(r#"p0 = { above = "5%" }"#, &format!(r#"p0 = {{ above = "5%"{extra} }}"#));
        let mut world = World::at("canary", &policy);
        world.minutes(1, "error_rate=20 error_rate.control=21 latency=100");
        assert_eq!(world.is_latched(), rolls_back);
        assert!(world.headline().contains("control too"), "{}", world.headline());
    }
}

#[test]
fn on_unknown_rollback_acts_only_after_unknown_after() {
    let policy = POLICY.replacen(r#"on_unknown = "hold""#, r#"on_unknown = "rollback", unknown_after = "5m""#, 1);
    let mut world = World::at("canary", &policy);
    world.minutes(1, "error_rate=0.1 latency=100");
    // Unknown from 90 s on; five minutes later is 6 min 30 s.
    world.minutes(5, "latency=100");
    assert!(!world.is_latched());
    world.minutes(3, "latency=100");
    assert!(world.is_latched());
    assert!(world.machine.state().latch.as_ref().unwrap().because.contains("error_rate unknown for 5m"));
}

#[test]
fn paging_on_unknown_is_once_per_metric_after_three_times_max_age() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, "error_rate=0.1 latency=100").minutes(30, "latency=100");
    assert_eq!(world.happened(|what| matches!(what, What::UnknownTooLong { .. })), 1);
}

const SCRIPTED: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
latency = { unit = "ms", better = "lower", max_age = "90s", on_unknown = "hold" }
[thresholds.error_rate]
p0 = { above = "5%" }
p1 = { above = "1%", for = "2m" }
[params]
slow = "300ms"
[triggers]
both = { script = "both" }
[[stages]]
name = "off"
bake = "5m"
[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"
"#;

#[rstest]
#[case::neither("error_rate=0.1 latency=100", "canary", None)]
#[case::left("error_rate=0.1 latency=400", "off", None)]
#[case::left_though_right_is_unknown("latency=400", "off", None)]
#[case::unknown_cannot_be_ok("latency=100", "canary", Some(FindingState::Unknown))]
fn neither_order_of_or_can_silence_a_breach(
    #[case] readings: &str,
    #[case] stage: &str,
    #[case] state: Option<FindingState>,
) {
    let orders = [
        r#"fn both() { metric("latency").treatment > param("slow") || breached("error_rate.p1") }"#,
        r#"fn both() { breached("error_rate.p1") || metric("latency").treatment > param("slow") }"#,
    ];
    for rules in orders {
        let mut world = World::with("canary", SCRIPTED, rules, |_| {});
        world.minutes(1, readings);
        assert_eq!(world.stage(), stage, "{rules}: {}", world.headline());
        if let Some(state) = state {
            assert_eq!(world.state_of("both"), state);
        }
    }
}

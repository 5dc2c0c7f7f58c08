//! Stages: bake, max, gates, approvals, early exit, exposure, freeze, the last stage.

use rollgate::engine::Input;
use rollgate::model::decision::{Answer, Wait};
use rollgate::model::event::What;
use rollgate::model::ids::{Actor, Role};
use rollgate::model::operator::{Order, Verb};
use rollgate::model::time::Duration;

use super::world::{POLICY, World, minute};

const GOOD: &str = "error_rate=0.1 latency=100";

#[test]
fn advances_one_stage_when_the_bake_is_served_and_completes_once() {
    let mut world = World::at("canary", POLICY);
    world.minutes(11, GOOD);
    assert_eq!(world.stage(), "full");
    world.minutes(30, GOOD);
    assert_eq!(world.happened(|what| matches!(what, What::StageEntered { .. })), 1);
    assert_eq!(world.happened(|what| matches!(what, What::Completed { .. })), 1);
    assert!(matches!(world.waits()[0], Wait::Complete));
    world.assert_state_is_the_fold();
}

#[test]
fn checks_stay_active_after_completion() {
    let mut world = World::at("canary", POLICY);
    world.minutes(40, GOOD).minutes(1, "error_rate=50 latency=100");
    assert_eq!(world.stage(), "off");
    assert!(world.is_latched());
}

#[test]
fn bake_counts_good_time_only() {
    let mut world = World::at("canary", POLICY);
    // Pending from the first breach on; two minutes later it fires and holds until five ok samples.
    world.minutes(5, GOOD).minutes(3, "error_rate=1.5 latency=100").minutes(6, GOOD);
    assert_eq!(world.stage(), "canary", "13 wall minutes, but not 10 good ones");
    let Some(Wait::Bake { served, .. }) = world.waits().into_iter().find(|w| matches!(w, Wait::Bake { .. })) else {
        panic!("{:?}", world.waits())
    };
    assert_eq!(served, Duration::from_mins(9));
}

#[test]
fn warnings_never_block() {
    let mut world = World::at("canary", POLICY);
    world.minutes(11, "error_rate=0.7 latency=100");
    assert_eq!(world.stage(), "full");
}

#[test]
fn unknown_time_does_not_count_as_bake() {
    let mut world = World::at("canary", POLICY);
    world.minutes(5, GOOD).silence(30).minutes(5, GOOD);
    assert_eq!(world.stage(), "canary");
    world.minutes(3, GOOD);
    assert_eq!(world.stage(), "full");
}

/// Whoever stood still in between looked at both ends, and nowhere else: what it counts then is bounded.
#[rstest::rstest]
#[case::just_fresh(90, 90)]
#[case::staler_than_a_reading_may_be(91, 90)]
#[case::long(900, 90)]
fn between_two_good_looks_no_more_counts_than_a_reading_may_age(#[case] apart: i64, #[case] counts: i64) {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, GOOD);
    let later = minute(0) + Duration::from_secs(apart);
    let frame = world.frame(later, GOOD);
    world.feed(later, Input::Frame(&frame));
    let Some(Wait::Bake { served, .. }) = world.waits().into_iter().next() else { panic!("{:?}", world.waits()) };
    assert_eq!(served, Duration::from_secs(counts));
}

#[test]
fn gates_must_be_open_and_unknown_is_closed() {
    let policy = POLICY.replace("bake = \"10m\"\n\n[[stages]]", "bake = \"10m\"\ngates = [\"calm\"]\n\n[[stages]]")
        + "\n[gates]\ncalm = { metric = \"latency\", at_most = \"150ms\" }\n";
    let mut world = World::at("canary", &policy);
    world.minutes(15, "error_rate=0.1 latency=151");
    assert!(matches!(&world.waits()[0], Wait::Gate { .. }), "{:?}", world.waits());
    world.minutes(1, "error_rate=0.1 latency=150");
    assert_eq!(world.stage(), "full");
}

#[test]
fn approvals_by_role_and_by_different_people() {
    let approvals = "approvals = { roles = [\"manager\", \"security\"], people = 2 }";
    let policy = POLICY.replacen("bake = \"5m\"", &format!("bake = \"5m\"\n{approvals}"), 1);
    let mut world = World::at("off", &policy);
    world.minutes(10, GOOD);
    assert!(matches!(&world.waits()[0], Wait::Approval { roles, .. } if roles.len() == 2));
    world.order(Verb::Approve { role: Role::new("manager") });
    world.order(Verb::Approve { role: Role::new("security") });
    assert!(
        matches!(&world.waits()[0], Wait::Approval { roles, people: 1 } if roles.is_empty()),
        "one person, two roles"
    );
    let order = Order {
        actor: Actor::new("ben"),
        reason: "ok".to_owned(),
        verb: Verb::Approve { role: Role::new("security") },
    };
    let now = world.machine.now();
    world.feed(now, rollgate::engine::Input::Order(order));
    assert_eq!(world.stage(), "canary");
}

#[test]
fn early_exit_needs_its_time_gates_and_samples() {
    let policy = POLICY.replace(
        "traffic = \"10%\"\nbake = \"10m\"",
        "traffic = \"10%\"\nbake = \"10m\"\nearly_exit = { after = \"3m\", gates = [\"calm\"] }",
    ) + "\n[gates]\ncalm = { metric = \"latency\", at_most = \"150ms\" }\n";
    let mut slow = World::at("canary", &policy);
    slow.minutes(5, "error_rate=0.1 latency=200");
    assert_eq!(slow.stage(), "canary");
    slow.minutes(6, "error_rate=0.1 latency=200");
    assert_eq!(slow.stage(), "full", "a closed early gate does not keep the stage from being left normally");
    let mut quick = World::at("canary", &policy);
    quick.minutes(4, "error_rate=0.1 latency=100");
    assert_eq!(quick.stage(), "full");
}

#[test]
fn observed_exposure_must_match_the_stage() {
    let mut world = World::at("canary", POLICY);
    world.minutes(15, &format!("{GOOD} exposure=50"));
    assert!(matches!(world.waits()[0], Wait::Exposure { .. }));
    world.minutes(1, &format!("{GOOD} exposure=11"));
    assert_eq!(world.stage(), "full");
}

#[test]
fn past_max_holds_and_is_told_once_or_rolls_back() {
    let policy =
        POLICY.replace("traffic = \"10%\"\nbake = \"10m\"", "traffic = \"10%\"\nbake = \"10m\"\nmax = \"12m\"");
    let mut world = World::at("canary", &policy);
    world.minutes(20, "error_rate=1.5 latency=100");
    assert_eq!(world.happened(|what| matches!(what, What::PastMax { .. })), 1);
    assert_eq!(world.stage(), "canary");
    let strict = policy.replace("max = \"12m\"", "max = \"12m\"\non_max = \"rollback\"");
    let mut world = World::at("canary", &strict);
    world.minutes(13, "error_rate=1.5 latency=100");
    assert!(!world.is_latched(), "twelve minutes are allowed");
    world.minutes(1, "error_rate=1.5 latency=100");
    assert!(world.is_latched());
}

#[test]
fn a_freeze_lets_bake_count_but_forbids_the_advance() {
    let policy = POLICY.to_owned()
        + "\n[freeze]\nwindows = [{ from = \"1970-01-01T00:00:00Z\", to = \"1970-01-01T00:20:00Z\", note = \"epoch\" }]\n";
    let mut world = World::at("canary", &policy);
    world.minutes(20, GOOD);
    assert!(matches!(world.waits()[0], Wait::Frozen { .. }), "{:?}", world.waits());
    world.minutes(1, GOOD);
    assert_eq!(world.stage(), "full");
}

#[test]
fn the_advance_comes_at_the_very_instant_the_bake_is_served_without_new_data() {
    let mut world = World::at("canary", POLICY.replace("bake = \"10m\"", "bake = \"90s\"").as_str());
    world.minutes(2, GOOD);
    assert_eq!(world.answer(), Answer::Hold);
    assert_eq!(world.output.wake_at, Some(minute(1) + Duration::from_secs(30)));
    world.wake_until(minute(2));
    assert_eq!(world.stage(), "full");
}

#[test]
fn a_new_stage_starts_empty_and_old_readings_are_not_its_observations() {
    let mut world = World::at("canary", POLICY);
    world.minutes(10, GOOD).minutes(1, "error_rate=0.1 latency=600");
    assert_eq!(world.stage(), "canary", "latency is pending");
    world.minutes(1, GOOD);
    assert_eq!(world.machine.state().stage.as_str(), "canary");
}

#[test]
fn a_group_that_is_empty_by_design_is_not_applicable() {
    let mut world = World::at("off", POLICY);
    world.minutes(6, "latency.control=100");
    assert_eq!(world.stage(), "canary", "nothing is applicable at 0 %, so the bake alone decides");
}

#[test]
fn shadow_mode_reports_and_never_acts() {
    let policy = format!("mode = \"shadow\"\n{POLICY}");
    let mut world = World::at("canary", &policy);
    world.minutes(3, "error_rate=9 latency=100");
    assert_eq!(world.answer(), Answer::RollBack);
    assert_eq!(world.stage(), "canary");
    assert!(world.output.plan.is_none());
    assert_eq!(world.happened(|what| matches!(what, What::WouldRollBack { .. })), 1);
    assert!(world.decision().shadow);
}

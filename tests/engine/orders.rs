//! What a person may order.

use rollgate::engine::Input;
use rollgate::model::decision::{Answer, Wait};
use rollgate::model::event::What;
use rollgate::model::ids::{Actor, CheckId, Revision, StageName};
use rollgate::model::operator::{Order, Verb};
use rollgate::model::plan::Action;

use super::world::{POLICY, World, minute};

const GOOD: &str = "error_rate=0.1 latency=100";

fn refusal(world: &World) -> Option<String> {
    world.events.iter().rev().find_map(|event| match &event.what {
        What::Refused { why, .. } => Some(why.clone()),
        _ => None,
    })
}

#[test]
fn nothing_moves_before_somebody_starts_it() {
    let mut world = World::with("off", POLICY, "", |state| state.revision = None);
    world.minutes(10, GOOD);
    assert!(matches!(world.waits()[0], Wait::NotStarted));
    world.order(Verb::Start { revision: Revision::new("r2") }).minutes(7, GOOD);
    assert_eq!(world.stage(), "canary");
    world.assert_state_is_the_fold();
}

#[test]
fn an_ordered_advance_skips_patience_but_never_evidence() {
    let mut world = World::at("canary", POLICY);
    world.minutes(2, GOOD).order(Verb::Advance);
    assert_eq!(world.stage(), "full");

    let mut broken = World::at("canary", POLICY);
    broken.minutes(4, "error_rate=1.5 latency=100").order(Verb::Advance);
    assert_eq!(broken.stage(), "canary");
    assert!(refusal(&broken).unwrap().contains("error_rate"));

    let mut blind = World::at("canary", POLICY);
    blind.minutes(1, "error_rate=0.1").order(Verb::Advance);
    assert_eq!(blind.stage(), "canary");
    assert!(refusal(&blind).unwrap().contains("latency is unknown: absent"));
}

#[test]
fn pause_stops_the_bake_and_hold_does_not() {
    let mut paused = World::at("canary", POLICY);
    paused.minutes(2, GOOD).order(Verb::Pause).minutes(20, GOOD).order(Verb::Resume).minutes(3, GOOD);
    assert_eq!(paused.stage(), "canary");

    let mut held = World::at("canary", POLICY);
    held.minutes(2, GOOD).order(Verb::Hold { until: Some(minute(30)) }).minutes(28, GOOD);
    assert_eq!(held.stage(), "canary");
    held.minutes(1, GOOD);
    assert_eq!(held.stage(), "full", "the bake was served meanwhile");
}

#[test]
fn pause_blocks_advance_only() {
    let mut world = World::at("canary", POLICY);
    world.order(Verb::Pause).minutes(1, "error_rate=9 latency=100");
    assert!(world.is_latched());
}

#[test]
fn emergency_beats_all_and_is_urgent() {
    let mut world = World::at("full", POLICY);
    world.minutes(1, GOOD);
    let order = Order { actor: Actor::new("ana"), reason: "fire".to_owned(), verb: Verb::Emergency };
    world.feed(minute(1), Input::Order(order));
    let plan = world.output.plan.clone().unwrap();
    assert!(plan.urgent);
    assert!(matches!(&plan.actions[0], Action::Expose { traffic, .. } if *traffic == 0.0));
    assert_eq!(world.stage(), "off");
    assert!(world.is_latched());
}

#[test]
fn resume_unlatches_with_the_bake_from_zero() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, "error_rate=9 latency=100").minutes(3, GOOD).order(Verb::Resume);
    assert!(!world.is_latched());
    assert_eq!(world.stage(), "off");
    world.minutes(4, GOOD);
    assert_eq!(world.stage(), "off");
    world.minutes(3, GOOD);
    assert_eq!(world.stage(), "canary");
    world.assert_state_is_the_fold();
}

#[test]
fn a_roll_back_goes_down_only() {
    let mut world = World::at("canary", POLICY);
    world.order(Verb::RollBack { to: Some(StageName::new("full")) });
    assert!(refusal(&world).unwrap().contains("lower stage"));
    world.order(Verb::RollBack { to: None });
    assert_eq!(world.stage(), "off");
}

#[test]
fn a_mute_ends_by_itself_and_a_p0_needs_force() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, GOOD);
    let mute = |check: &str, force| Verb::Mute { check: CheckId::new(check), until: minute(10), force };
    world.order(mute("error_rate.p0", false));
    assert!(refusal(&world).unwrap().contains("force"));
    world.order(mute("error_rate.p0", true)).minutes(8, "error_rate=9 latency=100");
    assert!(!world.is_latched());
    let listed = world.decision().findings.iter().any(|f| f.check.as_str() == "error_rate.p0" && f.muted);
    assert!(listed, "listed in every decision");
    world.minutes(3, "error_rate=9 latency=100");
    assert!(world.is_latched());
}

#[test]
fn an_order_without_a_reason_is_refused() {
    let mut world = World::at("canary", POLICY);
    let order = Order { actor: Actor::new("ana"), reason: " ".to_owned(), verb: Verb::Pause };
    world.feed(minute(1), Input::Order(order));
    assert!(refusal(&world).unwrap().contains("reason"));
    assert!(world.machine.state().paused.is_none());
}

#[test]
fn in_the_lowest_stage_a_roll_back_latches_and_restates_zero() {
    let policy = POLICY.replace("latency = {", "health = { unit = \"state\", better = \"lower\", max_age = \"90s\", on_unknown = \"hold\", group = \"all\" }\nlatency = {")
        + "\n[triggers]\ndeploy = { metric = \"health\", is = \"failed\" }\n";
    let mut world = World::at("off", &policy);
    let frame = world.frame(minute(1), "health.all=1");
    world.feed(minute(1), Input::Frame(&frame));
    assert_eq!(world.answer(), Answer::RollBack);
    assert_eq!(world.stage(), "off");
    assert!(world.is_latched());
    assert!(world.output.plan.is_some());
}

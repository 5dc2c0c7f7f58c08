//! "Muting a check: with expiry, reason and actor, listed in every decision, never a P0 without force."

use rollgate::model::event::What;
use rollgate::model::finding::FindingState;
use rollgate::model::ids::CheckId;
use rollgate::model::operator::Verb;

use super::world::{POLICY, World, compile, minute};

fn mute(check: &str, until: i64, force: bool) -> Verb {
    Verb::Mute { check: CheckId::new(check), until: minute(until), force }
}

fn refusals(world: &World) -> usize {
    world.happened(|what| matches!(what, What::Refused { .. }))
}

#[test]
fn a_muted_check_is_still_evaluated_and_listed() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, "error_rate=0.1 latency=100").order(mute("latency.p1", 60, false));
    world.minutes(5, "error_rate=0.1 latency=600");
    let decision = world.decision();
    let finding = decision.findings.iter().find(|f| f.check.as_str() == "latency.p1").unwrap();
    assert!(finding.muted);
    assert_eq!(finding.state, FindingState::Firing);
    assert_eq!(decision.severity, None);
}

#[test]
fn a_mute_of_one_check_does_not_silence_another_on_the_same_metric() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, "error_rate=0.1 latency=100").order(mute("error_rate.p1", 60, false));
    world.minutes(1, "error_rate=9 latency=100");
    assert!(world.is_latched());
}

#[test]
fn a_mute_survives_a_restart_and_a_reload_and_ends_on_time() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, "error_rate=0.1 latency=100").order(mute("error_rate.p0", 10, true)).restart();
    world.reload(&compile(&POLICY.replace("\"0.5%\"", "\"0.6%\""), ""));
    world.minutes(8, "error_rate=9 latency=100");
    assert!(!world.is_latched());
    world.minutes(2, "error_rate=9 latency=100");
    assert!(world.is_latched());
    assert_eq!(world.machine.state().latch.as_ref().unwrap().since, minute(10));
}

#[test]
fn a_mute_without_an_end_in_the_future_or_of_nothing_is_refused() {
    let mut world = World::at("canary", POLICY);
    world.minutes(5, "error_rate=0.1 latency=100");
    world.order(mute("latency.p1", 4, false)).order(mute("no.such", 60, true)).order(mute("error_rate.p0", 60, false));
    assert_eq!(refusals(&world), 3);
    assert!(world.machine.state().mutes.is_empty());
}

/// A check in shadow is told, never acted on; beside it the others act.
#[test]
fn a_check_in_shadow_blocks_nothing_and_hides_nothing() {
    let policy = POLICY.replace(r#"p0 = { above = "5%" }"#, r#"p0 = { above = "5%", shadow = true }"#)
        + "\n[triggers]\nslow = { metric = \"latency\", above = \"9000ms\" }\n";
    let mut world = World::at("canary", &policy);
    world.minutes(4, "error_rate=9 latency=100");
    assert_eq!(world.stage(), "canary");
    assert_eq!(world.happened(|what| matches!(what, What::WouldRollBack { .. })), 1);
    assert_eq!(world.state_of("error_rate.p1"), FindingState::Firing, "the p1 holds");
    let p1 = world.decision().findings.into_iter().find(|f| f.check.as_str() == "error_rate.p1").unwrap();
    assert_eq!(p1.hidden_by, None);
}

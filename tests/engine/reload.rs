//! A policy takes over between two inputs.

use std::sync::Arc;

use rollgate::engine::Input;
use rollgate::model::event::What;
use rollgate::model::finding::FindingState;

use super::world::{POLICY, World, compile};

fn reload(world: &mut World, toml: &str) {
    let policy = compile(toml, "");
    let now = world.machine.now();
    world.feed(now, Input::Policy(Arc::clone(&policy)));
    world.policy = policy;
}

#[test]
fn runs_are_kept_when_the_check_is_unchanged() {
    let mut world = World::at("canary", POLICY);
    world.minutes(2, "error_rate=1.5 latency=600");
    reload(&mut world, &POLICY.replace("\"500ms\"", "\"550ms\""));
    assert_eq!(world.happened(|what| matches!(what, What::PolicyChanged { .. })), 1);
    world.minutes(1, "error_rate=1.5 latency=600");
    assert_eq!(world.state_of("error_rate.p1"), FindingState::Firing, "its run began before the reload");
    assert_eq!(world.state_of("latency.p1"), FindingState::Pending, "its run began anew");
}

#[test]
fn a_reload_never_advances_by_itself_and_an_equal_digest_is_no_event() {
    let mut world = World::at("canary", POLICY);
    world.minutes(10, "error_rate=0.7 latency=100");
    let before = world.events.len();
    reload(&mut world, POLICY);
    assert_eq!(world.events.len(), before);
    reload(&mut world, &POLICY.replace("traffic = \"10%\"\nbake = \"10m\"", "traffic = \"10%\"\nbake = \"1m\""));
    assert_eq!(world.stage(), "canary");
    world.minutes(1, "error_rate=0.7 latency=100");
    assert_eq!(world.stage(), "full");
}

#[test]
fn a_policy_without_the_current_stage_is_rejected_and_the_last_good_one_stays() {
    let mut world = World::at("canary", POLICY);
    let before = world.machine.policy().digest.clone();
    let renamed = POLICY.replace("name = \"canary\"", "name = \"pilot\"");
    let policy = compile(&renamed, "");
    let now = world.machine.now();
    world.feed(now, Input::Policy(policy));
    assert_eq!(world.happened(|what| matches!(what, What::PolicyRejected { .. })), 1);
    assert_eq!(world.machine.policy().digest, before);
}

#[test]
fn a_pinned_rollout_keeps_its_policy_until_the_next_stage() {
    let pinned = format!("pin = true\n{POLICY}");
    let mut world = World::at("canary", &pinned);
    let before = world.machine.policy().digest.clone();
    reload(&mut world, &pinned.replace("\"5%\"", "\"4%\""));
    world.minutes(2, "error_rate=0.1 latency=100");
    assert_eq!(world.machine.policy().digest, before);
    world.minutes(12, "error_rate=0.1 latency=100");
    assert_ne!(world.machine.policy().digest, before);
}

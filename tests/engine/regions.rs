//! Regions: checks run per region, nothing is aggregated.

use rollgate::engine::fold;
use rollgate::model::decision::{Answer, Wait};
use rollgate::model::event::{Event, What};
use rollgate::model::finding::FindingState;
use rollgate::model::operator::{Order, Verb};
use rollgate::model::plan::Action;

use super::world::{POLICY, World, minute};

fn policy(scope: &str) -> String {
    format!("regions = [\"eu\", \"us\"]\non_breach = \"{scope}\"\n{POLICY}")
}

const BOTH: &str = "error_rate@eu=0.1 latency@eu=100 error_rate@us=0.1 latency@us=100";
const US_BROKEN: &str = "error_rate@eu=0.1 latency@eu=100 error_rate@us=9 latency@us=100";

#[test]
fn a_breach_in_one_region_takes_back_all_by_default() {
    let mut world = World::at("canary", &policy("all"));
    world.minutes(1, US_BROKEN);
    assert!(world.is_latched());
    assert_eq!(world.stage(), "off");
}

#[test]
fn one_bad_region_goes_to_zero_and_the_rest_hold() {
    let mut world = World::at("canary", &policy("region"));
    let frame = world.frame(minute(1), US_BROKEN);
    world.feed(minute(1), rollgate::engine::Input::Frame(&frame));
    assert_eq!(world.answer(), Answer::RollBack);
    let plan = world.output.plan.clone().unwrap();
    assert!(plan.actions.iter().any(|action| matches!(action,
        Action::Expose { region: Some(region), traffic, .. } if region.as_str() == "us" && *traffic == 0.0)));
    assert!(plan.actions.iter().any(|action| matches!(action,
        Action::Expose { region: Some(region), traffic, .. } if region.as_str() == "eu" && *traffic == 10.0)));
    world.feed(minute(1), rollgate::engine::Input::Applied(plan.generation));
    assert_eq!(world.stage(), "canary");
    world.minutes(20, BOTH);
    assert_eq!(world.stage(), "canary", "advance needs all regions");
    assert!(matches!(&world.waits()[0], Wait::RegionLatched { region, .. } if region.as_str() == "us"));
    world.assert_state_is_the_fold();
}

#[test]
fn an_expected_region_that_is_silent_is_unknown() {
    let mut world = World::at("canary", &policy("all"));
    world.minutes(15, "error_rate@eu=0.1 latency@eu=100");
    assert!(matches!(&world.waits()[0], Wait::Unknown { region, .. } if region.as_str() == "us"));
}

#[test]
fn advance_needs_all_regions() {
    let mut world = World::at("canary", &policy("all"));
    world.minutes(11, BOTH);
    assert_eq!(world.stage(), "full");
}

#[test]
fn a_region_that_is_back_stays_back_when_the_whole_goes_back_to_a_stage_that_shows_something() {
    let ladder = policy("region").replace(
        "name = \"canary\"",
        "name = \"small\"\ntraffic = \"1%\"\nbake = \"1m\"\n\n[[stages]]\nname = \"canary\"",
    );
    let mut world = World::at("canary", &ladder);
    world.minutes(1, US_BROKEN);
    let order =
        Order { actor: "ana".into(), reason: "because".to_owned(), verb: Verb::RollBack { to: Some("small".into()) } };
    world.feed(minute(1), rollgate::engine::Input::Order(order));
    let plan = world.output.plan.clone().expect("it is taken back");
    let seen = |name: &str| {
        plan.actions.iter().any(|action| {
            matches!(action,
        Action::Expose { region: Some(region), traffic, .. } if region.as_str() == name && *traffic > 0.0)
        })
    };
    assert!(seen("eu") && !seen("us"), "{plan:?}");
    world.order(Verb::Resume);
    assert!(world.machine.state().latched_regions.is_empty());
    world.assert_state_is_the_fold();
}

/// Seed 2120 of the simulation. A clock that was ahead had stamped the ledger, so the region was taken back and shown again
/// within one instant of it.
#[test]
fn a_region_that_is_shown_again_within_one_instant_begins_anew_for_whoever_follows() {
    let lasting = policy("region").replace("p0 = { above = \"5%\" }", "p0 = { above = \"5%\", for = \"2m\" }");
    let mut world = World::at("canary", &lasting);
    world.machine.watch_only(true);
    world.minutes(1, BOTH).minutes(2, US_BROKEN);
    assert_eq!(world.state_in("error_rate.p0", "us"), FindingState::Pending);
    let (stage, generation) = (world.machine.state().stage.clone(), world.machine.state().generation.next());
    let because = "another saw it first".to_owned();
    let took_back = What::RegionRolledBack { region: "us".into(), stage, generation, check: None, because };
    let (by, reason) = ("ana".into(), "fixed".to_owned());
    let resumed = What::Ordered { verb: "resume".to_owned(), by, reason, until: None };
    let applied = What::Applied { generation: generation.next() };
    let one_instant = |state, what| fold(state, &Event { time: minute(0), what });
    let state = [took_back, resumed, applied].into_iter().fold(world.machine.state().clone(), one_instant);
    assert_eq!(state.entered_at, world.machine.state().entered_at);
    world.machine.stand_at(minute(2), state);
    world.minutes(2, US_BROKEN);
    assert_eq!(world.state_in("error_rate.p0", "us"), FindingState::Pending, "what it saw before is no breach of now");
    world.minutes(1, US_BROKEN);
    assert_eq!(world.answer(), Answer::RollBack);
}

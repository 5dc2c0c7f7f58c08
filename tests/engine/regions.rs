//! Regions: checks run per region, nothing is aggregated.

use rollgate::model::decision::{Answer, Wait};
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

//! What must survive: a latch, a restart, a policy that renumbers everything.

use std::sync::Arc;

use rollgate::engine::{Input, Machine};
use rollgate::model::decision::Wait;
use rollgate::model::event::What;
use rollgate::model::finding::FindingState;
use rollgate::model::ids::{Revision, StageName};
use rollgate::model::operator::Verb;
use rollgate::model::reading::Unknown;
use rollgate::model::state::BaselineValue;
use rollgate::model::time::Duration;

use super::world::{POLICY, World, compile, minute};

const GOOD: &str = "error_rate=0.1 latency=100";

/// "A latch yields only to a person."
#[test]
fn a_restart_keeps_the_latch() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, "error_rate=9 latency=100").restart().minutes(60, GOOD);
    assert!(world.is_latched());
    assert_eq!(world.stage(), "off");
}

/// "Bake … survives reload and restart": what was recorded, never more.
#[test]
fn a_restart_keeps_the_bake_that_was_recorded() {
    let mut world = World::at("canary", POLICY);
    world.minutes(8, GOOD);
    let before = world.decision().bake.0;
    world.restart();
    assert!(world.decision().bake.0 <= before);
    assert!(world.decision().bake.0 + Duration::from_mins(1) >= before, "at most a minute is lost");
    world.minutes(5, GOOD);
    assert_eq!(world.stage(), "full");
}

/// "Boot without a valid policy: hold, and say so" goes for a policy without the stage, too.
#[test]
fn a_rollout_in_a_stage_that_the_policy_does_not_have_holds() {
    let mut world = World::with("canary", POLICY, "", |state| state.stage = StageName::new("pilot"));
    world.minutes(30, GOOD);
    assert_eq!(world.stage(), "pilot");
    assert!(matches!(&world.waits()[0], Wait::NoSuchStage { stage } if stage.as_str() == "pilot"));
    world.order(Verb::Advance);
    assert_eq!(world.stage(), "pilot");
    world.order(Verb::Emergency);
    assert_eq!(world.stage(), "off");
}

/// "Sends one region to 0 and latches it", also when a reload no longer names the region.
#[test]
fn a_reload_without_the_region_does_not_lift_its_latch() {
    let policy = |regions: &str| format!("regions = [{regions}]\non_breach = \"region\"\n{POLICY}");
    let mut world = World::at("canary", &policy("\"eu\", \"us\", \"asia\""));
    let good =
        |regions: &[&str]| regions.iter().map(|r| format!("error_rate@{r}=0.1 latency@{r}=100 ")).collect::<String>();
    world.minutes(1, &format!("{} error_rate@us=9 latency@us=100", good(&["eu", "asia"])));
    assert_eq!(world.machine.state().latched_regions.len(), 1);
    world.reload(&compile(&policy("\"eu\", \"asia\""), "")).minutes(30, &good(&["eu", "asia"]));
    assert_eq!(world.stage(), "canary");
    assert!(matches!(&world.waits()[0], Wait::RegionLatched { region, .. } if region.as_str() == "us"));
    world.restart().minutes(30, &good(&["eu", "asia"]));
    assert_eq!(world.stage(), "canary");
}

/// A reload while latched changes what is watched, not that it is latched.
#[test]
fn a_reload_does_not_lift_a_latch() {
    let mut world = World::at("canary", POLICY);
    world.minutes(1, "error_rate=9 latency=100");
    world.reload(&compile(&POLICY.replace("\"5%\"", "\"50%\""), "")).minutes(30, GOOD);
    assert!(world.is_latched());
}

/// A metric in front of the others: every number of the policy is another one.
fn renumbered(policy: &str) -> String {
    policy.replacen(
        "[metrics]\n",
        "[metrics]\nalarm = { unit = \"percent\", better = \"lower\", max_age = \"90s\", on_unknown = \"hold\" }\n",
        1,
    ) + "\n[thresholds.alarm]\np1 = { above = \"1%\" }\n"
}

/// A pinned rollout's next policy comes with the next stage, and with readings under its own numbers.
#[test]
fn a_policy_that_waited_reads_every_series_under_its_own_number() {
    let pinned = format!("pin = true\n{POLICY}");
    let mut world = World::at("canary", &pinned);
    let next = compile(&renumbered(&pinned), "");
    world.minutes(2, GOOD);
    world.feed(minute(1), Input::Policy(Arc::clone(&next)));
    world.minutes(9, GOOD);
    assert_eq!(world.stage(), "full");
    assert_eq!(world.machine.policy().digest, next.digest);
    world.policy = next;
    let unknown = |world: &World, check: &str| {
        world.decision().findings.iter().find(|f| f.check.as_str() == check).unwrap().unknown
    };
    world.minutes(1, "error_rate=0.2");
    assert_eq!(unknown(&world, "alarm.p1"), Some(Unknown::Absent), "nobody ever measured it");
    assert_eq!(unknown(&world, "error_rate.p0"), None);
    assert_eq!(unknown(&world, "latency.p1"), None, "carried over");
    world.minutes(1, "error_rate=9 latency=100 alarm=0");
    assert!(world.is_latched());
}

/// A policy that waited and moves the stage to come pulls the ladder away: it is refused, the last good one stays.
#[test]
fn a_policy_that_waited_and_lacks_the_next_stage_is_refused() {
    let pinned = format!("pin = true\n{POLICY}");
    let mut world = World::at("canary", &pinned);
    let before = world.machine.policy().digest.clone();
    world.minutes(2, GOOD);
    world.feed(minute(1), Input::Policy(compile(&pinned.replace("name = \"full\"", "name = \"whole\""), "")));
    world.minutes(9, GOOD);
    assert_eq!(world.stage(), "full");
    assert_eq!(world.machine.policy().digest, before);
    assert_eq!(world.happened(|what| matches!(what, What::PolicyRejected { .. })), 1);
}

/// The newest policy wins: one that waited is forgotten when a later one takes over.
#[test]
fn an_older_policy_that_waited_never_replaces_a_newer_one() {
    let pinned = format!("pin = true\n{POLICY}");
    let mut world = World::at("canary", &pinned);
    let (older, newest) = (pinned.replace("\"5%\"", "\"6%\""), pinned.replace("\"5%\"", "\"4%\""));
    world.minutes(1, GOOD).reload(&compile(&older, "")).minutes(1, "error_rate=9 latency=100");
    assert!(world.is_latched());
    let newest = compile(&newest, "");
    world.reload(&newest).order(Verb::Start { revision: Revision::new("r2") });
    assert_eq!(world.machine.policy().digest, newest.digest);
}

/// What was decided under one policy is not explained with the checks of the next.
#[test]
fn a_reload_shows_the_last_decision_with_the_policy_that_made_it() {
    let mut world = World::at("canary", POLICY);
    world.minutes(3, "error_rate=1.5 latency=100");
    let before = world.decision();
    let another = POLICY.replace("[thresholds.latency]\n", "[thresholds.latency]\np0 = { above = \"9000ms\" }\n");
    world.reload(&compile(&another, ""));
    assert_eq!(world.decision(), before);
    world.minutes(1, "error_rate=1.5 latency=100");
    assert_eq!(world.state_of("error_rate.p1"), FindingState::Firing);
}

/// "The median of the metric's readings … ending when the rollout first leaves zero exposure": readings from before the
/// exposure of an earlier revision is confirmed gone are not from before the rollout.
#[test]
fn no_baseline_is_gathered_while_the_exposure_is_not_confirmed_off() {
    let policy = POLICY
        .replace(r#"p1 = { above = "500ms", for = "3 of 5" }"#, r#"p1 = { above = "+10%", than = "baseline" }"#)
        + "\n[baseline]\nmin_points = 3\n";
    let compiled = compile(&policy, "");
    let world = World::at("canary", &policy);
    let mut machine = Machine::new(Arc::clone(&compiled), world.machine.state().clone());
    let start = rollgate::model::operator::Order {
        actor: rollgate::model::ids::Actor::new("ana"),
        reason: "again".to_owned(),
        verb: Verb::Start { revision: Revision::new("r2") },
    };
    let plan = machine.handle(minute(1), Input::Order(start)).plan.unwrap();
    let feed = |machine: &mut Machine, from: i64, to: i64, latency: &str| {
        for m in from..to {
            machine.handle(minute(m), Input::Frame(&world.frame(minute(m), &format!("latency.all={latency}"))));
        }
    };
    feed(&mut machine, 2, 10, "900");
    machine.handle(minute(10), Input::Applied(plan.generation));
    feed(&mut machine, 11, 20, "100");
    let frozen: Vec<f64> = machine
        .state()
        .baselines
        .iter()
        .filter_map(|baseline| match baseline.value {
            BaselineValue::Known { median, .. } => Some(median),
            BaselineValue::Missing { .. } => None,
        })
        .collect();
    assert_eq!(frozen, [100.0]);
}

#[test]
fn a_late_reading_from_before_the_stage_was_entered_is_not_held_against_it() {
    let mut world = World::at("canary", POLICY);
    world.minutes(2, "error_rate=9 latency=100");
    assert!(world.is_latched());
    world.minutes(3, "error_rate=0.1 latency=100").order(Verb::Resume).order(Verb::Advance);
    assert_eq!(world.stage(), "canary");
    world.minutes(2, "error_rate=0.1 latency=100");
    world.at_second(7, 30, "error_rate=9~330 latency=100");
    assert!(!world.is_latched(), "{}", world.headline());
    world.at_second(8, 0, "error_rate=9~50 latency=100");
    assert!(world.is_latched(), "what was observed since then counts, however late it comes");
}

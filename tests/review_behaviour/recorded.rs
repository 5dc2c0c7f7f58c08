//! The fixtures of the repository under edited policies.

use std::collections::BTreeSet;
use std::sync::Arc;

use rollgate::fixture::run::{RunOptions, run};
use rollgate::fixture::timeline::render;
use rollgate::policy::compiled::Policy;
use rollgate::review::case::FixtureText;
use rollgate::review::compare::{Case, CompareOptions, compare};
use rollgate::review::gate;
use rollgate::review::outcome::Condition;
use rollgate::review::verdict::{Compared, Standing};

use super::world::{PER_STEP, compiled, edited, fixtures, name_of, policy_of};

fn under(fixture: &FixtureText, old: &Arc<Policy>, new: &Arc<Policy>) -> Compared {
    let case = Case::of_fixture(fixture, old, new).unwrap();
    compare(&case, old, new, &CompareOptions::default()).unwrap()
}

/// The golden timeline as `rollgate test` makes it, its columns as narrow as they can be.
fn timeline(fixture: &FixtureText, policy: &Arc<Policy>) -> String {
    let (read, _) = fixture.against(policy);
    let mut frames = fixture.frames(&read, policy).unwrap();
    let run = run(&read.scenario, policy, &mut *frames, &RunOptions::default(), &mut |_, _, _, _| {}).unwrap();
    let text = render(&run.rows, run.begins);
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[test]
fn a_policy_differs_from_itself_on_no_recording_and_at_no_moment_of_one() {
    for fixture in fixtures() {
        let policy = compiled(&policy_of(&fixture), &fixture.head.environment);
        let case = Case::of_fixture(&fixture, &policy, &policy).unwrap();
        let compared = compare(&case, &policy, &policy, &PER_STEP).unwrap();
        let name = name_of(&fixture);
        assert_eq!(compared.standing, Standing::Same, "{name}");
        assert!(compared.divergence.is_none(), "{name}");
        assert_eq!((compared.lost.len(), compared.gained.len(), compared.moved.len()), (0, 0, 0), "{name}");
        assert_eq!(compared.before.counts, compared.after.counts, "{name}");
        let per_step = compared.per_step.unwrap();
        assert_eq!(per_step.differ, 0, "{name}: {per_step:#?}");
        assert!(per_step.judged >= compared.snapshots, "{name}");
    }
}

/// What is edited, and whether fixtures of the policy must be among those that change.
#[rstest::rstest]
#[case::p0_looser(r#"p0 = { below = "95%" }"#, r#"p0 = { below = "94%" }"#)]
#[case::p1_tighter(r#"p1 = { below = "99%", for = "2m" }"#, r#"p1 = { below = "99.2%", for = "2m" }"#)]
#[case::another_duration(
    r#"above = "1%", for = "2m", clear_after = "10m""#,
    r#"above = "1%", for = "9m", clear_after = "10m""#
)]
#[case::a_trigger_goes(
    r#"cascade = { in = ["internal", "canary", "full"], metric = "cascade_failures", above = 0 }"#,
    ""
)]
#[case::a_metric_gets_older(
    r#"deploy_health = { unit = "state", better = "lower", max_age = "150s""#,
    r#"deploy_health = { unit = "state", better = "lower", max_age = "10m""#
)]
#[case::a_level_is_softened(r#"p0 = { then = "rollback""#, r#"p0 = { then = "hold""#)]
fn the_recordings_that_change_are_those_whose_golden_timeline_changes(#[case] from: &str, #[case] to: &str) {
    let (mut changed, mut expected) = (BTreeSet::new(), BTreeSet::new());
    // A week of snapshots says no more here than an hour does, and takes as long as all others together.
    for fixture in fixtures().into_iter().filter(|fixture| name_of(fixture) != "seven-days-clean") {
        let source = policy_of(&fixture);
        if !source.get("policy.toml").unwrap().contains(from) {
            continue;
        }
        let old = compiled(&source, &fixture.head.environment);
        let new = compiled(&edited(&source, from, to), &fixture.head.environment);
        let compared = under(&fixture, &old, &new);
        let name = name_of(&fixture);
        if compared.standing != Standing::Same {
            changed.insert(name.clone());
        }
        if timeline(&fixture, &old) != timeline(&fixture, &new) {
            expected.insert(name.clone());
        }
        assert_eq!(compared.standing == Standing::Decisions, compared.divergence.is_some(), "{name}");
        if let Some(divergence) = &compared.divergence {
            let (before, after) = (&divergence.before, &divergence.after);
            let parts = (before.verdict.answer(), &before.verdict.headline())
                != (after.verdict.answer(), &after.verdict.headline())
                || before.time != after.time;
            assert!(parts && before.time <= divergence.at && after.time <= divergence.at, "{name}: {divergence:#?}");
            assert!(divergence.snapshot >= 1 && divergence.snapshot <= compared.snapshots, "{name}");
        }
    }
    assert_eq!(changed, expected);
    assert!(!changed.is_empty(), "an edit that no fixture notices proves nothing here");
}

#[test]
fn a_looser_bound_names_the_moment_the_answers_and_the_check() {
    let fixture = fixtures().into_iter().find(|fixture| name_of(fixture) == "isolation-leak-grows").unwrap();
    let source = policy_of(&fixture);
    let softer = edited(
        &source,
        r#"canary-score               = { in = ["canary"], metric = "isolation_score", below = "99.5%", for = "10m" }"#,
        "",
    );
    let softer = edited(&softer, r#"p0 = { below = "95%" }"#, r#"p0 = { below = "94%" }"#);
    let (old, new) = (compiled(&source, &fixture.head.environment), compiled(&softer, &fixture.head.environment));
    let compared = under(&fixture, &old, &new);
    let divergence = compared.divergence.as_ref().unwrap();
    insta::assert_snapshot!(format!(
        "{:?} at {} (snapshot {}), because of {}\nold: {}: {}\nnew: {}: {}\nlost {} gained {} moved {:?}",
        compared.standing,
        divergence.at,
        divergence.snapshot,
        divergence.check.as_ref().map_or_else(String::new, ToString::to_string),
        divergence.before.verdict.answer().shout(),
        divergence.before.verdict.headline(),
        divergence.after.verdict.answer().shout(),
        divergence.after.verdict.headline(),
        compared.lost.len(),
        compared.gained.len(),
        compared.moved.iter().map(|moved| (moved.before.to_string(), moved.after.to_string())).collect::<Vec<_>>(),
    ));
}

#[test]
fn an_expectation_about_a_check_that_the_old_policy_has_not_keeps_nothing_from_being_compared() {
    let fixture = fixtures().into_iter().find(|fixture| name_of(fixture) == "cascade-at-full").unwrap();
    let source = policy_of(&fixture);
    let without = edited(&source, "[thresholds.cascade_failures]\np0 = { above = 0 }", "");
    let (old, new) = (compiled(&without, &fixture.head.environment), compiled(&source, &fixture.head.environment));
    let (_, problems) = fixture.against(&old);
    assert!(!problems.is_empty(), "the expectation names the check that the old policy has not");
    assert_eq!(under(&fixture, &old, &new).snapshots, under(&fixture, &new, &new).snapshots);
}

#[test]
fn a_roll_back_before_the_incident_is_a_false_alarm_and_the_one_in_it_is_lost() {
    let fixture = fixtures().into_iter().find(|fixture| name_of(fixture) == "new-version-is-slow").unwrap();
    let source = policy_of(&fixture);
    let eager = edited(&source, r#"p1 = { above = "1%", for = "2m" }"#, r#"p1 = { above = "0.1%", for = "2m" }"#);
    let (old, new) = (compiled(&source, &fixture.head.environment), compiled(&eager, &fixture.head.environment));
    let compared = under(&fixture, &old, &new);
    assert!(!compared.lost.is_empty() && compared.moved.is_empty(), "{:?}", compared.moved);
    assert_eq!((compared.gained_false, compared.alarms_gone.len()), (1, 0));
    // The other way round nobody misses the false alarm.
    let back = under(&fixture, &new, &old);
    assert_eq!((back.lost.len(), back.alarms_gone.len()), (0, 1));
    assert!(gate::tripped(&[], &[back], &[]).iter().all(|one| one.condition != Condition::LostRollback));
}

//! Recordings that nobody but their data speaks for, and labels on them.

use rollgate::fixture::DataError;
use rollgate::fixture::Moment;
use rollgate::fixture::run::RunOptions;
use rollgate::fixture::score::{Label, Quality};
use rollgate::model::decision::Answer;
use rollgate::model::time::{Duration, Time};
use rollgate::review::compare::CompareOptions;
use rollgate::review::gate;
use rollgate::review::outcome::Condition;
use rollgate::review::removed::abandoned;
use rollgate::review::verdict::{Compared, Standing};

use super::world::{PER_STEP, POLICY, errors, over, policy};

fn bad(from: u64, to: u64) -> Label {
    let minutes = |count| Moment::After(Duration::from_mins(count as i64));
    Label { quality: Quality::Bad, incidents: vec![(minutes(from), minutes(to))] }
}

const GOOD: Label = Label { quality: Quality::Good, incidents: Vec::new() };

/// `(lost, gained, moved)` in minutes.
type Table = (Vec<i64>, Vec<i64>, Vec<(i64, i64)>);

fn minutes(compared: &Compared) -> Table {
    let minute = |time: Time| time.as_millis() / 60_000;
    (
        compared.lost.iter().map(|back| minute(back.at)).collect(),
        compared.gained.iter().map(|back| minute(back.at)).collect(),
        compared.moved.iter().map(|moved| (minute(moved.before), minute(moved.after))).collect(),
    )
}

/// Ten minutes of 6% errors from minute 5 on.
fn burst() -> Vec<f64> {
    (0..30).map(|minute| if (5..15).contains(&minute) { 6.0 } else { 0.1 }).collect()
}

#[rstest::rstest]
#[case::the_same("5%", "2m", (vec![], vec![], vec![]))]
#[case::lost_to_a_looser_bound("7%", "2m", (vec![7], vec![], vec![]))]
#[case::later("5%", "6m", (vec![], vec![], vec![(7, 11)]))]
#[case::earlier("5%", "1m", (vec![], vec![], vec![(7, 6)]))]
#[case::lost_to_a_longer_duration("5%", "20m", (vec![7], vec![], vec![]))]
fn roll_backs_are_lost_moved_or_the_same(#[case] bound: &str, #[case] lasting: &str, #[case] expected: Table) {
    let old = policy(POLICY);
    let is = format!(r#"p0 = {{ above = "{bound}", for = "{lasting}" }}"#);
    let new = policy(&POLICY.replace(r#"p0 = { above = "5%", for = "2m" }"#, &is));
    let there = over(&errors(&burst()), &old, &new, None, &CompareOptions::default()).unwrap();
    assert_eq!(minutes(&there), expected);
    // Seen from the other side, what was lost is gained and what came later comes earlier.
    let back = over(&errors(&burst()), &new, &old, None, &CompareOptions::default()).unwrap();
    let (lost, gained, moved) = minutes(&back);
    assert_eq!((gained, lost, moved.into_iter().map(|(was, is)| (is, was)).collect::<Vec<_>>()), expected);
}

/// Once half an hour went by without anything wrong, the next breach is another event: the roll back that would have
/// answered the first one is lost, whatever comes hours later.
#[rstest::rstest]
#[case::calm_between(0.1, (vec![7], vec![102], vec![]))]
#[case::still_wrong_between(1.5, (vec![], vec![], vec![(7, 102)]))]
fn a_roll_back_long_after_is_the_same_event_only_while_something_is_wrong(
    #[case] between: f64,
    #[case] expected: Table,
) {
    let rate = |minute: usize| match minute {
        5..15 => 6.0,
        15..100 => between,
        100..110 => 9.0,
        _ => 0.1,
    };
    let recording = errors(&(0..120).map(rate).collect::<Vec<_>>());
    let (old, new) = (policy(POLICY), policy(&POLICY.replace(r#"p0 = { above = "5%""#, r#"p0 = { above = "7%""#)));
    let there = over(&recording, &old, &new, None, &CompareOptions::default()).unwrap();
    assert_eq!(minutes(&there), expected);
    let back = over(&recording, &new, &old, None, &CompareOptions::default()).unwrap();
    let (lost, gained, moved) = minutes(&back);
    assert_eq!((gained, lost, moved.into_iter().map(|(was, is)| (is, was)).collect::<Vec<_>>()), expected);
}

#[test]
fn the_decisions_part_at_the_first_instant_at_which_one_acts_and_the_other_does_not() {
    let (old, new) = (policy(POLICY), policy(&POLICY.replace(r#"for = "2m""#, r#"for = "6m""#)));
    let compared = over(&errors(&burst()), &old, &new, None, &PER_STEP).unwrap();
    let divergence = compared.divergence.as_ref().unwrap();
    assert_eq!((divergence.at, divergence.snapshot), (Time::from_millis(7 * 60_000), 8));
    assert_eq!(divergence.before.verdict.answer(), Answer::RollBack);
    assert_eq!(divergence.after.verdict.answer(), Answer::Hold);
    assert_eq!(divergence.check.as_ref().map(ToString::to_string).as_deref(), Some("error_rate.p0"));
    let per_step = compared.per_step.unwrap();
    // After that moment the old rollout is off: there is nothing left to roll back in its world.
    assert_eq!((per_step.differ, per_step.rolled_back_before, per_step.rolls_back_now), (1, 1, 0));
    assert_eq!(per_step.first[0].stage.as_str(), "canary");
}

#[test]
fn moments_in_a_stage_that_the_new_policy_would_not_have_entered_are_judged_as_well() {
    // The new policy bakes longer, and takes back at 1.2%: in `full`, where the old rollout stands, for two minutes and on.
    let rates: Vec<f64> = (0..30).map(|minute| if minute >= 15 { 1.5 } else { 0.1 }).collect();
    let new = POLICY.replacen(r#"bake = "5m""#, r#"bake = "30m""#, 1).replace(r#"above = "5%""#, r#"above = "1.2%""#);
    let (old, new) = (policy(POLICY), policy(&new));
    let compared = over(&errors(&rates), &old, &new, None, &PER_STEP).unwrap();
    assert_eq!((compared.before.ends_in.as_str(), compared.after.ends_in.as_str()), ("full", "off"));
    let per_step = compared.per_step.unwrap();
    let first: Vec<(i64, &str)> =
        per_step.first.iter().take(3).map(|step| (step.at.as_millis() / 60_000, step.stage.as_str())).collect();
    assert_eq!(first, [(12, "canary"), (17, "full"), (18, "full")], "{per_step:#?}");
    assert_eq!((per_step.differ, per_step.rolls_back_now), (14, 13));
    assert_eq!(per_step.first.len(), 10);
}

#[rstest::rstest]
#[case::good(GOOD, 1)]
#[case::inside_the_incident(bad(5, 15), 0)]
#[case::outside_of_it(bad(20, 25), 1)]
#[case::bad_all_along(Label { quality: Quality::Bad, incidents: Vec::new() }, 0)]
fn a_gained_roll_back_is_false_outside_of_every_incident(#[case] label: Label, #[case] gained_false: usize) {
    let old = policy(&POLICY.replace(r#"above = "5%""#, r#"above = "9%""#));
    let compared = over(&errors(&burst()), &old, &policy(POLICY), Some(label), &CompareOptions::default()).unwrap();
    assert_eq!((compared.gained.len(), compared.gained_false), (1, gained_false));
    assert!(compared.before.score.is_some() && compared.after.score.is_some());
}

#[rstest::rstest]
#[case::good(Some(GOOD), 0)]
#[case::inside_the_incident(Some(bad(5, 15)), 1)]
#[case::outside_of_it(Some(bad(20, 25)), 0)]
#[case::bad_all_along(Some(Label { quality: Quality::Bad, incidents: Vec::new() }), 1)]
#[case::nobody_said(None, 1)]
fn a_roll_back_that_is_gone_is_a_loss_unless_the_label_says_that_it_was_false(
    #[case] label: Option<Label>,
    #[case] lost: usize,
) {
    let new = policy(&POLICY.replace(r#"above = "5%""#, r#"above = "9%""#));
    let compared = over(&errors(&burst()), &policy(POLICY), &new, label.clone(), &CompareOptions::default()).unwrap();
    assert_eq!((compared.lost.len(), compared.alarms_gone.len()), (lost, 1 - lost));
    let trips = gate::tripped(&[], &[compared], &[]);
    assert_eq!(trips.iter().any(|one| one.condition == Condition::LostRollback), lost == 1);
    // With the policy gone altogether it is no different.
    let alone = over(&errors(&burst()), &policy(POLICY), &policy(POLICY), label.clone(), &CompareOptions::default());
    let gone = abandoned(alone.unwrap(), label.as_ref());
    assert_eq!((gone.lost.len(), gone.alarms_gone.len()), (lost, 1 - lost));
}

#[test]
fn without_a_label_there_is_no_score() {
    let compared = over(&errors(&burst()), &policy(POLICY), &policy(POLICY), None, &CompareOptions::default()).unwrap();
    assert!(compared.label.is_none() && compared.before.score.is_none() && compared.after.score.is_none());
}

#[test]
fn a_policy_that_goes_into_shadow_loses_its_roll_backs() {
    let shadow = policy(&POLICY.replacen("schema = 1", "schema = 1\nmode = \"shadow\"", 1));
    let compared = over(&errors(&burst()), &policy(POLICY), &shadow, None, &CompareOptions::default()).unwrap();
    assert_eq!(compared.standing, Standing::Decisions);
    assert_eq!(minutes(&compared).0, [7]);
    let both = over(&errors(&burst()), &shadow, &shadow, None, &CompareOptions::default()).unwrap();
    assert_eq!(both.standing, Standing::Same);
}

#[test]
fn a_rollout_that_starts_again_loses_the_one_of_several_roll_backs_that_the_new_policy_misses() {
    // Bursts of 8%, 6% and 8%, an hour apart.
    let rate = |minute: usize| match minute {
        5..15 | 125..135 => 8.0,
        65..75 => 6.0,
        _ => 0.1,
    };
    let rates: Vec<f64> = (0..180).map(rate).collect();
    let (old, new) = (policy(POLICY), policy(&POLICY.replace(r#"above = "5%""#, r#"above = "7%""#)));
    let rearm = CompareOptions {
        run: RunOptions { rearm: Some(Duration::from_mins(10)), ..RunOptions::default() },
        per_step: true,
    };
    let compared = over(&errors(&rates), &old, &new, None, &rearm).unwrap();
    assert_eq!(minutes(&compared), (vec![67], vec![], vec![]));
    assert_eq!(compared.divergence.as_ref().unwrap().at, Time::from_millis(67 * 60_000));
    let same = over(&errors(&rates), &old, &old, None, &rearm).unwrap();
    assert_eq!(same.per_step.unwrap().differ, 0);
    assert_eq!(same.standing, Standing::Same);
}

#[test]
fn a_metric_that_the_recording_has_not_is_counted_and_holds() {
    let new = POLICY
        .replace(
            "[thresholds.error_rate]",
            "[thresholds.queue]\np1 = { above = 100, in = [\"canary\"] }\n[thresholds.error_rate]",
        )
        .replace(
            "latency = {",
            "queue = { unit = \"count\", better = \"lower\", max_age = \"90s\", on_unknown = \"hold\" }\nlatency = {",
        );
    let (old, new) = (policy(POLICY), policy(&new));
    let compared = over(&errors(&[0.1; 20]), &old, &new, None, &CompareOptions::default()).unwrap();
    assert!(compared.before.lacking.is_empty());
    let lacking: Vec<(&str, u64)> =
        compared.after.lacking.iter().map(|(metric, count)| (metric.as_str(), *count)).collect();
    assert_eq!(lacking, [("queue", compared.after.counts.decided)]);
    assert_eq!((compared.before.ends_in.as_str(), compared.after.ends_in.as_str()), ("full", "canary"));
    assert_eq!(compared.divergence.unwrap().check.map(|check| check.to_string()).as_deref(), Some("queue.p1"));
}

#[test]
fn policies_that_number_metrics_differently_are_each_fed_their_own_reading() {
    // The metrics in another order, and one that only the data and the new policy know.
    let lines: Vec<&str> = POLICY.lines().collect();
    let errors_at = lines.iter().position(|line| line.starts_with("error_rate =")).unwrap();
    let mut turned = lines.clone();
    turned.swap(errors_at, errors_at + 1);
    turned
        .insert(errors_at, r#"a_new_one = { unit = "count", better = "lower", max_age = "90s", on_unknown = "hold" }"#);
    let (old, new) = (policy(POLICY), policy(&turned.join("\n")));
    assert_ne!(old.catalogue, new.catalogue);
    let compared = over(&errors(&burst()), &old, &new, None, &PER_STEP).unwrap();
    assert_eq!(compared.standing, Standing::Same);
    assert_eq!(compared.per_step.unwrap().differ, 0);
}

#[test]
fn instants_that_only_one_of_the_policies_reads_keep_their_place() {
    // A CSV whose odd minutes carry a metric that only the new policy has: to the old one they are no instants at all.
    let mut csv = "timestamp,metric,group,value\n".to_owned();
    for minute in 0..20_i64 {
        let time = Time::from_millis(minute * 60_000);
        let (metric, value) = if minute % 2 == 1 { ("queue", 500) } else { ("error_rate", 0) };
        csv.push_str(&format!("{time},{metric},treatment,{value}\n"));
        csv.push_str(&format!("{time},latency,treatment,100\n{time},latency,control,100\n"));
    }
    let csv: String = csv
        .lines()
        .filter(|line| !line.contains("latency") || line.contains("0:00Z"))
        .map(|line| format!("{line}\n"))
        .collect();
    let old = POLICY.replace("90s", "150s").replace(
        "[thresholds.latency]\np1 = { above = \"+50%\", than = \"control\", and_above = \"+100ms\", for = \"3 of 5\", in = [\"off\", \"canary\"] }",
        "",
    );
    let new = old
        .replace(
            "[thresholds.error_rate]",
            "[triggers]\nqueue = { metric = \"queue\", above = 100 }\n[thresholds.error_rate]",
        )
        .replace(
            "latency = {",
            "queue = { unit = \"count\", better = \"lower\", max_age = \"150s\", on_unknown = \"hold\" }\nlatency = {",
        );
    let (old, new) = (policy(&old), policy(&new));
    let source = || Ok(vec![rollgate::fixture::Recording::from_bytes("history.csv", csv.as_bytes())]);
    let case = rollgate::review::compare::Case::of_history("history.csv", &old, &new, Box::new(source));
    let compared = rollgate::review::compare::compare(&case, &old, &new, &PER_STEP).unwrap();
    let divergence = compared.divergence.unwrap();
    assert_eq!(divergence.at, Time::from_millis(60_000));
    assert_eq!(divergence.after.verdict.answer(), Answer::RollBack);
    assert_eq!(compared.gained.len(), 1);
}

#[test]
fn a_very_long_history_keeps_the_first_rows_and_still_sees_the_last() {
    // Flaps between nothing and a P1 on every snapshot: a row each.
    let flaps = |last: f64| -> String {
        let mut rates: Vec<f64> = (0..12_000).map(|minute| if minute % 2 == 0 { 0.1 } else { 1.5 }).collect();
        rates.push(last);
        errors(&rates)
    };
    let quick = POLICY.replace(r#"p1 = { above = "1%" }"#, r#"p1 = { above = "1%", clear_after = "1 of 1" }"#);
    let other = quick.replace(r#"p0 = { above = "5%", for = "2m" }"#, r#"p0 = { above = "3%", for = "2m" }"#);
    let (old, new) = (policy(&quick), policy(&other));
    let same = over(&flaps(0.1), &old, &new, None, &CompareOptions::default()).unwrap();
    assert_eq!(same.standing, Standing::Same);
    assert!(same.before.rows_left_out > 1_000, "{}", same.before.rows_left_out);
    // 4% once: pending under the new P0, and no more than a P1 under the old one.
    let other = over(&flaps(4.0), &old, &new, None, &CompareOptions::default()).unwrap();
    assert_eq!(other.standing, Standing::Findings);
}

#[test]
fn data_that_cannot_be_read_is_an_error_and_not_a_difference() {
    let error = over("what is this", &policy(POLICY), &policy(POLICY), None, &CompareOptions::default()).unwrap_err();
    assert!(matches!(error, DataError::NotAFormat { .. }), "{error}");
}

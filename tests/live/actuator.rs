//! The contract of whoever carries plans out (`ports/actuator.rs`), held to every implementation there is.

use rollgate::adapters::log_actuator::LogActuator;
use rollgate::ledger::hash::Key;
use rollgate::model::ids::Generation;
use rollgate::model::plan::{Action, Plan};
use rollgate::ports::actuator::Actuator;
use rstest::rstest;

fn log() -> Box<dyn Actuator> {
    Box::new(LogActuator::default())
}

/// As the daemon wraps it.
#[cfg(feature = "live")]
fn timed() -> Box<dyn Actuator> {
    use rollgate::daemon::{telemetry::Telemetry, timed::Timed};
    Box::new(Timed::new(log(), std::sync::Arc::new(Telemetry::new())))
}

#[cfg(not(feature = "live"))]
fn timed() -> Box<dyn Actuator> {
    log()
}

/// What is so in a region: the share of traffic, and who sees it regardless.
type Place<'a> = (Option<&'a str>, f64, &'a str);

fn plan(generation: u32, places: &[Place<'_>]) -> Plan {
    let action = |(region, traffic, audience): &Place<'_>| Action::Expose {
        features: vec!["one".into(), "two".into()],
        stage: "any".into(),
        traffic: *traffic,
        audience: audience.split_whitespace().map(str::to_owned).collect(),
        region: region.map(Into::into),
    };
    let actions = places.iter().map(action).collect();
    Plan { generation: Generation(generation.into()), urgent: false, takes_back: false, actions }
}

/// A roll back to there.
fn back(generation: u32, places: &[Place<'_>]) -> Plan {
    Plan { takes_back: true, ..plan(generation, places) }
}

fn key(rollout: &str) -> Key {
    Key::new(rollout.into(), "production".into())
}

/// Everywhere at `traffic`.
fn at(generation: u32, traffic: f64) -> Plan {
    plan(generation, &[(None, traffic, "")])
}

fn says(actuator: &dyn Actuator, plan: &Plan) -> Result<Vec<String>, String> {
    actuator.apply(&key("checkout"), plan).map_err(|error| error.to_string())
}

#[rstest]
#[case::the_log(log())]
#[case::timed(timed())]
fn a_plan_is_carried_out_as_often_as_it_comes(#[case] actuator: Box<dyn Actuator>) {
    let plan = plan(1, &[(Some("eu"), 0.0, ""), (Some("us"), 10.0, "@example.com")]);
    let first = says(&*actuator, &plan).unwrap();
    assert_eq!(first.len(), 4, "{first:?}");
    assert!(first.iter().any(|line| line.contains("us at 10 % and @example.com, generation 1")), "{first:?}");
    assert_eq!(says(&*actuator, &plan), Ok(first));
}

#[rstest]
#[case::the_log(log())]
#[case::timed(timed())]
fn an_older_generation_is_refused_whether_it_shows_more_or_less(#[case] actuator: Box<dyn Actuator>) {
    says(&*actuator, &at(7, 10.0)).unwrap();
    for (generation, traffic) in [(6, 50.0), (6, 0.0), (1, 10.0)] {
        let error = says(&*actuator, &at(generation, traffic)).unwrap_err();
        assert!(error.contains("is older than 7"), "{error}");
    }
    let lines = says(&*actuator, &at(7, 10.0)).unwrap();
    assert!(lines[0].contains("at 10 %"), "it is as it was: {lines:?}");
    says(&*actuator, &at(8, 50.0)).unwrap();
}

/// Cut off from each other, one advanced and the other took back.
#[rstest]
#[case::the_log(log())]
#[case::timed(timed())]
fn of_two_plans_of_one_generation_the_lower_stands_whichever_came_first(#[case] actuator: Box<dyn Actuator>) {
    says(&*actuator, &at(2, 50.0)).unwrap();
    assert!(says(&*actuator, &at(2, 0.0)).unwrap()[0].contains("at 0 %"));
    let error = says(&*actuator, &at(2, 50.0)).unwrap_err();
    assert!(error.contains("the lower one stands"), "{error}");
    assert!(says(&*actuator, &at(2, 0.0)).unwrap()[0].contains("at 0 %"), "what was refused changed nothing");
}

#[rstest]
#[case::nobody_beside_an_audience(&[(None, 0.0, "@a")], &[(None, 0.0, "")], true)]
#[case::an_audience_beside_nobody(&[(None, 0.0, "")], &[(None, 0.0, "@a")], false)]
#[case::an_audience_of_what_all_see(&[(None, 100.0, "")], &[(None, 100.0, "@a")], true)]
#[case::an_audience_that_may_see_it_anyway(&[(None, 100.0, "")], &[(None, 10.0, "@a")], true)]
#[case::another_audience(&[(None, 10.0, "@a")], &[(None, 10.0, "@b")], false)]
#[case::one_region_less(&[(None, 10.0, "")], &[(Some("eu"), 0.0, ""), (Some("us"), 10.0, "")], true)]
#[case::one_region_more(&[(Some("eu"), 0.0, ""), (Some("us"), 10.0, "")], &[(None, 10.0, "")], false)]
#[case::one_more_one_less(&[(Some("eu"), 10.0, ""), (Some("us"), 0.0, "")], &[(Some("eu"), 0.0, ""), (Some("us"), 10.0, "")], false)]
fn lower_is_told_feature_by_feature_and_region_by_region(
    #[case] first: &[Place<'_>],
    #[case] second: &[Place<'_>],
    #[case] is_taken: bool,
    #[values(log(), timed())] actuator: Box<dyn Actuator>,
) {
    says(&*actuator, &plan(3, first)).unwrap();
    assert_eq!(says(&*actuator, &plan(3, second)).is_ok(), is_taken);
}

/// Where neither is the lower one everywhere, both roll backs stand.
#[rstest]
#[case::the_log(log())]
#[case::timed(timed())]
fn two_regions_that_two_controllers_took_back_are_both_back(#[case] actuator: Box<dyn Actuator>) {
    says(&*actuator, &plan(3, &[(Some("eu"), 10.0, ""), (Some("us"), 0.0, "")])).unwrap();
    says(&*actuator, &plan(3, &[(Some("eu"), 0.0, ""), (Some("us"), 10.0, "")])).unwrap_err();
    let lines = says(&*actuator, &plan(3, &[(Some("eu"), 0.0, ""), (Some("us"), 0.0, "")])).unwrap();
    assert!(lines.iter().all(|line| line.contains("at 0 %")), "{lines:?}");
    for region in ["eu", "us"] {
        says(&*actuator, &plan(3, &[(Some(region), 10.0, "")])).unwrap_err();
    }
}

/// Another controller took it back meanwhile, and could tell nobody: the ledger is ahead of it all the same.
#[rstest]
#[case::nobody_and_then_an_audience(&[(None, 0.0, "")], &[(None, 0.0, "@a")], false)]
#[case::nobody_and_then_traffic(&[(None, 0.0, "")], &[(None, 10.0, "")], false)]
#[case::less_traffic(&[(None, 5.0, "@a")], &[(None, 10.0, "@a")], false)]
#[case::one_region_at_nothing(&[(Some("eu"), 0.0, ""), (Some("us"), 10.0, "")], &[(None, 0.0, "@a")], false)]
#[case::down_the_ladder(&[(None, 10.0, "")], &[(None, 0.0, "@a")], true)]
#[case::as_it_was(&[(None, 10.0, "@a")], &[(None, 10.0, "@a")], true)]
#[case::another_audience(&[(None, 0.0, "@a @b")], &[(None, 0.0, "@c")], true)]
fn a_newer_roll_back_shows_nobody_more_than_is_shown(
    #[case] shown: &[Place<'_>],
    #[case] asked: &[Place<'_>],
    #[case] is_taken: bool,
    #[values(log(), timed())] actuator: Box<dyn Actuator>,
) {
    says(&*actuator, &plan(3, shown)).unwrap();
    let answer = says(&*actuator, &back(4, asked));
    assert_eq!(answer.is_ok(), is_taken, "{answer:?}");
    // It is the one in force either way: nothing older comes after it.
    let error = says(&*actuator, &at(3, 50.0)).unwrap_err();
    assert!(error.contains("is older than 4"), "{error}");
    if !is_taken {
        assert!(answer.unwrap_err().contains("the lower one stands"));
        says(&*actuator, &plan(4, asked)).expect_err("what is lower stayed");
    }
    says(&*actuator, &plan(5, asked)).expect("a person may resume there");
}

#[rstest]
#[case::the_log(log())]
#[case::timed(timed())]
fn rollouts_have_nothing_to_do_with_one_another(#[case] actuator: Box<dyn Actuator>) {
    says(&*actuator, &at(7, 0.0)).unwrap();
    assert!(actuator.apply(&key("search"), &at(1, 50.0)).is_ok());
    assert!(actuator.apply(&Key::new("checkout".into(), "staging".into()), &at(1, 50.0)).is_ok());
}

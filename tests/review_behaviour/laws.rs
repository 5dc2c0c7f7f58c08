//! What holds for every recording.

use proptest::prelude::*;

use rollgate::fixture::run::RunOptions;
use rollgate::model::time::{Duration, Time};
use rollgate::review::compare::CompareOptions;
use rollgate::review::verdict::{Compared, Standing};

use super::world::{POLICY, over, policy};

/// A minute of readings, any of which may be missing, unknown or late.
fn recording() -> impl Strategy<Value = String> {
    let value = |high: f64| {
        prop_oneof![
            6 => (0.0..high).prop_map(|value| format!("{value:.2}")),
            1 => Just("null".to_owned()),
            1 => Just(String::new()),
        ]
    };
    let minute = (value(8.0), value(400.0), value(200.0), 0..4_i64);
    prop::collection::vec(minute, 1..80).prop_map(|minutes| {
        let mut now = 0;
        let line = |(errors, latency, control, pause): (String, String, String, i64)| {
            now += if pause == 0 { 4 } else { 1 };
            let cell = |name: &str, value: &str| {
                if value.is_empty() { String::new() } else { format!("\"{name}\":{value}") }
            };
            let cells = [cell("error_rate", &errors), cell("latency", &latency)];
            let treatment = cells.into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(",");
            let time = Time::from_millis(now * 60_000);
            format!(
                "{{\"time\":\"{time}\",\"groups\":{{\"treatment\":{{{treatment}}},\"control\":{{{}}}}}}}\n",
                cell("latency", &control)
            )
        };
        minutes.into_iter().map(line).collect()
    })
}

fn options() -> impl Strategy<Value = CompareOptions> {
    prop::option::of(1..20_i64).prop_map(|minutes| CompareOptions {
        run: RunOptions { rearm: minutes.map(Duration::from_mins), ..RunOptions::default() },
        per_step: true,
    })
}

fn differences(compared: &Compared) -> usize {
    compared.lost.len() + compared.gained.len() + compared.moved.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_policy_never_differs_from_itself(data in recording(), options in options()) {
        let one = policy(POLICY);
        let compared = over(&data, &one, &one, None, &options).unwrap();
        prop_assert_eq!(compared.standing, Standing::Same);
        let per_step = compared.per_step.unwrap();
        prop_assert_eq!(per_step.differ, 0, "{:#?}", per_step.first);
        prop_assert!(per_step.judged >= compared.snapshots);
    }

    /// What people read of a policy, and not what it decides by.
    #[test]
    fn an_owner_changes_no_decision_even_where_two_readings_are_needed(data in recording(), options in options()) {
        let other = POLICY.replacen("schema = 1", "schema = 1\nowner = \"others\"", 1);
        let unread = "[metrics]\nunread = { unit = \"count\", better = \"lower\", max_age = \"5m\", on_unknown = \"hold\" }";
        let other = other.replacen("[metrics]", unread, 1);
        let compared = over(&data, &policy(POLICY), &policy(&other), None, &options).unwrap();
        prop_assert_eq!(compared.standing, Standing::Same);
        prop_assert_eq!(compared.per_step.unwrap().differ, 0);
    }

    #[test]
    fn what_one_loses_the_other_gains(data in recording(), options in options(), bound in 1..8_u32, minutes in 1..6_u32) {
        let edit = format!("p0 = {{ above = \"{bound}%\", for = \"{minutes}m\" }}");
        let other = policy(&POLICY.replace(r#"p0 = { above = "5%", for = "2m" }"#, &edit));
        let one = policy(POLICY);
        let there = over(&data, &one, &other, None, &options).unwrap();
        let back = over(&data, &other, &one, None, &options).unwrap();
        prop_assert_eq!(there.lost.len(), back.gained.len());
        prop_assert_eq!(there.gained.len(), back.lost.len());
        prop_assert_eq!(there.moved.len(), back.moved.len());
        prop_assert_eq!(there.standing, back.standing);
        prop_assert_eq!(there.divergence.as_ref().map(|parts| parts.at), back.divergence.as_ref().map(|parts| parts.at));
        // No roll back is left over: each is in both, lost, gained or moved.
        let (was, is) = (there.before.rollbacks.len(), there.after.rollbacks.len());
        prop_assert_eq!(was - there.lost.len(), is - there.gained.len());
        prop_assert!(differences(&there) == 0 || there.standing == Standing::Decisions);
    }
}
